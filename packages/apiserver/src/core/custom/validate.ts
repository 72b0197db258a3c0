// A custom resource's values against its schema, in the words of kube-openapi's validator and the fields of apiextensions-apiserver. On an
// update what is as it was before is not complained of again ("ratcheting", KEP-4008): a schema may become stricter than its objects.
import type { FieldError } from "@coxswain/apimachinery";
import { fieldErrors, isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import { matchesFormat } from "./formats.ts";
import { goPattern } from "./patterns.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema, memberSchema } from "./structural.ts";

const { duplicate, invalid, notSupported, required, tooLong, tooMany, typeInvalid } = fieldErrors;

/** `old` is undefined for a new object, or where nothing stood. */
export function validateBySchema(value: unknown, schema: JsonSchema, path: string, old?: unknown): FieldError[] {
  if (old !== undefined && jsonEqual(old, value)) return [];
  if (value === null && schema.nullable === true) return [];
  const wrongType = typeError(value, schema, path);
  if (wrongType) return [wrongType];
  return [
    ...valueErrors(value, schema, path),
    ...(Array.isArray(value) ? listErrors(value, schema, path, old) : []),
    ...(isJsonObject(value) ? objectErrors(value, schema, path, old) : []),
    ...junctionErrors(value, schema, path),
  ];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "integer";
  return typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value;
}

function typeError(value: unknown, schema: JsonSchema, path: string): FieldError | undefined {
  const found = typeOf(value);
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (found === "integer" || found === "string") return undefined;
    return mistyped(path, "integer,string", found);
  }
  const wanted = schema.type ?? "";
  if (wanted === "" || wanted === found || (wanted === "number" && found === "integer")) return undefined;
  return mistyped(path, wanted, found);
}

function mistyped(path: string, wanted: string, found: string): FieldError {
  return typeInvalid(path || "<nil>", found, `${says(path)} must be of type ${wanted}: ${JSON.stringify(found)}`);
}

/** The validator's own name of a place: as ours, and "in body" behind it. */
function says(path: string): string {
  return path === "" ? "" : `${path} in body`;
}

function valueErrors(value: unknown, schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const should = (detail: string): void => void errors.push(invalid(path, value, `${says(path)} should ${detail}`));
  if (schema.enum && !schema.enum.some((one) => jsonEqual(one, value)))
    errors.push(notSupported(path, value, schema.enum.map(enumText)));
  if (typeof value === "number" || typeof value === "bigint") {
    const { maximum, minimum, multipleOf } = schema;
    if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum))
      should(`be less than ${schema.exclusiveMaximum === true ? "" : "or equal to "}${maximum}`);
    if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum))
      should(`be greater than ${schema.exclusiveMinimum === true ? "" : "or equal to "}${minimum}`);
    if (multipleOf !== undefined && multipleOf !== 0 && !isMultiple(Number(value), multipleOf))
      should(`be a multiple of ${multipleOf}`);
    if (schema.format === "int32" && (value < -(2 ** 31) || value >= 2 ** 31))
      errors.push(invalid(path, value, `${says(path)} must be of type int32: ${JSON.stringify(typeOf(value))}`));
  }
  if (typeof value === "string") {
    const length = [...value].length;
    if (schema.maxLength !== undefined && length > schema.maxLength)
      errors.push(tooLong(path, value, schema.maxLength));
    if (schema.minLength !== undefined && length < schema.minLength)
      should(`be at least ${schema.minLength} chars long`);
    if (schema.pattern !== undefined && !matchesPattern(value, schema.pattern)) should(`match '${schema.pattern}'`);
    if (schema.format !== undefined && !matchesFormat(value, schema.format))
      errors.push(invalid(path, value, `${says(path)} must be of type ${schema.format}: ${JSON.stringify(value)}`));
  }
  return errors;
}

function enumText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9;
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

function listErrors(value: readonly unknown[], schema: JsonSchema, path: string, old: unknown): FieldError[] {
  const errors: FieldError[] = [];
  const { items, maxItems, minItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems)
    errors.push(invalid(path, value.length, `${says(path)} should have at least ${minItems} items`));
  const keys = schema["x-kubernetes-list-type"] === "map" ? (schema["x-kubernetes-list-map-keys"] ?? []) : undefined;
  const keyOf = (item: unknown): unknown =>
    keys && isJsonObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
  const before =
    Array.isArray(old) && keys ? new Map(old.map((item) => [JSON.stringify(keyOf(item)), item])) : undefined;
  const isUnique = keys !== undefined || schema["x-kubernetes-list-type"] === "set";
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const key = JSON.stringify(keyOf(item));
    if (isUnique && seen.has(key)) errors.push(duplicate(`${path}[${index}]`, keyOf(item)));
    seen.add(key);
    if (isSchema(items)) errors.push(...validateBySchema(item, items, `${path}[${index}]`, before?.get(key)));
  }
  return errors;
}

function objectErrors(
  value: Readonly<Record<string, unknown>>,
  schema: JsonSchema,
  path: string,
  old: unknown,
): FieldError[] {
  const errors: FieldError[] = [];
  const count = Object.keys(value).length;
  const { maxProperties, minProperties } = schema;
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties));
  if (minProperties !== undefined && count < minProperties)
    errors.push(invalid(path, count, `${says(path)} should have at least ${minProperties} properties`));
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.push(required(under(path, name)));
  for (const [name, member] of Object.entries(value)) {
    const known = memberSchema(schema, name);
    if (known)
      errors.push(...validateBySchema(member, known, under(path, name), isJsonObject(old) ? old[name] : undefined));
  }
  return errors;
}

function under(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** `allOf` and its kin say more of a value that the rest of the schema describes. */
function junctionErrors(value: unknown, schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const fails = (part: JsonSchema): boolean => validateBySchema(value, part, path).length > 0;
  const must = (detail: string): void =>
    void errors.push(invalid(path || "<nil>", shown(value), `${says(path)} must ${detail}`.trim()));
  const { allOf, anyOf, oneOf, not } = schema;
  if (anyOf && anyOf.length > 0 && anyOf.every(fails)) {
    must("validate at least one schema (anyOf)");
    errors.push(...closest(anyOf.map((part) => validateBySchema(value, part, path))));
  }
  if (oneOf && oneOf.length > 0) {
    const valid = oneOf.filter((part) => !fails(part)).length;
    if (valid === 0) {
      must("validate one and only one schema (oneOf). Found none valid");
      errors.push(...closest(oneOf.map((part) => validateBySchema(value, part, path))));
    } else if (valid > 1) must(`validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
  }
  const broken = (allOf ?? []).flatMap((part) => validateBySchema(value, part, path));
  if (broken.length > 0) {
    must("validate all the schemas (allOf)");
    errors.push(...broken);
  }
  if (not && !fails(not)) must("not validate the schema (not)");
  return errors;
}

/** Of several alternatives the errors of the one that came nearest. */
function closest(all: readonly FieldError[][]): readonly FieldError[] {
  return all.reduce((best, next) => (next.length < best.length ? next : best), all[0] ?? []);
}

/** Whole objects are not repeated in messages. */
function shown(value: unknown): unknown {
  return isJsonObject(value) || Array.isArray(value) ? "" : value;
}
