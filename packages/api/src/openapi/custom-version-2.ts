/**
 * A definition's schema as OpenAPI of version 2 can say it, and as kubectl, which validates by it, understands it. After apiextensions-apiserver's
 * `controller/openapi/v2`. It also puts what definitions add into a document that is encoded already.
 */
import type { OpenApiV2Part } from "./custom.ts";
import type { Definition } from "./definitions.ts";

/** What version 2 does not have. */
const unknownWords: ReadonlySet<string> = new Set(["allOf", "oneOf", "anyOf", "not", "nullable"]);

export function keepsUnknown(schema: Definition): boolean {
  return schema["x-kubernetes-preserve-unknown-fields"] === true;
}

export function inVersion2(schema: Definition): Definition {
  const said = Object.fromEntries(Object.entries(schema).filter(([word]) => !unknownWords.has(word)));
  const { properties, items, additionalProperties, required, type, ...rest } = said;
  const isOpen = keepsUnknown(schema);
  // Values that may be null or anything have no type, and nothing is said of what is in them.
  if (isOpen || schema["nullable"] === true) {
    const isTyped = schema["nullable"] !== true && type !== "object" && type !== "array";
    return { ...rest, ...(isTyped && type !== undefined && { type }) };
  }
  const members = Object.entries((properties ?? {}) as Record<string, Definition>);
  const nullable = new Set(members.filter(([, member]) => member["nullable"] === true).map(([name]) => name));
  const demanded = ((required ?? []) as readonly string[]).filter((name) => !nullable.has(name));
  return {
    ...rest,
    ...(type !== undefined && !(type === "array" && items === undefined) && { type }),
    ...(isSchema(items) && { items: inVersion2(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties: isSchema(additionalProperties) ? inVersion2(additionalProperties) : additionalProperties,
    }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(members.map(([name, member]) => [name, inVersion2(member)])),
    }),
    ...(demanded.length > 0 && { required: demanded }),
  };
}

function isSchema(part: unknown): part is Definition {
  return typeof part === "object" && part !== null && !Array.isArray(part);
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Puts paths and definitions into the JSON of a document of `openApiV2`, which has both and ends with the definitions. */
export function joinOpenApiV2(document: Uint8Array, { paths, definitions }: OpenApiV2Part): Uint8Array {
  const begin = '"paths":{';
  // Nothing that is before the paths is longer than this.
  const at = decoder.decode(document.subarray(0, 1000)).indexOf(begin) + begin.length;
  const membersOf = (part: object): string => JSON.stringify(part).slice(1, -1);
  return encoder.encode(
    `${decoder.decode(document.subarray(0, at))}${membersOf(paths)},${decoder.decode(document.subarray(at, -2))},${membersOf(definitions)}}}`,
  );
}
