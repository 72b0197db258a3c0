// Messages as JSON, in the mapping of proto3 as etcd's gateway speaks it: proto names, 64-bit numbers as text, bytes in base64, enums
// by name, defaults left out. Reading is wider: camel case names, numbers for text, numbers of enums, both alphabets of base64.
import { decode, encode } from "./message.ts";
import type { Field, Init, Message } from "./message.ts";

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** A JSON text that is not this message; the sentence says where it is not. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** A message as a value for `JSON.stringify`. */
export function toJson<T>(message: Message<T>, value: Init<T>): JsonValue {
  return valueToJson(message, decode(message, encode(message, value)));
}

/** A message from a JSON text. Throws `JsonError`. */
export function fromJson<T>(message: Message<T>, text: string): T {
  let parsed: unknown;
  try {
    // Numbers keep their text: a 64-bit one would lose digits.
    parsed = JSON.parse(text, (_name: string, value: unknown, context?: { readonly source?: string }) =>
      typeof value === "number" ? new NumberText(context?.source ?? String(value)) : value,
    );
  } catch (cause) {
    throw new JsonError((cause as Error).message, { cause });
  }
  return decode(message, encode(message, messageOf(message, parsed) as Init<T>));
}

/** The name of a field in proto and JSON. */
export function protoName(property: string, field: Field<unknown>): string {
  return field.protoName ?? property.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function valueToJson<T>(message: Message<T>, value: T): JsonValue {
  const held = value as Readonly<Record<string, unknown>>;
  const json: Record<string, JsonValue> = {};
  for (const [property, field] of Object.entries(message.shape)) {
    const each = held[property];
    if (each === undefined) continue;
    if (field.label === "repeated") {
      const list = each as readonly unknown[];
      if (list.length > 0) json[protoName(property, field)] = list.map((item) => fieldToJson(field, item));
    } else if (field.label === "optional" || !isDefault(field, each))
      json[protoName(property, field)] = fieldToJson(field, each);
  }
  return json;
}

function fieldToJson(field: Field<unknown>, value: unknown): JsonValue {
  switch (field.kind) {
    case "bytes":
      return (value as Buffer).toString("base64");
    case "int64":
    case "signedId":
    case "unsignedId":
      return String(value);
    case "message":
      return field.of === undefined ? null : valueToJson(field.of(), value);
    case "string":
    case "bool":
    case "uint32":
    case "enum":
      return value as string | boolean | number;
  }
}

function isDefault(field: Field<unknown>, value: unknown): boolean {
  if (field.kind === "bytes") return (value as Buffer).length === 0;
  if (field.kind === "message") return false;
  return value === "" || value === false || value === 0 || value === 0n || value === field.names?.[0];
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());

function messageOf(message: Message<unknown>, json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json) || json instanceof NumberText)
    throw new JsonError(`${message.name}: expected an object, found ${describe(json)}`);
  const byName = new Map(
    Object.entries(message.shape).flatMap(([property, field]) =>
      [protoName(property, field), camel(protoName(property, field)), property].map(
        (name): [string, readonly [string, Field<unknown>]] => [name, [property, field]],
      ),
    ),
  );
  const init: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    const known = byName.get(name);
    // As in protobuf: what is not known is passed over.
    if (!known || value === null) continue;
    const [property, field] = known;
    const where = `${message.name}.${name}`;
    if (field.label !== "repeated") init[property] = fieldOf(field, value, where);
    else if (Array.isArray(value)) init[property] = value.map((item) => fieldOf(field, item, where));
    else throw new JsonError(`${where}: expected a list, found ${describe(value)}`);
  }
  return init;
}

function fieldOf(field: Field<unknown>, json: unknown, where: string): unknown {
  const expected = (what: string): JsonError => new JsonError(`${where}: expected ${what}, found ${describe(json)}`);
  const text = json instanceof NumberText ? json.text : json;
  switch (field.kind) {
    case "bytes":
      if (typeof json !== "string" || !/^[\w+/-]*={0,2}$/.test(json)) throw expected("base64");
      return Buffer.from(json, "base64");
    case "string":
      if (typeof json !== "string") throw expected("text");
      return json;
    case "bool":
      if (typeof json !== "boolean") throw expected("true or false");
      return json;
    case "int64":
    case "uint32": {
      if (typeof text !== "string" || !/^-?\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
        throw expected("a whole number");
      return Number(text);
    }
    case "signedId":
    case "unsignedId": {
      if (typeof text !== "string" || !/^-?\d{1,20}$/.test(text)) throw expected("a 64-bit number");
      return field.kind === "signedId" ? BigInt.asIntN(64, BigInt(text)) : BigInt.asUintN(64, BigInt(text));
    }
    case "enum": {
      const name = json instanceof NumberText ? field.names?.[Number(json.text)] : json;
      if (typeof name !== "string" || field.names?.includes(name) !== true)
        throw expected(`one of ${field.names?.join(", ")}`);
      return name;
    }
    case "message":
      return field.of === undefined ? undefined : messageOf(field.of(), json);
  }
}

function describe(json: unknown): string {
  return json instanceof NumberText ? json.text : (JSON.stringify(json) ?? "nothing");
}
