/**
 * What is wrong with a configuration's types before it can have owners, in the words of structured-merge-diff: fields that its type does not
 * have, values of another type, items of keyed lists that cannot be told apart. Formats and ranges are not looked at.
 */
import { isJsonObject } from "../json-value.ts";
import type { FieldSchema, ScalarSchema, Schema, StructSchema } from "../schema.ts";
import { elementText } from "./field-set.ts";
import { fieldElement, fieldStructure, itemElement, type Structure } from "./structure.ts";

/** Undefined when there is nothing to complain of. */
export function typedErrors(schema: StructSchema, value: unknown): string | undefined {
  const errors = errorsOf(schema, undefined, value);
  if (errors.length <= 1) return errors[0];
  return ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
}

function errorsOf(schema: Schema, field: FieldSchema | undefined, value: unknown): string[] {
  if (value === null) return [];
  switch (schema.type) {
    case "scalar":
      return scalarErrors(schema, value);
    case "list":
      if (!Array.isArray(value)) return [`expected list, got ${asPrinted(value)}`];
      return listErrors(schema.items, field, value);
    case "map":
      if (schema.deduced) return [];
      if (!isJsonObject(value)) return [`expected map, got ${asPrinted(value)}`];
      return Object.entries(value).flatMap(([name, member]) => under(name, errorsOf(schema.values, undefined, member)));
    case "struct":
      if (!isJsonObject(value)) return [`expected map, got ${asPrinted(value)}`];
      return structErrors(schema, value);
    case "any":
    case "either":
      return [];
    default:
      return schema satisfies never;
  }
}

function scalarErrors({ scalar }: ScalarSchema, value: unknown): string[] {
  switch (scalar) {
    case "string":
    case "bytes":
      return typeof value === "string"
        ? []
        : [`expected string, got &value.valueUnstructured{Value:${asSource(value)}}`];
    case "bool":
      return typeof value === "boolean" ? [] : [`expected boolean, got ${asPrinted(value)}`];
    case "int32":
    case "int64":
    case "double":
      if (typeof value === "number" || typeof value === "bigint") return [];
      return [`expected numeric (int or float), got ${typeName(value)}`];
    default:
      return typeof value === "object" ? [`expected any scalar, got ${asPrinted(value)}`] : [];
  }
}

function structErrors({ fields, isKind, others }: StructSchema, value: Readonly<Record<string, unknown>>): string[] {
  const errors: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (isKind && (name === "apiVersion" || name === "kind")) continue;
    const field = fields.get(name);
    const schema = field?.schema ?? others;
    // Nothing more is said of an object that has a member too many.
    if (!schema) return [...errors, ...under(name, [": field not declared in schema"])];
    errors.push(...under(name, errorsOf(schema, field, member)));
  }
  return errors;
}

function listErrors(items: Schema, field: FieldSchema | undefined, value: readonly unknown[]): string[] {
  const structure: Structure = field ? fieldStructure(field) : { is: "leaf" };
  const errors: string[] = [];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    if (structure.is !== "items") {
      errors.push(...at(`[${index}]`, errorsOf(items, undefined, item)));
      continue;
    }
    const fault = itemFault(structure, item);
    if (fault !== undefined) return [...errors, `element ${index}: ${fault}`];
    const element = itemElement(structure, item) ?? "";
    if (seen.has(element)) errors.push(`duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    errors.push(...at(elementText(element), errorsOf(items, undefined, item)));
  }
  return errors;
}

/** Why an item cannot be told from others. */
function itemFault(structure: Structure & { is: "items" }, item: unknown): string | undefined {
  const { keys } = structure;
  if (keys.length === 0) {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    if (Array.isArray(item)) return "not supported: associative list with lists as elements";
    return isJsonObject(item) ? "associative list without keys has an element that's a map type" : undefined;
  }
  if (item === null) return "associative list with keys may not have a null element";
  if (!isJsonObject(item)) return "associative list with keys may not have non-map elements";
  if (itemElement(structure, item) !== undefined) return undefined;
  const names = keys.map(({ name }) => JSON.stringify(name)).join(" ");
  return `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`;
}

function under(name: string, errors: readonly string[]): string[] {
  return at(elementText(fieldElement(name)), errors);
}

/** Errors begin with their path; what they say stands behind it. */
function at(path: string, errors: readonly string[]): string[] {
  return errors.map((error) => (/^[.[:]/.test(error) ? `${path}${error}` : `${path}: ${error}`));
}

/** As Go prints what it has read. */
function asPrinted(value: unknown): string {
  return `&{${plainly(value)}}`;
}

function plainly(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plainly).join(" ")}]`;
  if (!isJsonObject(value)) return value === null ? "<nil>" : String(value);
  const members = Object.keys(value).sort();
  return `map[${members.map((name) => `${name}:${plainly(value[name])}`).join(" ")}]`;
}

/** As Go would write it in its source. */
function asSource(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(asSource).join(", ")}}`;
  if (!isJsonObject(value)) return typeof value === "string" ? JSON.stringify(value) : plainly(value);
  const members = Object.keys(value).sort();
  return `map[string]interface {}{${members.map((name) => `${JSON.stringify(name)}:${asSource(value[name])}`).join(", ")}}`;
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  return isJsonObject(value) ? "map[string]interface {}" : typeof value === "boolean" ? "bool" : typeof value;
}
