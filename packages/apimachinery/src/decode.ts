/**
 * Makes a typed object of parsed JSON, by its schema, as Go's decoding and encoding would: wrong types are errors in Go's words, unknown
 * members are dropped and reported, null and empty members vanish where Kubernetes leaves them out and appear where it always writes them.
 * It does not apply defaults and does not validate.
 */
import { cloneJson, isJsonObject, setMember } from "./json-value.ts";
import { nearest } from "./nearest.ts";
import { canonicalQuantity, QuantityError, quantityFormatError } from "./quantity.ts";
import type { FieldSchema, ScalarSchema, Schema, StructSchema } from "./schema.ts";

export interface Decoded {
  readonly value: Record<string, unknown>;
  /** Strict decoding's complaints, such as `unknown field "spec.foo"`. */
  readonly complaints: readonly string[];
  /** What unknown members were probably meant to be: `"spec.replcas": did you mean "replicas"?`. */
  readonly hints: readonly string[];
}

/** A value of the wrong type; the message is that of Go's JSON reader. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** The words of Go's other way from a document to a type, which strategic merge patches take. */
  readonly conversion: string;

  constructor(message: string, options?: ErrorOptions & { readonly conversion?: string }) {
    super(message, options);
    this.conversion = options?.conversion ?? message;
  }
}

/** Decodes one object. The result shares nothing with the input. */
export function decode(schema: StructSchema, input: unknown): Decoded {
  const context = blank();
  if (!isJsonObject(input)) throw wrongType(context, input, goName(schema.name));
  return { value: decodeStruct(context, schema, input), complaints: context.complaints, hints: context.hints };
}

function blank(): Context {
  return { complaints: [], hints: [], path: [], goPath: [], struct: undefined };
}

/** The text of strict decoding's error. */
export function strictDecodingError(complaints: readonly string[]): string {
  return `strict decoding error: ${complaints.join(", ")}`;
}

/** An empty value as Go has it: what an absent member means. */
export function zeroValue(schema: Schema): unknown {
  switch (schema.type) {
    case "struct":
      return decodeStruct(blank(), schema, {});
    case "list":
      return [];
    case "map":
      return {};
    case "any":
    case "either":
      return null;
    case "scalar":
      if (schema.scalar === "bool") return false;
      if (schema.scalar === "quantity") return "0";
      if (schema.scalar === "time" || schema.scalar === "microtime") return null;
      return ["int32", "int64", "double", "intOrString"].includes(schema.scalar)
        ? 0
        : schema.scalar === "duration"
          ? "0s"
          : "";
  }
}

interface Context {
  readonly complaints: string[];
  readonly hints: string[];
  /** Where we are, for complaints: names and indices. Made a text when there is something to complain of. */
  readonly path: (string | number)[];
  /** Where we are in Go's words: names only. */
  readonly goPath: string[];
  struct: StructSchema | undefined;
}

function decodeStruct(context: Context, schema: StructSchema, input: Record<string, unknown>): Record<string, unknown> {
  const outer = context.struct;
  context.struct = schema;
  const result: Record<string, unknown> = {};
  if (schema.isKind) {
    for (const name of ["kind", "apiVersion"]) {
      const value = input[name];
      if (typeof value === "string" && value !== "") result[name] = value;
      else if (value !== undefined && value !== null && value !== "") {
        context.goPath.push(name);
        throw wrongType(context, value, "string");
      }
    }
  }
  const given = hasUnknown(schema, input) ? decodedInOrder(context, schema, input) : undefined;
  for (const field of schema.fields.values()) {
    const { name } = field;
    const member = Object.hasOwn(input, name) ? input[name] : undefined;
    if (member === undefined || member === null) {
      if (isAlwaysWritten(field)) result[name] = zeroValue(field.schema);
      continue;
    }
    const value = given ? given.get(name) : decodeMember(context, field, member);
    if (value === null) continue;
    if (field.omitEmpty && !field.pointer && isEmpty(field.schema, value)) continue;
    result[name] = value;
  }
  context.struct = outer;
  return result;
}

function hasUnknown(schema: StructSchema, input: Record<string, unknown>): boolean {
  for (const name in input)
    if (!schema.fields.has(name) && !(schema.isKind && (name === "kind" || name === "apiVersion"))) return true;
  return false;
}

/** Decodes members in the document's order, so that complaints have it too. */
function decodedInOrder(context: Context, schema: StructSchema, input: Record<string, unknown>): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const name of Object.keys(input)) {
    if (schema.isKind && (name === "kind" || name === "apiVersion")) continue;
    const field = schema.fields.get(name);
    const member = input[name];
    if (field === undefined) {
      const path = pathText([...context.path, name]);
      context.complaints.push(`unknown field ${JSON.stringify(path)}`);
      const meant = nearest(name, schema.fields.keys());
      if (meant !== undefined) context.hints.push(`${JSON.stringify(path)}: did you mean ${JSON.stringify(meant)}?`);
    } else if (member !== undefined && member !== null) {
      values.set(name, decodeMember(context, field, member));
    }
  }
  return values;
}

function decodeMember(context: Context, field: FieldSchema, member: unknown): unknown {
  context.path.push(field.name);
  context.goPath.push(field.name);
  const value = decodeValue(context, field.schema, member);
  context.path.pop();
  context.goPath.pop();
  return value;
}

function pathText(path: readonly (string | number)[]): string {
  return path.map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? part : `.${part}`)).join("");
}

/** Members that Go writes even when nothing was given: those without omitempty, and structs by value. */
function isAlwaysWritten(field: FieldSchema): boolean {
  if (field.pointer) return false;
  if (field.schema.type === "struct" || isQuantity(field.schema)) return true;
  return !field.omitEmpty && field.schema.type !== "any" && !isTime(field.schema);
}

/** A struct in Go, and so by value. */
function isQuantity(schema: Schema): boolean {
  return schema.type === "scalar" && schema.scalar === "quantity";
}

function isTime(schema: Schema): boolean {
  return schema.type === "scalar" && (schema.scalar === "time" || schema.scalar === "microtime");
}

function isEmpty(schema: Schema, value: unknown): boolean {
  if (schema.type === "list") return Array.isArray(value) && value.length === 0;
  if (schema.type === "map") return isJsonObject(value) && Object.keys(value).length === 0;
  // Quantities and intOrStrings are structs in Go, which omitempty never drops.
  if (
    schema.type !== "scalar" ||
    schema.scalar === "quantity" ||
    schema.scalar === "intOrString" ||
    schema.scalar === "duration"
  )
    return false;
  return value === "" || value === 0 || value === false;
}

function decodeValue(context: Context, schema: Schema, value: unknown): unknown {
  switch (schema.type) {
    case "scalar":
      return decodeScalar(context, schema, value);
    case "any":
      return cloneJson(value);
    case "struct":
      if (!isJsonObject(value)) throw wrongType(context, value, goName(schema.name));
      return decodeStruct(context, schema, value);
    case "list": {
      if (!Array.isArray(value)) throw wrongType(context, value, goType(schema));
      const items: unknown[] = [];
      for (const [index, item] of value.entries()) {
        if (item === null) {
          items.push(zeroValue(schema.items));
          continue;
        }
        context.path.push(index);
        items.push(decodeValue(context, schema.items, item));
        context.path.pop();
      }
      return items;
    }
    case "map": {
      if (!isJsonObject(value)) throw wrongType(context, value, goType(schema));
      const result: Record<string, unknown> = {};
      for (const key of Object.keys(value).sort()) {
        const item = value[key];
        context.path.push(key);
        setMember(result, key, item === null ? zeroValue(schema.values) : decodeValue(context, schema.values, item));
        context.path.pop();
      }
      return result;
    }
    case "either":
      if (isJsonObject(value)) return decodeStruct(context, schema.struct, value);
      if (schema.or === "bool" && typeof value === "boolean") return value;
      if (schema.or === "list" && Array.isArray(value))
        return value.map((item) => decodeValue(context, schema.struct, item));
      if (schema.or === "strings" && Array.isArray(value))
        return value.map((item) => decodeScalar(context, { type: "scalar", scalar: "string" }, item));
      throw wrongType(context, value, goName(schema.struct.name));
  }
}

const integerRanges: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
};

function decodeScalar(context: Context, schema: ScalarSchema, value: unknown): unknown {
  switch (schema.scalar) {
    case "string":
      if (typeof value !== "string")
        throw wrongType(context, value, schema.name === undefined ? "string" : goName(schema.name));
      return value;
    case "bool":
      if (typeof value !== "boolean") throw wrongType(context, value, "bool");
      return value;
    case "int32":
    case "int64": {
      // What is no number but an integer all the same fits int64: whoever parsed it has looked.
      if (typeof value === "bigint") {
        if (schema.scalar === "int64") return value;
        throw wrongType(context, value, schema.scalar, true);
      }
      const [least, most] = integerRanges[schema.scalar] ?? [0, 0];
      if (typeof value !== "number") throw wrongType(context, value, schema.scalar);
      if (!Number.isInteger(value) || value < least || value > most)
        throw wrongType(context, value, schema.scalar, true);
      return value;
    }
    case "double":
      if (typeof value === "bigint") return Number(value);
      if (typeof value !== "number") throw wrongType(context, value, "float64");
      return value;
    case "bytes":
      if (typeof value !== "string") throw wrongType(context, value, "[]uint8");
      return checkBase64(value);
    case "time":
    case "microtime":
      if (typeof value !== "string")
        throw new DecodeError(`json: cannot unmarshal ${jsonType(value)} into Go value of type string`);
      return normalTime(value, schema.scalar === "microtime");
    case "duration":
      if (typeof value !== "string") throw wrongType(context, value, "string");
      return value;
    case "quantity":
      return decodeQuantity(value);
    case "intOrString":
      if (typeof value === "string") return value;
      if (typeof value !== "number" && typeof value !== "bigint")
        throw new DecodeError(`json: cannot unmarshal ${jsonType(value)} into Go value of type int32`);
      if (typeof value === "bigint" || !Number.isInteger(value) || Math.abs(value + 0.5) > 2 ** 31)
        throw new DecodeError(`json: cannot unmarshal number ${value} into Go value of type int32`);
      return value;
  }
}

function decodeQuantity(given: unknown): string {
  const value = typeof given === "bigint" ? String(given) : given;
  if (typeof value !== "string" && typeof value !== "number") throw new DecodeError(quantityFormatError);
  try {
    return canonicalQuantity(value);
  } catch (cause) {
    if (cause instanceof QuantityError) throw new DecodeError(cause.message, { cause });
    throw cause;
  }
}

function checkBase64(text: string): string {
  const clean = text.replace(/[\r\n]/g, "");
  const bad = /[^A-Za-z0-9+/=]/.exec(clean)?.index;
  if (bad !== undefined) throw new DecodeError(`illegal base64 data at input byte ${bad}`);
  const padding = clean.indexOf("=");
  if (clean.length % 4 !== 0 || (padding !== -1 && !/^={1,2}$/.test(clean.slice(padding)))) {
    throw new DecodeError(`illegal base64 data at input byte ${Math.max(0, clean.length - (clean.length % 4))}`);
  }
  return clean;
}

const timeShape = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Times are kept in UTC; fractions of a second only in micro times. */
function normalTime(text: string, micro: boolean): string | null {
  const match = timeShape.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(text);
  const layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
  if (match === null || Number.isNaN(ms)) {
    throw new DecodeError(
      `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(text)} as "2006"`,
    );
  }
  const seconds = new Date(ms).toISOString().slice(0, 19);
  if (!micro) return `${seconds}Z`;
  return `${seconds}.${(match[7] ?? ".").slice(1, 7).padEnd(6, "0")}Z`;
}

function wrongType(context: Context, value: unknown, type: string, withNumber = false): DecodeError {
  const found = withNumber ? `number ${JSON.stringify(value)}` : jsonType(value);
  const conversion = conversionError(value, type);
  if (context.struct === undefined)
    return new DecodeError(`json: cannot unmarshal ${found} into Go value of type ${type}`, { conversion });
  const struct = context.struct.name.replace(/^.*\./, "");
  return new DecodeError(
    `json: cannot unmarshal ${found} into Go struct field ${struct}.${context.goPath.join(".")} of type ${type}`,
    { conversion },
  );
}

const plainTypes = new Set(["string", "bool", "int32", "int64", "float64"]);

/** How `runtime.DefaultUnstructuredConverter` refuses the same value. */
function conversionError(value: unknown, type: string): string {
  const found = isJsonObject(value)
    ? "map"
    : Array.isArray(value)
      ? "slice"
      : typeof value === "number" || typeof value === "bigint"
        ? typeof value === "bigint" || Number.isInteger(value)
          ? "int64"
          : "float64"
        : jsonType(value);
  if (type.startsWith("[]")) return `cannot restore slice from ${found}`;
  if (type.startsWith("map[")) return `cannot restore map from ${found}`;
  if (!plainTypes.has(type)) return `cannot restore struct from: ${found}`;
  if (found === "int64" && type === "string") return "cannot convert int64 to string";
  return found === "float64" && type !== "string" && type !== "bool"
    ? `cannot convert float64 to ${type}`
    : `unrecognized type: ${type}`;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  if (typeof value === "bigint") return "number";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function goName(name: string): string {
  const [folder = "", short = ""] = name.split(".");
  return `${folder.split("/")[1] ?? ""}.${short}`;
}

function goType(schema: Schema): string {
  switch (schema.type) {
    case "struct":
      return goName(schema.name);
    case "list":
      return `[]${goType(schema.items)}`;
    case "map":
      return `map[string]${goType(schema.values)}`;
    case "scalar":
      return goScalars[schema.scalar] ?? (schema.name === undefined ? schema.scalar : goName(schema.name));
    case "any":
      return "runtime.RawExtension";
    case "either":
      return goName(schema.struct.name);
  }
}

const goScalars: Readonly<Partial<Record<string, string>>> = {
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  intOrString: "intstr.IntOrString",
  time: "v1.Time",
  microtime: "v1.MicroTime",
  double: "float64",
};
