// Reads Kubernetes' protobuf, which newer kubectl sends for built-in kinds, into the same values that JSON gives: the envelope
// `k8s\0` + runtime.Unknown, then the object by its schema. Fields that the schema does not know are skipped. Beside it,
// `protobuf-writer.ts` writes.
//
//   "k8s\0" { 1: { 1: apiVersion, 2: kind }, 2: the object's own message }
import { exactInteger } from "@coxswain/apimachinery";
import type { FieldSchema, ScalarName, Schema, StructSchema } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { slotsOf } from "./protobuf-fields.ts";
import type { Slots } from "./protobuf-fields.ts";

export const protobufMediaType = "application/vnd.kubernetes.protobuf";

/** Bytes that are not what they should be; the position is counted from the start of the message that is wrong. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** What every message begins with that stands alone. */
export const magic: Buffer = Buffer.from("k8s\0");
const deepest = 100;
/** Of the year 1 and of the year 9999, as Unix time. */
const [firstSecond, lastSecond] = [-62_135_596_800, 253_402_300_799];

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's own message. */
  readonly raw: Buffer;
}

/** Opens runtime.Unknown. Throws ProtobufError. */
export function readEnvelope(bytes: Buffer): Envelope {
  if (!bytes.subarray(0, 4).equals(magic))
    throw new ProtobufError("provided data does not appear to be a protobuf message, expected prefix 6b 38 73 00");
  let apiVersion = "";
  let kind = "";
  let raw: Buffer = Buffer.alloc(0);
  for (const { number, value } of fieldsOf(bytes.subarray(4))) {
    if (number === 2) raw = asBytes(value);
    if (number !== 1) continue;
    for (const part of fieldsOf(asBytes(value))) {
      if (part.number === 1) apiVersion = asBytes(part.value).toString();
      if (part.number === 2) kind = asBytes(part.value).toString();
    }
  }
  return { apiVersion, kind, raw };
}

/** A message as the value that its JSON would be. Throws ProtobufError. */
export function readMessage(schema: StructSchema, raw: Buffer): Record<string, unknown> {
  return readStruct(schema, raw, 0);
}

function readStruct(schema: StructSchema, bytes: Buffer, depth: number): Record<string, unknown> {
  if (depth > deepest) throw new ProtobufError("exceeded max depth");
  const object: Record<string, unknown> = {};
  fill(object, slotsOf(schema), bytes, depth);
  return object;
}

function fill(object: Record<string, unknown>, slots: Slots, bytes: Buffer, depth: number): void {
  for (const { number, value } of fieldsOf(bytes)) {
    const slot = slots.byNumber.get(number);
    if (slot === undefined) continue;
    if ("embedded" in slot) fill(object, slot.embedded, asBytes(value), depth + 1);
    else put(object, slot.field, value, depth);
  }
}

function put(object: Record<string, unknown>, field: FieldSchema, value: WireValue, depth: number): void {
  const { name, schema } = field;
  switch (schema.type) {
    case "list": {
      if (schema.isMessage) return define(object, name, readValue(schema, value, depth));
      const list = ownArray(object, name);
      if (isPacked(schema.items, value))
        for (const item of varintsOf(asBytes(value))) list.push(readValue(schema.items, item, depth));
      else list.push(readValue(schema.items, value, depth));
      return;
    }
    case "map": {
      const [key, entry] = readEntry(schema.values, asBytes(value), depth);
      define(ownObject(object, name), key, entry);
      return;
    }
    default: {
      const read = readValue(schema, value, depth);
      // Go writes every field that is not a pointer, empty or not; JSON leaves the empty ones out.
      if (!field.pointer && field.omitEmpty && isEmpty(read)) return;
      define(object, name, read);
    }
  }
}

function readValue(schema: Schema, value: WireValue, depth: number): unknown {
  switch (schema.type) {
    case "scalar":
      return readScalar(schema.scalar, value);
    case "struct":
      return readStruct(schema, asBytes(value), depth + 1);
    case "any":
      return readAny(asBytes(value));
    case "list": {
      // A list that is a message of its own, with one field.
      const list: unknown[] = [];
      for (const { number, value: item } of fieldsOf(asBytes(value)))
        if (number === 1) list.push(readValue(schema.items, item, depth + 1));
      return list;
    }
    case "map": {
      const map: Record<string, unknown> = {};
      for (const { number, value: item } of fieldsOf(asBytes(value)))
        if (number === 1) define(map, ...readEntry(schema.values, asBytes(item), depth + 1));
      return map;
    }
    case "either":
      return readEither(schema.struct, schema.or, asBytes(value), depth);
    default:
      return schema satisfies never;
  }
}

function readEntry(values: Schema, bytes: Buffer, depth: number): [key: string, value: unknown] {
  let key = "";
  let value: unknown = emptyOf(values);
  for (const part of fieldsOf(bytes)) {
    if (part.number === 1) key = asBytes(part.value).toString();
    if (part.number === 2) value = readValue(values, part.value, depth + 1);
  }
  return [key, value];
}

function readScalar(scalar: ScalarName, value: WireValue): unknown {
  switch (scalar) {
    case "string":
      return asBytes(value).toString();
    case "bytes":
      return asBytes(value).toString("base64");
    case "bool":
      return asInteger(value) !== 0n;
    case "int32":
      return Number(BigInt.asIntN(32, asInteger(value)));
    case "int64":
      return exactInteger(BigInt.asIntN(64, asInteger(value)));
    case "double": {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt.asUintN(64, asInteger(value)));
      return bytes.readDoubleLE();
    }
    case "time":
    case "microtime": {
      const bytes = asBytes(value);
      if (bytes.length === 0) return null;
      const seconds = Number(integerAt(bytes, 1));
      if (seconds < firstSecond || seconds > lastSecond)
        throw new ProtobufError(`expected a time between the years 1 and 9999, found ${seconds} seconds`);
      const time = rfc3339(seconds * 1000);
      if (scalar === "time") return time;
      const micros = Math.floor(Number(integerAt(bytes, 2)) / 1000);
      return `${time.slice(0, -1)}.${String(micros).padStart(6, "0")}Z`;
    }
    case "duration":
      return `${Number(integerAt(asBytes(value), 1)) / 1e9}s`;
    case "quantity":
      return textAt(asBytes(value), 1) ?? "0";
    case "intOrString": {
      const bytes = asBytes(value);
      return integerAt(bytes, 1) === 1n ? (textAt(bytes, 3) ?? "") : Number(BigInt.asIntN(32, integerAt(bytes, 2)));
    }
    default:
      return scalar satisfies never;
  }
}

/** Any JSON, which travels as its text. */
function readAny(bytes: Buffer): unknown {
  const text = textAt(bytes, 1);
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ProtobufError(`expected JSON in a raw field, found ${text.slice(0, 40)}`, { cause });
  }
}

function readEither(struct: StructSchema, or: "bool" | "list" | "strings", bytes: Buffer, depth: number): unknown {
  const list: unknown[] = [];
  let allows = false;
  for (const { number, value } of fieldsOf(bytes)) {
    const isStruct = or === "bool" ? number === 2 : number === 1;
    if (isStruct) return readStruct(struct, asBytes(value), depth + 1);
    if (or === "bool") allows = asInteger(value) !== 0n;
    else list.push(or === "list" ? readStruct(struct, asBytes(value), depth + 1) : asBytes(value).toString());
  }
  return or === "bool" ? allows : list;
}

/** A number of 64 bits, or bytes. */
type WireValue = bigint | Buffer;

function* fieldsOf(bytes: Buffer): Generator<{ readonly number: number; readonly value: WireValue }> {
  let at = 0;
  const varint = (): bigint => {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new ProtobufError("unexpected EOF");
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, result);
    }
    throw new ProtobufError(`integer overflow at byte ${at}`);
  };
  const take = (length: number): Buffer => {
    if (!(at + length <= bytes.length)) throw new ProtobufError("unexpected EOF");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    if (number === 0) throw new ProtobufError(`illegal tag 0 at byte ${at}`);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: take(8).readBigUInt64LE() };
        break;
      case 2:
        yield { number, value: take(Number(varint())) };
        break;
      case 5:
        yield { number, value: BigInt(take(4).readUInt32LE()) };
        break;
      default:
        throw new ProtobufError(`illegal wire type ${tag % 8} at byte ${at}`);
    }
  }
}

function* varintsOf(bytes: Buffer): Generator<bigint> {
  let result = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    result |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    yield BigInt.asUintN(64, result);
    result = 0n;
    shift = 0n;
  }
}

function isPacked(items: Schema, value: WireValue): boolean {
  return (
    Buffer.isBuffer(value) &&
    items.type === "scalar" &&
    (items.scalar === "int32" || items.scalar === "int64" || items.scalar === "bool")
  );
}

function asBytes(value: WireValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw new ProtobufError("wrong wire type: expected bytes, found a number");
}

function asInteger(value: WireValue): bigint {
  if (!Buffer.isBuffer(value)) return value;
  throw new ProtobufError("wrong wire type: expected a number, found bytes");
}

function integerAt(bytes: Buffer, wanted: number): bigint {
  for (const { number, value } of fieldsOf(bytes)) if (number === wanted) return BigInt.asIntN(64, asInteger(value));
  return 0n;
}

function textAt(bytes: Buffer, wanted: number): string | undefined {
  for (const { number, value } of fieldsOf(bytes)) if (number === wanted) return asBytes(value).toString();
  return undefined;
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === undefined || value === null;
}

function emptyOf(schema: Schema): unknown {
  if (schema.type !== "scalar") return schema.type === "list" ? [] : {};
  return schema.scalar === "bool"
    ? false
    : schema.scalar === "int32" || schema.scalar === "int64" || schema.scalar === "double"
      ? 0
      : "";
}

function ownArray(object: Record<string, unknown>, name: string): unknown[] {
  const known = object[name];
  if (Array.isArray(known)) return known as unknown[];
  const made: unknown[] = [];
  object[name] = made;
  return made;
}

function ownObject(object: Record<string, unknown>, name: string): Record<string, unknown> {
  const known = object[name];
  if (typeof known === "object" && known !== null) return known as Record<string, unknown>;
  const made: Record<string, unknown> = {};
  object[name] = made;
  return made;
}

/** Whatever its name: `__proto__` is a label key like any other. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
