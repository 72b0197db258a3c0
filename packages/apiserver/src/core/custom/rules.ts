// The rules that a definition's schema states in the expression language (`x-kubernetes-validations`), carried out on an object whose values
// have the schema's types. After apiextensions-apiserver's `schema/cel`: fields, types of error and words are its own. What is as it was
// before is not complained of again, and a rule about the value of before (`oldSelf`) speaks only where there is one.
import type { FieldError } from "@coxswain/apimachinery";
import { fieldErrors, isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import type { ValidationRule } from "@coxswain/api/apiextensions/v1";
import { loadedLanguage } from "../cel/lazily.ts";
import type { Language } from "../cel/lazily.ts";
import type { CelValue } from "../cel/values.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema, memberSchema } from "./structural.ts";

const { duplicate, forbidden, invalid, required } = fieldErrors;
const longestMessage = 5120;

/** Types of error that leave a value without the shape that rules count on. */
const blocking: ReadonlySet<string> = new Set([
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

/** What the rules of the whole schema say; `errors` is what the schema itself has said before. */
export function validateByRules(
  value: unknown,
  schema: JsonSchema,
  errors: readonly FieldError[],
  old?: unknown,
): readonly FieldError[] {
  if (!hasRules(schema)) return [];
  if (errors.some(({ type }) => blocking.has(type)))
    return [
      invalid(
        "<nil>",
        null,
        "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
      ),
    ];
  const language = loadedLanguage();
  const run: Run = { language, budget: new language.Budget(), isOver: false };
  return walk(run, value, schema, "", old, true);
}

/** What the rules of one object share. */
interface Run {
  readonly language: Language;
  readonly budget: InstanceType<Language["Budget"]>;
  /** Its budget is spent: no further rule is run. */
  isOver: boolean;
}

const known = new WeakMap<JsonSchema, boolean>();

/** Whether there is a rule anywhere in the schema: most have none, and are not walked for every write. */
export function hasRules(schema: JsonSchema): boolean {
  let has = known.get(schema);
  if (has === undefined) {
    const { items, additionalProperties, properties, allOf } = schema;
    const parts = [items, additionalProperties, ...Object.values(properties ?? {}), ...(allOf ?? [])];
    has = rulesOf(schema).length > 0 || parts.some((part) => isSchema(part) && hasRules(part));
    known.set(schema, has);
  }
  return has;
}

export function rulesOf(schema: JsonSchema): readonly ValidationRule[] {
  return schema["x-kubernetes-validations"] ?? [];
}

function walk(run: Run, value: unknown, schema: JsonSchema, path: string, old: unknown, isRoot = false): FieldError[] {
  if (run.isOver || value === null || value === undefined || !hasRules(schema)) return [];
  if (old !== undefined && jsonEqual(old, value)) return [];
  const errors = checkHere(run, value, schema, path, old, isRoot);
  for (const part of schema.allOf ?? []) errors.push(...walk(run, value, { type: schema.type, ...part }, path, old));
  if (Array.isArray(value)) errors.push(...walkList(run, value, schema, path, old));
  else if (isJsonObject(value))
    for (const [name, member] of Object.entries(value)) {
      const part = memberSchema(schema, name);
      const at = memberPath(path, name, schema);
      if (part) errors.push(...walk(run, member, part, at, isJsonObject(old) ? old[name] : undefined));
    }
  return errors;
}

/** Members of a map are told by their key, those of an object by their name. */
function memberPath(path: string, name: string, { properties }: JsonSchema): string {
  const isNamed = properties !== undefined && Object.hasOwn(properties, name);
  return isNamed ? (path === "" ? name : `${path}.${name}`) : `${path}[${name}]`;
}

/** Only items of lists with keys have a predecessor. */
function walkList(
  run: Run,
  value: readonly unknown[],
  { items, ...schema }: JsonSchema,
  path: string,
  old: unknown,
): FieldError[] {
  if (!isSchema(items) || !hasRules(items)) return [];
  const keys = schema["x-kubernetes-list-type"] === "map" ? (schema["x-kubernetes-list-map-keys"] ?? []) : undefined;
  const keyOf = (item: unknown): string =>
    JSON.stringify(isJsonObject(item) ? keys?.map((key) => item[key] ?? null) : null);
  const before = keys && Array.isArray(old) ? new Map(old.map((item) => [keyOf(item), item])) : undefined;
  return value.flatMap((item, index) => walk(run, item, items, `${path}[${index}]`, before?.get(keyOf(item))));
}

function checkHere(
  run: Run,
  value: unknown,
  schema: JsonSchema,
  path: string,
  old: unknown,
  isRoot: boolean,
): FieldError[] {
  const rules = rulesOf(schema);
  if (rules.length === 0) return [];
  const { celValue } = run.language;
  const self = celValue(value, schema, isRoot);
  const before = old === undefined || old === null ? undefined : celValue(old, schema, isRoot);
  return rules.flatMap((rule) => (run.isOver ? [] : (checkRule(run, rule, self, before, schema, path) ?? [])));
}

function checkRule(
  run: Run,
  rule: ValidationRule,
  self: CelValue,
  before: CelValue | undefined,
  { type = "" }: JsonSchema,
  path: string,
): FieldError | undefined {
  const place = path || "<nil>";
  try {
    const program = run.language.compile(rule.rule, variablesOf(rule));
    if (program.uses("oldSelf") && before === undefined && rule.optionalOldSelf !== true) return undefined;
    if (program.run(valuesOf(run, rule, self, before), run.budget) === true) return undefined;
  } catch (error) {
    if (!(error instanceof run.language.CelError)) throw error;
    return invalid(place, type, failureWords(run, error, rule.message?.trim() || rule.rule.trim()));
  }
  const at = rule.fieldPath ? `${path}${path === "" ? rule.fieldPath.replace(/^\./, "") : rule.fieldPath}` : place;
  const words = ownWords(run, rule, self, before) ?? (rule.message?.trim() || `failed rule: ${rule.rule.trim()}`);
  switch (rule.reason) {
    case "FieldValueForbidden":
      return forbidden(at, words);
    case "FieldValueRequired":
      return required(at, words);
    case "FieldValueDuplicate":
      return duplicate(at, type);
    default:
      return invalid(at, type, words);
  }
}

function failureWords(run: Run, error: InstanceType<Language["CelError"]>, rule: string): string {
  if (!error.isOutOfBudget) return `${error.message} evaluating rule: ${rule}`;
  run.isOver = true;
  return error.message.startsWith("operation cancelled")
    ? `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`
    : error.message;
}

/** What a rule may speak of. */
export function variablesOf({ optionalOldSelf }: ValidationRule): Readonly<Record<string, string>> {
  return { self: "dyn", oldSelf: optionalOldSelf === true ? "optional<dyn>" : "dyn" };
}

function valuesOf(
  { language }: Run,
  { optionalOldSelf }: ValidationRule,
  self: CelValue,
  before: CelValue | undefined,
): Readonly<Record<string, unknown>> {
  return { self, oldSelf: optionalOldSelf === true ? language.optional(before) : (before ?? null) };
}

/** What the rule's `messageExpression` says; undefined when it has none, or none that can be used. */
function ownWords(run: Run, rule: ValidationRule, self: CelValue, before: CelValue | undefined): string | undefined {
  if (!rule.messageExpression) return undefined;
  try {
    const program = run.language.compile(rule.messageExpression, variablesOf(rule));
    const words = program.run(valuesOf(run, rule, self, before), run.budget);
    const text = typeof words === "string" ? words.trim() : "";
    return text === "" || text.includes("\n") || Buffer.byteLength(text) > longestMessage ? undefined : text;
  } catch (error) {
    if (error instanceof run.language.CelError) return undefined;
    throw error;
  }
}
