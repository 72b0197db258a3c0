/**
 * Writes an OpenAPI document of version 3 as the protobuf message `openapi.v3.Document`, which kubectl of 1.27 and some more ask for where
 * they look whether the server validates fields. Known is what documents of Kubernetes' servers contain; extensions travel as YAML, of which
 * JSON is a part.
 */
import { double, field, flag, join, named, primitive, text } from "./protobuf-wire.ts";
import type { Primitive } from "./protobuf-wire.ts";

/** The form's media type, in which it is answered. */
export const openApiV3ProtobufType = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
/** How clients ask for it: the older name is no media type, as it has an "@". */
export const openApiV3ProtobufNames: readonly string[] = [
  openApiV3ProtobufType,
  "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
];

type Json = Readonly<Record<string, unknown>>;

/** How a member is written: its number and what it is. Lists repeat. */
type Slot = readonly [number: number, how: How];
type How =
  | Primitive
  | "scalar"
  | `message ${string}`
  /** A message of one repeated field, entries with a key. */
  | `map ${string}`
  /** A message of one repeated field. */
  | `list ${string}`;

/** A message and where it keeps its extensions. */
interface Message {
  readonly slots: Readonly<Record<string, Slot>>;
  readonly extensions?: number;
  /** Of which it is the first of two: the other refers to one that is elsewhere. */
  readonly orReference?: true;
}

const messages: Readonly<Record<string, Message>> = {
  Document: {
    slots: {
      openapi: [1, "string"],
      info: [2, "message Info"],
      paths: [4, "message Paths"],
      components: [5, "message Components"],
    },
    extensions: 9,
  },
  Info: { slots: { title: [1, "string"], description: [2, "string"], version: [6, "string"] }, extensions: 7 },
  Components: { slots: { schemas: [1, "map Schema"] }, extensions: 10 },
  PathItem: {
    slots: {
      summary: [2, "string"],
      description: [3, "string"],
      get: [4, "message Operation"],
      put: [5, "message Operation"],
      post: [6, "message Operation"],
      delete: [7, "message Operation"],
      options: [8, "message Operation"],
      head: [9, "message Operation"],
      patch: [10, "message Operation"],
      parameters: [13, "message Parameter"],
    },
    extensions: 14,
  },
  Operation: {
    slots: {
      tags: [1, "string"],
      summary: [2, "string"],
      description: [3, "string"],
      operationId: [5, "string"],
      parameters: [6, "message Parameter"],
      requestBody: [7, "message RequestBody"],
      responses: [8, "message Responses"],
      deprecated: [10, "bool"],
    },
    extensions: 13,
  },
  Parameter: {
    slots: {
      name: [1, "string"],
      in: [2, "string"],
      description: [3, "string"],
      required: [4, "bool"],
      schema: [10, "message Schema"],
    },
    extensions: 14,
    orReference: true,
  },
  RequestBody: {
    slots: { description: [1, "string"], content: [2, "map MediaType"], required: [3, "bool"] },
    extensions: 4,
    orReference: true,
  },
  Response: {
    slots: { description: [1, "string"], content: [3, "map MediaType"] },
    extensions: 5,
    orReference: true,
  },
  MediaType: { slots: { schema: [1, "message Schema"] }, extensions: 5 },
  Schema: {
    slots: {
      nullable: [1, "bool"],
      readOnly: [3, "bool"],
      writeOnly: [4, "bool"],
      example: [7, "any"],
      deprecated: [8, "bool"],
      title: [9, "string"],
      multipleOf: [10, "number"],
      maximum: [11, "number"],
      exclusiveMaximum: [12, "bool"],
      minimum: [13, "number"],
      exclusiveMinimum: [14, "bool"],
      maxLength: [15, "count"],
      minLength: [16, "count"],
      pattern: [17, "string"],
      maxItems: [18, "count"],
      minItems: [19, "count"],
      uniqueItems: [20, "bool"],
      maxProperties: [21, "count"],
      minProperties: [22, "count"],
      required: [23, "string"],
      enum: [24, "any"],
      type: [25, "string"],
      allOf: [26, "message Schema"],
      oneOf: [27, "message Schema"],
      anyOf: [28, "message Schema"],
      not: [29, "message Not"],
      items: [30, "list Schema"],
      properties: [31, "map Schema"],
      additionalProperties: [32, "message AdditionalProperties"],
      default: [33, "scalar"],
      description: [34, "string"],
      format: [35, "string"],
    },
    extensions: 36,
    orReference: true,
  },
};

/** Bytes of the message whose document is a parsed /openapi/v3/…. */
export function encodeOpenApiV3(document: object): Uint8Array {
  return join(encodeMessage("Document", document as Json));
}

function encodeMessage(name: string, value: Json | boolean): Uint8Array[] {
  // Of further members of an object: any, or none; or a schema for them.
  if (name === "AdditionalProperties")
    return typeof value === "boolean" ? [flag(2, value)] : [field(1, encodeMessage("Schema", value))];
  if (typeof value === "boolean") return [];
  if (name === "Paths") return entriesOf("PathItem", value);
  // The one place where a schema stands alone and cannot refer to another.
  if (name === "Not") return encodeSlots(messages["Schema"], value);
  if (name === "Responses")
    return Object.entries(value).map(([code, response]) =>
      code === "default"
        ? field(1, encodeMessage("Response", response as Json))
        : field(2, named(code, encodeMessage("Response", response as Json))),
    );
  const message = messages[name];
  if (message?.orReference === undefined) return encodeSlots(message, value);
  const { $ref: reference } = value;
  if (typeof reference === "string") return [field(2, [text(1, reference)])];
  return [field(1, encodeSlots(message, value))];
}

const entriesOf = (message: string, map: Json): Uint8Array[] =>
  Object.entries(map).map(([key, each]) => field(1, named(key, encodeMessage(message, each as Json))));

function encodeSlots(message: Message | undefined, value: Json): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const [member, [number, how]] of Object.entries(message?.slots ?? {})) {
    const given = value[member];
    if (given === undefined) continue;
    for (const each of Array.isArray(given) && how !== "scalar" ? given : [given])
      parts.push(...encodeMember(number, how, each));
  }
  if (message?.extensions !== undefined)
    for (const [member, given] of Object.entries(value))
      if (member.startsWith("x-"))
        parts.push(field(message.extensions, named(member, [text(2, JSON.stringify(given))])));
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
    case "scalar":
      return [field(number, scalar(value))];
    default: {
      const [shape = "", message = ""] = how.split(" ");
      if (shape === "map") return [field(number, entriesOf(message, value as Json))];
      const one = encodeMessage(message, value as Json | boolean);
      return [field(number, shape === "list" ? [field(1, one)] : one)];
    }
  }
}

/** A default that is an object or a list is there, but what it is cannot be said. */
function scalar(value: unknown): Uint8Array[] {
  if (typeof value === "number") return [double(1, value)];
  if (typeof value === "boolean") return [flag(2, value)];
  return typeof value === "string" ? [text(3, value)] : [];
}
