// Whether the expressions of webhooks and admission policies can be read at all, said when they are written. After apiserver's validation of
// admissionregistration (`pkg/apis/admissionregistration/validation`). Expressions that stood there before are not looked at again.
import type {
  MatchCondition,
  MutatingAdmissionPolicy,
  ValidatingAdmissionPolicy,
} from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, DeepReadonly, FieldError } from "@coxswain/apimachinery";
import { fieldErrors, isJsonObject } from "@coxswain/apimachinery";
import { loadedLanguage } from "../cel/lazily.ts";
import type { Variables } from "../cel/environment.ts";
import { checkTypes } from "../cel/static-check.ts";
import { unsure } from "../cel/static-types.ts";
import { requestVariables } from "./match/conditions.ts";
import { policyVariables } from "./policy/variables.ts";

interface Expression {
  readonly path: string;
  readonly text: string;
  /** The types that it may have; "dyn" is always one. */
  readonly types: readonly string[];
  readonly variables: Variables;
  /** It may make messages, such as `Object{…}`. */
  readonly isMutation?: boolean;
}

export function hasExpressions(object: ApiObject): boolean {
  return expressionsOf(object).length > 0;
}

export function expressionErrors(object: ApiObject, old?: ApiObject): readonly FieldError[] {
  const before = new Set((old ? expressionsOf(old) : []).map(({ text }) => text));
  return expressionsOf(object).flatMap((expression) => (before.has(expression.text) ? [] : errorsOf(expression)));
}

function errorsOf({ path, text, types, variables, isMutation }: Expression): readonly FieldError[] {
  const { CelError, compile, compileMutation, faultAt, parse } = loadedLanguage();
  const refused = (why: string): FieldError[] => [fieldErrors.invalid(path, text, `compilation failed: ${why}`)];
  try {
    if (isMutation !== true) {
      // What variables hold is not known beforehand; literals and what functions make of them are.
      const scope = new Map(Object.keys(variables).map((name) => [name, unsure]));
      const { faults } = checkTypes(parse(text, variables).tree, text, scope);
      if (faults.length > 0) return refused(faults.map(({ at, words }) => faultAt(text, at, words)).join("\n"));
    }
    const { type } = (isMutation ? compileMutation : compile)(text, variables);
    if (type === "dyn" || types.length === 0 || types.some((wanted) => type.startsWith(wanted))) return [];
    return [fieldErrors.invalid(path, text, mustEvaluate(types))];
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return refused(error.located);
  }
}

function mustEvaluate(types: readonly string[]): string {
  return types.length === 1
    ? `must evaluate to ${String(types[0])}`
    : `must evaluate to one of [${types.map((type) => (type === "null" ? "null_type" : type)).join(" ")}]`;
}

function expressionsOf(object: ApiObject): readonly Expression[] {
  switch (object.kind) {
    case "MutatingWebhookConfiguration":
    case "ValidatingWebhookConfiguration":
      return ofWebhooks(object);
    case "ValidatingAdmissionPolicy":
      return ofValidatingPolicy(object as ValidatingAdmissionPolicy);
    case "MutatingAdmissionPolicy":
      return ofMutatingPolicy(object as MutatingAdmissionPolicy);
    default:
      return [];
  }
}

function ofWebhooks(object: ApiObject): readonly Expression[] {
  const { webhooks } = object as ApiObject & { readonly webhooks?: unknown };
  if (!Array.isArray(webhooks)) return [];
  return webhooks.flatMap((hook, index) =>
    isJsonObject(hook) && Array.isArray(hook["matchConditions"])
      ? ofConditions(
          hook["matchConditions"] as readonly MatchCondition[],
          `webhooks[${index}].matchConditions`,
          requestVariables,
        )
      : [],
  );
}

function ofConditions(
  conditions: readonly DeepReadonly<MatchCondition>[],
  path: string,
  variables: Variables,
): readonly Expression[] {
  return conditions
    .map(({ expression }, index) => ({
      path: `${path}[${index}].expression`,
      text: expression,
      types: ["bool"],
      variables,
    }))
    .filter(({ text }) => text.trim() !== "");
}

function ofPolicy(spec: NonNullable<MutatingAdmissionPolicy["spec"]>): readonly Expression[] {
  const variables = policyVariables(spec);
  return [
    ...(spec.variables ?? []).map(({ expression }, index) => ({
      path: `spec.variables[${index}].expression`,
      text: expression,
      types: [],
      variables,
    })),
    ...ofConditions(spec.matchConditions ?? [], "spec.matchConditions", variables),
  ].filter(({ text }) => text.trim() !== "");
}

function ofMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): readonly Expression[] {
  const variables = policyVariables(spec);
  const mutations = (spec.mutations ?? []).map(({ jsonPatch, applyConfiguration }, index): Expression => {
    const path = `spec.mutations[${index}].${jsonPatch ? "jsonPatch" : "applyConfiguration"}.expression`;
    const text = (jsonPatch ?? applyConfiguration)?.expression ?? "";
    return { path, text, types: [jsonPatch ? "list" : "map"], variables, isMutation: true };
  });
  return [...ofPolicy(spec), ...mutations].filter(({ text }) => text.trim() !== "");
}

function ofValidatingPolicy(policy: ValidatingAdmissionPolicy): readonly Expression[] {
  const spec = policy.spec ?? {};
  const variables = policyVariables(spec);
  const at = (path: string, text: string, types: readonly string[]): Expression => ({ path, text, types, variables });
  return [
    ...ofPolicy(spec),
    ...(spec.validations ?? []).flatMap(({ expression, messageExpression = "" }, index) => [
      at(`spec.validations[${index}].expression`, expression, ["bool"]),
      at(`spec.validations[${index}].messageExpression`, messageExpression, ["string"]),
    ]),
    ...(spec.auditAnnotations ?? []).map(({ valueExpression }, index) =>
      at(`spec.auditAnnotations[${index}].valueExpression`, valueExpression, ["string", "null"]),
    ),
  ].filter(({ text }) => text.trim() !== "");
}
