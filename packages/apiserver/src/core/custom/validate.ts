// A custom resource's values against its schema, in the words of kube-openapi's validator and the fields of apiextensions-apiserver. On an
// update what is as it was before is not complained of again ("ratcheting", KEP-4008): a schema may become stricter than its objects.
//
// Every check of a value counts what held: of several alternatives that a value could meet, the complaints of the one with most matches are
// shown. The order of checks is the validator's.
import type { FieldError } from "@coxswain/apimachinery";
import { fieldErrors, isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import { knownFormat, matchesFormat } from "./formats.ts";
import { isInteger, numberErrors, numberTypeOf } from "./numbers.ts";
import { goPattern } from "./patterns.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema, memberSchema } from "./structural.ts";

const { invalid, notSupported, required, tooLong, tooMany, typeInvalid } = fieldErrors;

/** `old` is undefined for a new object, or where nothing stood. */
export function validateBySchema(value: unknown, schema: JsonSchema, path: string, old?: unknown): FieldError[] {
  return checkUnlessSame(value, schema, path, old).errors;
}

interface Result {
  readonly errors: FieldError[];
  matches: number;
}

function checkUnlessSame(value: unknown, schema: JsonSchema, path: string, old: unknown): Result {
  const result = check(value, schema, path, old);
  if (result.errors.length > 0 && old !== undefined && jsonEqual(old, value)) return { ...result, errors: [] };
  return result;
}

function check(value: unknown, schema: JsonSchema, path: string, old: unknown): Result {
  const result: Result = { errors: [], matches: 0 };
  const types = typesOf(schema);
  const format = knownFormat(schema, types);
  if (value === null) {
    merge(result, nullResult(schema, types, path));
    add(result, ...enumErrors(value, schema, path));
    return result;
  }
  const hold = (part: Result): void => {
    merge(result, part);
    result.matches += 1;
  };
  const say = (errors: readonly FieldError[]): Result => ({ errors: [...errors], matches: 0 });
  if (types.length > 0 || format !== undefined) hold(typeResult(value, types, format, path));
  hold(junctions(value, schema, path, old));
  if (typeof value === "string") {
    hold(say(textErrors(value, schema, path)));
    if (format !== undefined && !matchesFormat(value, format)) hold(say([mistyped(path, format, value)]));
    else if (format !== undefined) result.matches += 1;
  }
  if (typeof value === "number" || typeof value === "bigint") {
    const errors = numberErrors(value, schema, types, format, path, says(path));
    hold({ errors, matches: 1 });
  }
  if (Array.isArray(value)) hold(listResult(value, schema, path, old));
  hold(say(enumErrors(value, schema, path)));
  if (isJsonObject(value)) hold(objectResult(value, schema, path, old));
  result.matches += 1;
  return result;
}

/** What is said already is not said again. */
function add(result: Result, ...errors: readonly FieldError[]): void {
  for (const error of errors) if (!result.errors.some((said) => jsonEqual(said, error))) result.errors.push(error);
}

function merge(result: Result, part: Result): void {
  add(result, ...part.errors);
  result.matches += part.matches;
}

function typesOf(schema: JsonSchema): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return ["integer", "string"];
  return schema.type ? [schema.type] : [];
}

function nullResult(schema: JsonSchema, types: readonly string[], path: string): Result {
  if (types.length === 0 || schema.nullable === true) return { errors: [], matches: 1 };
  return { errors: [mistyped(path, types.join(","), "null")], matches: 0 };
}

function typeResult(value: unknown, types: readonly string[], format: string | undefined, path: string): Result {
  const [type, own] = typeOf(value);
  const isNumeric = types.includes("number") || types.includes("integer");
  const fits =
    types.includes(type) ||
    (type === "number" && types.includes("integer") && isInteger(Number(value))) ||
    (type === "integer" && types.includes("number"));
  const isTextOrList = typeof value === "string" || Array.isArray(value);
  if (format !== undefined && !isTextOrList && !fits && own !== format)
    return { errors: [mistyped(path, format, own)], matches: 0 };
  if (fits || (format !== undefined && isTextOrList && !isNumeric)) return { errors: [], matches: 1 };
  return { errors: [mistyped(path, types.join(","), type)], matches: 0 };
}

/** The type, and for numbers Go's own name of it. */
function typeOf(value: unknown): readonly [type: string, own: string] {
  if (Array.isArray(value)) return ["array", ""];
  if (typeof value === "number" || typeof value === "bigint")
    return numberTypeOf(value) === "int64" ? ["integer", "int64"] : ["number", "float64"];
  return [typeof value, ""];
}

function mistyped(path: string, wanted: string, found: string): FieldError {
  return typeInvalid(path || "<nil>", found, `${says(path)} must be of type ${wanted}: ${JSON.stringify(found)}`);
}

/** The validator's own name of a place: as ours, and "in body" behind it. */
function says(path: string): string {
  return `${path} in body`;
}

function enumErrors(value: unknown, schema: JsonSchema, path: string): FieldError[] {
  if (!schema.enum || schema.enum.length === 0) return [];
  // Null is nobody's equal.
  if (value !== null && schema.enum.some((one) => jsonEqual(one, value))) return [];
  const texts = schema.enum.map((one: unknown) => (typeof one === "string" ? one : JSON.stringify(one)));
  return [notSupported(path, value, texts)];
}

function textErrors(value: string, schema: JsonSchema, path: string): FieldError[] {
  const { maxLength, minLength, pattern } = schema;
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength) return [tooLong(path, value, maxLength)];
  if (minLength !== undefined && length < minLength)
    return [invalid(path, value, `${says(path)} should be at least ${minLength} chars long`)];
  if (pattern !== undefined && pattern !== "" && !matchesPattern(value, pattern))
    return [invalid(path, value, `${says(path)} should match '${pattern}'`)];
  return [];
}

/** One that is none refuses nothing. */
function matchesPattern(text: string, pattern: string): boolean {
  try {
    return goPattern(pattern)(text);
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
}

function listResult(value: readonly unknown[], schema: JsonSchema, path: string, old: unknown): Result {
  const result: Result = { errors: [], matches: 1 };
  const { items, maxItems, minItems } = schema;
  const keys = schema["x-kubernetes-list-type"] === "map" ? (schema["x-kubernetes-list-map-keys"] ?? []) : undefined;
  const keyOf = (item: unknown): string =>
    JSON.stringify(isJsonObject(item) ? (keys ?? []).map((key) => item[key] ?? null) : item);
  const before = Array.isArray(old) && keys ? new Map(old.map((item) => [keyOf(item), item])) : undefined;
  if (isSchema(items))
    for (const [index, item] of value.entries())
      merge(result, checkUnlessSame(item, items, `${path}[${index}]`, before?.get(keyOf(item))));
  if (minItems !== undefined && value.length < minItems)
    add(result, invalid(path, value.length, `${says(path)} should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) add(result, tooMany(path, value.length, maxItems));
  return result;
}

function objectResult(
  value: Readonly<Record<string, unknown>>,
  schema: JsonSchema,
  path: string,
  old: unknown,
): Result {
  const result: Result = { errors: [], matches: 0 };
  const count = Object.keys(value).length;
  const { maxProperties, minProperties } = schema;
  if (minProperties !== undefined && count < minProperties)
    add(result, invalid(path, count, `${says(path)} should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && count > maxProperties) add(result, tooMany(path, count, maxProperties));
  for (const [name, member] of Object.entries(value)) {
    const known = memberSchema(schema, name);
    if (known)
      merge(result, checkUnlessSame(member, known, under(path, name), isJsonObject(old) ? old[name] : undefined));
  }
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) add(result, required(under(path, name)));
  return result;
}

function under(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** `allOf` and its kin say more of a value that the rest of the schema describes. */
function junctions(value: unknown, { allOf, anyOf, oneOf, not }: JsonSchema, path: string, old: unknown): Result {
  const result: Result = { errors: [], matches: 1 };
  const of = (part: JsonSchema): Result => check(value, part, path, old);
  const must = (detail: string): void => add(result, invalid("<nil>", "", `${JSON.stringify(path)} must ${detail}`));
  if (anyOf && anyOf.length > 0) {
    const results = anyOf.map(of);
    const first = results.find(isValid);
    if (!first) must("validate at least one schema (anyOf)");
    merge(result, first ?? nearest(results));
  }
  if (oneOf && oneOf.length > 0) {
    const results = oneOf.map(of);
    const valid = results.filter(isValid);
    const [first] = valid;
    if (first && valid.length === 1) merge(result, first);
    else if (first) must(`validate one and only one schema (oneOf). Found ${valid.length} valid alternatives`);
    else {
      must("validate one and only one schema (oneOf). Found none valid");
      merge(result, nearest(results));
    }
  }
  if (allOf && allOf.length > 0) {
    const results = allOf.map(of);
    for (const part of results) merge(result, part);
    const valid = results.filter(isValid).length;
    if (valid < results.length) must(`validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`);
  }
  if (not && isValid(of(not))) must("not validate the schema (not)");
  return result;
}

function isValid({ errors }: Result): boolean {
  return errors.length === 0;
}

/** The first of those in which most was right. */
function nearest(results: readonly Result[]): Result {
  return results.reduce((best, next) => (next.matches > best.matches ? next : best));
}
