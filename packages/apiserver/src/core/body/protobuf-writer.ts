// Writes objects in Kubernetes' protobuf by the numbers of their schema: the other side of `protobuf.ts`. What JSON leaves out is left out here,
// too; Go, which writes empty members that are no pointers, reads the same.
//
//   "k8s\0" { 1: { 1: apiVersion, 2: kind }, 2: the object's own message }
//   a list's own message: { 1: ListMeta, 2: an item, 2: an item … }
//   a watch's frame: length { 1: the event's type, 2: { 1: "k8s\0"… } }
import { findSchema, schemas } from "@coxswain/api";
import { parseApiVersion } from "@coxswain/apimachinery";
import type { FieldSchema, ListMeta, ScalarName, Schema, StructSchema } from "@coxswain/apimachinery";
import { BackwardBytes } from "./backward-bytes.ts";
import { magic } from "./protobuf.ts";
import { slotsOf } from "./protobuf-fields.ts";
import type { Slots } from "./protobuf-fields.ts";

/** Whatever names its type: objects, Status, lists of metadata. */
export interface Typed {
  readonly apiVersion: string;
  readonly kind: string;
}

type Members = Readonly<Record<string, unknown>>;

/** Nothing here waits, so one is enough for all. */
const out = new BackwardBytes();

/** What `write` writes; what a failure left behind is not of it. */
function written(write: () => void): Buffer {
  out.clear();
  write();
  return out.take();
}

/** Alone, as an answer is. Throws when the type is not one of Kubernetes' own. */
export function writeProtobuf(object: Typed): Buffer {
  return written(() => writeEnvelope(object, () => writeMessage(object)));
}

/** The same by a schema that is known, as clients send objects. */
export function writeObject(schema: StructSchema, object: Typed & Members): Buffer {
  return written(() => writeEnvelope(object, () => writeStruct(schema, object)));
}

/** A list up to its items: the fields of `writeItem` follow, whose bytes must be counted before. */
export function writeListHead(list: Typed & { readonly metadata: ListMeta }, itemsBytes: number): Buffer {
  return written(() => {
    writeStruct(schemas.get("meta/v1.ListMeta"), list.metadata as Members);
    out.bytesHead(1, 0);
    out.varint(out.length + itemsBytes);
    out.varint(2 * 8 + 2);
    writeTypeMeta(list);
  });
}

/** An item of a list, as its field. */
export function writeItem(object: Typed): Buffer {
  return written(() => {
    writeMessage(object);
    out.bytesHead(2, 0);
  });
}

/** An event of a watch, its length before it. */
export function writeWatchFrame(type: string, object: Typed): Buffer {
  return written(() => {
    writeEnvelope(object, () => writeMessage(object));
    out.bytesHead(1, 0);
    out.bytesHead(2, 0);
    const before = out.length;
    out.text(type);
    out.bytesHead(1, before);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(out.length);
    out.raw(length);
  });
}

function writeEnvelope(object: Typed, message: () => void): void {
  const before = out.length;
  message();
  out.bytesHead(2, before);
  writeTypeMeta(object);
}

function writeTypeMeta({ apiVersion, kind }: Typed): void {
  const before = out.length;
  writeText(2, kind);
  writeText(1, apiVersion);
  out.bytesHead(1, before);
  out.raw(magic);
}

function writeMessage(object: Typed): void {
  const all: object = object;
  const members = all as Members;
  switch (object.kind) {
    case "PartialObjectMetadata":
      return writePartial(members);
    case "PartialObjectMetadataList": {
      for (const item of (members["items"] as readonly Members[]).toReversed()) {
        const before = out.length;
        writePartial(item);
        out.bytesHead(2, before);
      }
      const before = out.length;
      writeStruct(schemas.get("meta/v1.ListMeta"), members["metadata"] as Members);
      return out.bytesHead(1, before);
    }
    default:
      return writeStruct(schemaOf(object), members);
  }
}

function writePartial({ metadata }: Members): void {
  const before = out.length;
  writeStruct(schemas.get("meta/v1.ObjectMeta"), metadata as Members);
  out.bytesHead(1, before);
}

/** Those of every group, which name the version of the core group. */
const metaKinds: ReadonlySet<string> = new Set([
  "Status",
  "APIVersions",
  "APIGroupList",
  "APIGroup",
  "APIResourceList",
]);

function schemaOf({ apiVersion, kind }: Typed): StructSchema {
  const type = metaKinds.has(kind) ? { group: "meta.k8s.io", version: "v1" } : parseApiVersion(apiVersion);
  const schema = type && findSchema({ group: type.group, version: type.version, kind });
  if (schema === undefined) throw new Error(`there is no protobuf of ${apiVersion} ${kind}`);
  return schema;
}

function writeStruct(schema: StructSchema, members: Members): void {
  writeSlots(slotsOf(schema), members);
}

function writeSlots(slots: Slots, members: Members): void {
  for (const [number, slot] of slots.backward) {
    if ("embedded" in slot) {
      const before = out.length;
      writeSlots(slot.embedded, members);
      if (out.length > before) out.bytesHead(number, before);
      continue;
    }
    const { name } = slot.field;
    if (!Object.hasOwn(members, name)) continue;
    const value = members[name];
    if (value !== null && value !== undefined) writeMember(slot.field, value);
  }
}

function writeMember({ number, schema }: FieldSchema, value: unknown): void {
  switch (schema.type) {
    case "list":
      if (schema.isMessage) return writeValue(number, schema, value);
      for (const item of (value as readonly unknown[]).toReversed()) writeValue(number, schema.items, item);
      return;
    case "map":
      return writeEntries(number, schema.values, value as Members);
    default:
      return writeValue(number, schema, value);
  }
}

function writeEntries(number: number, values: Schema, map: Members): void {
  for (const [key, value] of Object.entries(map).toReversed()) {
    const before = out.length;
    writeValue(2, values, value);
    writeText(1, key);
    out.bytesHead(number, before);
  }
}

function writeValue(number: number, schema: Schema, value: unknown): void {
  if (schema.type === "scalar") return value === null ? undefined : writeScalar(number, schema.scalar, value);
  const before = out.length;
  switch (schema.type) {
    case "struct":
      writeStruct(schema, (value ?? {}) as Members);
      break;
    case "any":
      writeText(1, JSON.stringify(value));
      break;
    case "list":
      // A list that is a message of its own, with one field.
      for (const item of ((value ?? []) as readonly unknown[]).toReversed()) writeValue(1, schema.items, item);
      break;
    case "map":
      writeEntries(1, schema.values, (value ?? {}) as Members);
      break;
    case "either":
      writeEither(schema.struct, schema.or, value);
      break;
    default:
      return schema satisfies never;
  }
  out.bytesHead(number, before);
}

function writeEither(schema: StructSchema, or: "bool" | "list" | "strings", value: unknown): void {
  if (typeof value === "boolean") return writeInteger(1, value ? 1 : 0);
  if (Array.isArray(value)) {
    for (const item of (value as readonly unknown[]).toReversed()) {
      if (or === "strings") writeText(2, item as string);
      else writeValue(2, schema, item);
    }
    return;
  }
  writeValue(or === "bool" ? 2 : 1, schema, value);
  if (or === "bool") writeInteger(1, 1);
}

function writeScalar(number: number, scalar: ScalarName, value: unknown): void {
  const before = out.length;
  switch (scalar) {
    case "string":
      return writeText(number, value as string);
    case "bool":
      return writeInteger(number, value === true ? 1 : 0);
    case "int32":
    case "int64":
      return writeInteger(number, value as number | bigint);
    case "double":
      out.double(value as number);
      return out.doubleHead(number);
    case "bytes":
      out.raw(Buffer.from(value as string, "base64"));
      break;
    case "time":
    case "microtime":
      writeTime(value as string);
      break;
    case "duration":
      writeInteger(1, BigInt(Math.round(Number((value as string).slice(0, -1)) * 1e9)));
      break;
    case "quantity":
      writeText(1, String(value));
      break;
    case "intOrString":
      if (typeof value === "number") {
        writeInteger(2, value);
        writeInteger(1, 0);
      } else {
        writeText(3, value as string);
        writeInteger(1, 1);
      }
      break;
    default:
      return scalar satisfies never;
  }
  out.bytesHead(number, before);
}

/** Seconds and nanoseconds; what has no time is an empty message. */
function writeTime(value: string): void {
  const fraction = /\.(\d+)/.exec(value)?.[1];
  if (fraction !== undefined) writeInteger(2, Number(fraction.slice(0, 9).padEnd(9, "0")));
  writeInteger(1, Math.floor(Date.parse(value) / 1000));
}

function writeText(number: number, value: string): void {
  const before = out.length;
  out.text(value);
  out.bytesHead(number, before);
}

function writeInteger(number: number, value: number | bigint): void {
  out.varint(value);
  out.numberHead(number);
}
