// Whether the rules of a definition can be read at all, said when the definition is written: a rule that nobody can carry out must not be
// taken for one that is. After apiextensions-apiserver's validation of `x-kubernetes-validations`.
import type { CustomResourceDefinition, ValidationRule } from "@coxswain/api/apiextensions/v1";
import type { ApiObject, FieldError } from "@coxswain/apimachinery";
import { fieldErrors, jsonEqual } from "@coxswain/apimachinery";
import { loadedLanguage } from "../cel/lazily.ts";
import { isDefinition } from "./custom-kinds.ts";
import { hasRules, rulesOf, variablesOf } from "./rules.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema } from "./structural.ts";

const { invalid, notSupported, required } = fieldErrors;
const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/** Schemas that are as they were before are not looked at again. */
export function ruleErrors(object: ApiObject, old?: ApiObject): readonly FieldError[] {
  if (!isDefinition(object)) return [];
  return object.spec.versions.flatMap(({ name, schema }, index) => {
    const root = schema?.openAPIV3Schema;
    const before = old && isDefinition(old) ? schemaOf(old, name) : undefined;
    if (!root || !hasRules(root) || (before && jsonEqual(before, root))) return [];
    return errorsIn(root, `spec.versions[${index}].schema.openAPIV3Schema`);
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

function errorsIn(schema: JsonSchema, path: string): FieldError[] {
  const { properties = {}, items, additionalProperties, allOf = [] } = schema;
  const parts: (readonly [unknown, string])[] = [
    ...Object.entries(properties).map(([name, part]) => [part, `${path}.properties[${name}]`] as const),
    [items, `${path}.items`],
    [additionalProperties, `${path}.additionalProperties`],
    ...allOf.map((part, index) => [part, `${path}.allOf[${index}]`] as const),
  ];
  return [
    ...rulesOf(schema).flatMap((rule, index) => errorsOf(rule, `${path}.x-kubernetes-validations[${index}]`)),
    ...parts.flatMap(([part, at]) => (isSchema(part) && hasRules(part) ? errorsIn(part, at) : [])),
  ];
}

function errorsOf(rule: ValidationRule, path: string): FieldError[] {
  const { messageExpression, message, reason } = rule;
  const errors: FieldError[] = [];
  if (rule.rule.trim() === "") errors.push(required(`${path}.rule`, "rule is not specified"));
  else errors.push(...compiled(rule, rule.rule, "bool", `${path}.rule`));
  if (message !== undefined && message !== "" && message.trim() === "")
    errors.push(invalid(`${path}.message`, message, "message must be non-empty if specified"));
  if (message?.trim().includes("\n") === true)
    errors.push(invalid(`${path}.message`, message, "message must not contain line breaks"));
  if (messageExpression !== undefined && messageExpression !== "")
    errors.push(...compiled(rule, messageExpression, "string", `${path}.messageExpression`));
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${path}.reason`, reason, reasons));
  return errors;
}

function compiled(rule: ValidationRule, expression: string, wanted: string, path: string): FieldError[] {
  const { CelError, compile } = loadedLanguage();
  try {
    const { type } = compile(expression, variablesOf(rule));
    if (type === wanted || type === "dyn") return [];
    return [invalid(path, expression, `compilation failed: cel expression must evaluate to a ${wanted}`)];
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return [invalid(path, expression, `compilation failed: ${error.located}`)];
  }
}
