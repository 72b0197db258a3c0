// Whether the rules of a definition can be read at all, said when the definition is written: a rule that nobody can carry out must not be
// taken for one that is. After apiextensions-apiserver's validation of `x-kubernetes-validations`.
import type { CustomResourceDefinition, ValidationRule } from "@coxswain/api/apiextensions/v1";
import type { ApiObject, FieldError } from "@coxswain/apimachinery";
import { fieldErrors, jsonEqual } from "@coxswain/apimachinery";
import { loadedLanguage } from "../cel/lazily.ts";
import { checkTypes } from "../cel/static-check.ts";
import { isUnsure, optionalOf, shown, unsure } from "../cel/static-types.ts";
import { isDefinition } from "./custom-kinds.ts";
import { schemaPlaces } from "./definition-check.ts";
import { costOf, sizeOf } from "./rule-schema.ts";
import { typeOfSchema } from "./rule-types.ts";
import { hasRules, rulesOf, variablesOf } from "./rules.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema, memberSchema } from "./structural.ts";

const { forbidden, invalid, notSupported, required } = fieldErrors;
const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/** Schemas that are as they were before are not looked at again. */
export function ruleErrors(object: ApiObject, old?: ApiObject): readonly FieldError[] {
  if (!isDefinition(object)) return [];
  return schemaPlaces(object).flatMap(({ name, schema, path }) => {
    const before = old && isDefinition(old) ? schemaOf(old, name) : undefined;
    if (!hasRules(schema) || (before && jsonEqual(before, schema))) return [];
    return errorsIn({ schema, times: 1, isRoot: true }, path);
  });
}

/** Whether any version of a definition has rules at all. */
export function definitionHasRules(object: ApiObject): boolean {
  return (
    isDefinition(object) &&
    object.spec.versions.some(({ schema }) => schema?.openAPIV3Schema !== undefined && hasRules(schema.openAPIV3Schema))
  );
}

function schemaOf({ spec }: CustomResourceDefinition, name: string): JsonSchema | undefined {
  return spec.versions.find((version) => version.name === name)?.schema?.openAPIV3Schema;
}

interface Place {
  readonly schema: JsonSchema;
  /** How often a value of the schema may stand in one object. */
  readonly times: number;
  readonly isRoot: boolean;
  /** Of the list around it whose items have no predecessors. */
  readonly uncorrelatable?: string | undefined;
}

function errorsIn(place: Place, path: string): FieldError[] {
  const { schema, times } = place;
  const { properties = {}, items, additionalProperties, allOf = [] } = schema;
  const parts: (readonly [unknown, string])[] = [
    ...Object.entries(properties).map(([name, part]) => [part, `${path}.properties[${name}]`] as const),
    [items, `${path}.items`],
    [additionalProperties, `${path}.additionalProperties`],
    ...allOf.map((part, index) => [part, `${path}.allOf[${index}]`] as const),
  ];
  return [
    ...rulesOf(schema).flatMap((rule, index) => errorsOf(rule, `${path}.x-kubernetes-validations[${index}]`, place)),
    ...parts.flatMap(([part, at]) =>
      isSchema(part) && hasRules(part)
        ? errorsIn(
            {
              schema: part,
              times: times * timesOf(schema, part),
              isRoot: false,
              uncorrelatable: place.uncorrelatable ?? (part === items && !hasKeys(schema) ? path : undefined),
            },
            at,
          )
        : [],
    ),
  ];
}

function hasKeys(schema: JsonSchema): boolean {
  return schema["x-kubernetes-list-type"] === "map";
}

/** Items and members of maps are as many as fit. */
function timesOf(schema: JsonSchema, part: JsonSchema): number {
  return part === schema.items || part === schema.additionalProperties ? sizeOf(schema) : 1;
}

function errorsOf(rule: ValidationRule, path: string, place: Place): FieldError[] {
  const { messageExpression, message, reason } = rule;
  const errors: FieldError[] = [];
  if (rule.rule.trim() === "") errors.push(required(`${path}.rule`, "rule is not specified"));
  else errors.push(...compiled(rule, rule.rule, "bool", `${path}.rule`, place));
  if (message !== undefined && message !== "" && message.trim() === "")
    errors.push(invalid(`${path}.message`, message, "must be non-empty if specified"));
  if (message?.trim().includes("\n") === true)
    errors.push(invalid(`${path}.message`, message, "must not contain line breaks"));
  if (rule.rule.trim().includes("\n") && (message ?? "").trim() === "")
    errors.push(required(`${path}.message`, "message must be specified if rule contains line breaks"));
  if (messageExpression !== undefined && messageExpression !== "" && messageExpression.trim() === "")
    errors.push(required(`${path}.messageExpression`, "messageExpression must be non-empty if specified"));
  else if (messageExpression !== undefined && messageExpression !== "")
    errors.push(...compiled(rule, messageExpression, "string", `${path}.messageExpression`, place));
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${path}.reason`, reason, reasons));
  const { fieldPath = "", optionalOldSelf } = rule;
  if (fieldPath !== "" && !isFieldPath(fieldPath, place.schema))
    errors.push(invalid(`${path}.fieldPath`, fieldPath, "must be a valid path"));
  if (optionalOldSelf === true && !/\boldSelf\b/.test(rule.rule))
    errors.push(invalid(`${path}.optionalOldSelf`, optionalOldSelf, "may not be set if oldSelf is not used in rule"));
  return errors;
}

/** `.name` or `['name']`, any number of times, and the schema knows each. */
function isFieldPath(path: string, schema: JsonSchema): boolean {
  if (!/^(?:\.[A-Za-z_][\w-]*|\['[^']+'\])+$/.test(path)) return false;
  let at: JsonSchema | undefined = schema;
  for (const [, plain, quoted] of path.matchAll(/\.([A-Za-z_][\w-]*)|\['([^']+)'\]/g))
    at = at && memberSchema(at, plain ?? quoted ?? "");
  return at !== undefined;
}

/** As Kubernetes shows a rule in messages. */
function shownRule({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule): object {
  return {
    Rule: rule,
    Message: message ?? "",
    MessageExpression: messageExpression ?? "",
    Reason: reason ?? null,
    FieldPath: fieldPath ?? "",
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}

/** Kubernetes' limit, and how far beyond it our coarser estimate has to be. */
const costLimit = 10_000_000;
const tolerance = 10;

function compiled(
  rule: ValidationRule,
  expression: string,
  wanted: string,
  path: string,
  { schema, times, isRoot, uncorrelatable }: Place,
): FieldError[] {
  const { CelError, compile, faultAt, parse } = loadedLanguage();
  const of = wanted === "string" ? "messageExpression" : "cel expression";
  const refused = (why: string): FieldError[] => [invalid(path, shownRule(rule), why)];
  const failed = (why: string): FieldError[] =>
    refused(`${wanted === "string" ? "messageExpression " : ""}compilation failed: ${why}`);
  try {
    const variables = variablesOf(rule);
    const self = typeOfSchema(schema, "selfType", isRoot) ?? unsure;
    const oldSelf = rule.optionalOldSelf === true ? optionalOf(self) : self;
    const known = new Map(Object.entries({ self, oldSelf }));
    const { faults, type } = checkTypes(parse(expression, variables).tree, expression, known);
    if (faults.length > 0) return failed(faults.map(({ at, words }) => faultAt(expression, at, words)).join("\n"));
    const program = compile(expression, variables);
    const found = isUnsure(type) ? program.type : shown(type);
    if (found !== wanted && !(isUnsure(type) && found === "dyn")) return refused(`${of} must evaluate to a ${wanted}`);
    const cost = costOf(program.expression, schema, isRoot) * times;
    if (cost > costLimit * tolerance) return [forbidden(path, costWords(cost / costLimit))];
    if (uncorrelatable === undefined || wanted !== "bool" || !program.uses("oldSelf")) return [];
    return [
      invalid(
        path,
        expression,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`,
      ),
    ];
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return failed(error.located);
  }
}

function costWords(factor: number): string {
  const shown = factor > 100 ? "more than 100x" : `${factor.toFixed(1)}x`;
  return `estimated rule cost exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
