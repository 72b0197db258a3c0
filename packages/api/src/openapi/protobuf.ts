/**
 * Writes the OpenAPI document of version 2 as the protobuf message `openapi.v2.Document`, the form that client-go's discovery and older
 * kubectl ask for. Only what documents of Kubernetes' servers and schemas of definitions contain is known; extensions travel as YAML, of which
 * JSON is a part.
 */

import { field, flag, join, named, primitive, text } from "./protobuf-wire.ts";
import type { Primitive } from "./protobuf-wire.ts";

/** The form's media type, in which it is answered. */
export const openApiProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** How clients ask for it: the older name is no media type, as it has an "@". */
export const openApiProtobufNames: readonly string[] = [
  openApiProtobufType,
  "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/** Bytes of a message whose document is a parsed /openapi/v2. */
export function encodeOpenApiV2(document: object): Uint8Array {
  return join(encodeMessage("Document", document as Json));
}

type Json = Readonly<Record<string, unknown>>;

/** How a member is written: its number and what it is. Lists repeat. */
type Slot = readonly [number: number, how: How];
type How = Primitive | "value" | `message ${string}` | `map ${string}` | "wrapped strings" | "parameter" | "response";

const messages: Readonly<Record<string, Readonly<Record<string, Slot>>>> = {
  Document: {
    swagger: [1, "string"],
    info: [2, "message Info"],
    paths: [8, "message Paths"],
    definitions: [9, "map Schema"],
  },
  Info: { title: [1, "string"], version: [2, "string"], description: [3, "string"] },
  PathItem: {
    get: [2, "message Operation"],
    put: [3, "message Operation"],
    post: [4, "message Operation"],
    delete: [5, "message Operation"],
    options: [6, "message Operation"],
    head: [7, "message Operation"],
    patch: [8, "message Operation"],
    parameters: [9, "parameter"],
  },
  Operation: {
    tags: [1, "string"],
    summary: [2, "string"],
    description: [3, "string"],
    operationId: [5, "string"],
    produces: [6, "string"],
    consumes: [7, "string"],
    parameters: [8, "parameter"],
    responses: [9, "response"],
    schemes: [10, "string"],
    deprecated: [11, "bool"],
  },
  BodyParameter: {
    description: [1, "string"],
    name: [2, "string"],
    in: [3, "string"],
    required: [4, "bool"],
    schema: [5, "message Schema"],
  },
  QueryParameter: {
    required: [1, "bool"],
    in: [2, "string"],
    description: [3, "string"],
    name: [4, "string"],
    type: [6, "string"],
    format: [7, "string"],
    uniqueItems: [20, "bool"],
  },
  PathParameter: {
    required: [1, "bool"],
    in: [2, "string"],
    description: [3, "string"],
    name: [4, "string"],
    type: [5, "string"],
    format: [6, "string"],
    uniqueItems: [19, "bool"],
  },
  Response: { description: [1, "string"], schema: [2, "message SchemaItem"] },
  Schema: {
    $ref: [1, "string"],
    format: [2, "string"],
    title: [3, "string"],
    description: [4, "string"],
    default: [5, "value"],
    multipleOf: [6, "number"],
    maximum: [7, "number"],
    exclusiveMaximum: [8, "bool"],
    minimum: [9, "number"],
    exclusiveMinimum: [10, "bool"],
    maxLength: [11, "count"],
    minLength: [12, "count"],
    pattern: [13, "string"],
    maxItems: [14, "count"],
    minItems: [15, "count"],
    uniqueItems: [16, "bool"],
    maxProperties: [17, "count"],
    minProperties: [18, "count"],
    required: [19, "string"],
    enum: [20, "any"],
    additionalProperties: [21, "message SchemaItem"],
    type: [22, "wrapped strings"],
    items: [23, "message SchemaItem"],
    allOf: [24, "message Schema"],
    properties: [25, "map Schema"],
    discriminator: [26, "string"],
    readOnly: [27, "bool"],
    example: [30, "value"],
  },
};

/** Where a message keeps its extensions. */
const extensionNumbers: Readonly<Record<string, number>> = { Operation: 13, PathItem: 10, Schema: 31 };

function encodeMessage(name: string, value: Json | boolean): Uint8Array[] {
  // Of further members of an object: any, or none.
  if (typeof value === "boolean") return [flag(2, value)];
  if (name === "Paths")
    return Object.entries(value).map(([path, item]) => field(2, named(path, encodeMessage("PathItem", item as Json))));
  if (name === "SchemaItem") return [field(1, encodeMessage("Schema", value))];
  const parts: Uint8Array[] = [];
  for (const [member, [number, how]] of Object.entries(messages[name] ?? {})) {
    const given = value[member];
    if (given === undefined) continue;
    if (how === "wrapped strings")
      parts.push(
        field(
          number,
          [given].flat().map((each) => text(1, String(each))),
        ),
      );
    else if (how === "value") parts.push(...encodeMember(number, "any", given));
    else for (const each of Array.isArray(given) ? given : [given]) parts.push(...encodeMember(number, how, each));
  }
  const extensions = extensionNumbers[name];
  if (extensions === undefined) return parts;
  for (const [member, given] of Object.entries(value))
    if (member.startsWith("x-")) parts.push(field(extensions, named(member, [text(2, JSON.stringify(given))])));
  return parts;
}

function encodeMember(number: number, how: How, value: unknown): Uint8Array[] {
  switch (how) {
    case "string":
    case "bool":
    case "count":
    case "number":
    case "any":
      return primitive(number, how, value);
    case "parameter":
      return [field(number, [field(1, encodeParameter(value as Json))])];
    case "response":
      return [
        field(
          number,
          Object.entries(value as Json).map(([code, response]) =>
            field(1, named(code, [field(1, encodeMessage("Response", response as Json))])),
          ),
        ),
      ];
    case "wrapped strings":
    case "value":
      return [];
    default: {
      const [shape = "", message = ""] = how.split(" ");
      if (shape === "message") return [field(number, encodeMessage(message, value as Json))];
      return [
        field(
          number,
          Object.entries(value as Json).map(([key, each]) =>
            field(1, named(key, encodeMessage(message, each as Json))),
          ),
        ),
      ];
    }
  }
}

/** Parameters are nested alternatives: of a body or not, and then by where they stand. */
function encodeParameter(value: Json): Uint8Array[] {
  const place = value["in"];
  if (place === "body") return [field(1, encodeMessage("BodyParameter", value))];
  // Those of headers are written as those of paths are.
  if (place === "header") return [field(2, [field(1, encodeMessage("PathParameter", value))])];
  return [
    field(2, [
      place === "path"
        ? field(4, encodeMessage("PathParameter", value))
        : field(3, encodeMessage("QueryParameter", value)),
    ]),
  ];
}
