// What a definition's schemas promise that only the server can judge: that defaults are values of their schema, that patterns are ones in Go,
// and that formats are checked.
import type { ApiObject, FieldError, JsonObject } from "@coxswain/apimachinery";
import { cloneJson, fieldErrors, isJsonObject, jsonEqual } from "@coxswain/apimachinery";
import { isDefinition } from "./custom-kinds.ts";
import { knownFormat } from "./formats.ts";
import { embeddedErrors } from "./invariants.ts";
import { goPattern } from "./patterns.ts";
import type { JsonSchema } from "./structural.ts";
import { isSchema, prune } from "./structural.ts";
import { validateBySchema } from "./validate.ts";

const { invalid } = fieldErrors;

/** Schemas that are as they were before are not looked at again. */
export function schemaErrors(object: ApiObject, old?: ApiObject): readonly FieldError[] {
  if (!isDefinition(object)) return [];
  const before = old && isDefinition(old) ? old.spec.versions : [];
  return schemaPlaces(object).flatMap(({ name, schema, path }) => {
    const known = before.find((version) => version.name === name)?.schema?.openAPIV3Schema;
    return known && jsonEqual(known, schema) ? [] : errorsIn(schema, path);
  });
}

interface SchemaPlace {
  /** The version. */
  readonly name: string;
  readonly schema: JsonSchema;
  readonly path: string;
}

/** Where Kubernetes says that a definition's schemas stand: in one place, when all versions have the same. */
export function schemaPlaces(object: ApiObject): readonly SchemaPlace[] {
  if (!isDefinition(object)) return [];
  const { versions } = object.spec;
  const isShared = versions.every(({ schema }) => jsonEqual(schema ?? null, versions[0]?.schema ?? null));
  return (isShared ? versions.slice(0, 1) : versions).flatMap(({ name, schema }, index) => {
    const root = schema?.openAPIV3Schema;
    const path = `${isShared ? "spec.validation" : `spec.versions[${index}].schema`}.openAPIV3Schema`;
    return root ? [{ name, schema: root, path }] : [];
  });
}

/** Formats that nobody checks and that the definition did not name before. */
export function formatWarnings(object: ApiObject, old?: ApiObject): readonly string[] {
  const formatsOf = (of: ApiObject): string[] => schemaPlaces(of).flatMap(({ schema }) => unknownFormats(schema));
  const before = new Set(old ? formatsOf(old) : []);
  const found = [...new Set(formatsOf(object))].filter((format) => !before.has(format));
  return found.toSorted().map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function unknownFormats(schema: JsonSchema): string[] {
  const { format = "", type } = schema;
  const isUnknown = format !== "" && knownFormat(schema, type ? [type] : []) === undefined;
  return [...(isUnknown ? [format] : []), ...partsOf(schema, "").flatMap(([part]) => unknownFormats(part))];
}

function errorsIn(schema: JsonSchema, path: string): FieldError[] {
  return [
    ...patternErrors(schema, path),
    ...defaultErrors(schema, `${path}.default`),
    ...partsOf(schema, path).flatMap(([part, at]) => errorsIn(part, at)),
  ];
}

/** The schemas right within a schema, and where they stand. */
function partsOf(schema: JsonSchema, path: string): readonly (readonly [JsonSchema, string])[] {
  const { properties = {}, items, additionalProperties, allOf = [], anyOf = [], oneOf = [], not } = schema;
  const junctions = Object.entries({ allOf, anyOf, oneOf }).flatMap(([name, parts]) =>
    parts.map((part, index) => [part, `${path}.${name}[${index}]`] as const),
  );
  const single = Object.entries({ items, additionalProperties, not }).flatMap(([name, part]) =>
    isSchema(part) ? [[part, `${path}.${name}`] as const] : [],
  );
  const members = Object.entries(properties).map(([name, part]) => [part, `${path}.properties[${name}]`] as const);
  return [...members, ...single, ...junctions];
}

function patternErrors({ pattern = "" }: JsonSchema, path: string): FieldError[] {
  if (pattern === "") return [];
  try {
    goPattern(pattern);
    return [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const why = error.message.endsWith("Unterminated group") ? `missing closing ): \`${pattern}\`` : error.message;
    const words = `must be a valid regular expression, but isn't: error parsing regexp: ${why}`;
    return [invalid(`${path}.pattern`, pattern, words)];
  }
}

/** A default must be left as it is by its own schema. */
function defaultErrors(schema: JsonSchema, path: string): FieldError[] {
  const value: unknown = schema.default;
  if (value === undefined || (value === null && schema.nullable === true)) return [];
  const holder = { value: cloneJson(value as JsonObject) };
  const isCut = isJsonObject(value) && prune(holder, { properties: { value: schema } }).length > 0;
  const found = [...validateBySchema(value, schema, ""), ...embeddedErrors(value, schema, "")];
  return [
    ...(isCut ? [invalid(path, value, "must not have unknown fields")] : []),
    ...found.map((error) => ({ ...error, field: under(path, error.field) })),
  ];
}

function under(path: string, field: string): string {
  if (field === "" || field === "<nil>") return path;
  return field.startsWith("[") || field.startsWith(".") ? path + field : `${path}.${field}`;
}
