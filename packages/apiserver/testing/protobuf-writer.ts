// Writes objects in Kubernetes' protobuf, as typed clients send them, by the numbers of the schema: the other side of
// `src/core/body/protobuf.ts`, for its tests. Like Go it writes what is there and leaves the order of members to the schema.
import type { ApiObject, FieldSchema, ScalarName, Schema, StructSchema } from "@coxswain/apimachinery";

/** `k8s\0` and the envelope around the object's own message. */
export function writeProtobuf(schema: StructSchema, object: ApiObject): Buffer {
  const type = Buffer.concat([field(1, text(object.apiVersion)), field(2, text(object.kind))]);
  return Buffer.concat([Buffer.from("k8s\0"), field(1, type), field(2, struct(schema, object))]);
}

type Members = Readonly<Record<string, unknown>>;

function struct(schema: StructSchema, value: unknown): Buffer {
  return members([...schema.fields.values()], value as Members, 0);
}

/** Fields of the message at this level; those of embedded messages are written together under their number. */
function members(fields: readonly FieldSchema[], value: Members, level: number): Buffer {
  const inside = new Map<number, FieldSchema[]>();
  const parts: Buffer[] = [];
  for (const each of fields) {
    const outer = each.embeddedIn[level];
    if (outer !== undefined) inside.set(outer, [...(inside.get(outer) ?? []), each]);
    else if (Object.hasOwn(value, each.name) && value[each.name] !== null) parts.push(member(each, value[each.name]));
  }
  for (const [number, embedded] of inside) parts.push(field(number, members(embedded, value, level + 1)));
  return Buffer.concat(parts);
}

function member({ number, schema }: FieldSchema, value: unknown): Buffer {
  switch (schema.type) {
    case "list":
      return Buffer.concat((value as readonly unknown[]).map((item) => single(number, schema.items, item)));
    case "map":
      return Buffer.concat(entries(schema.values, value as Members).map((entry) => field(number, entry)));
    default:
      return single(number, schema, value);
  }
}

function entries(values: Schema, map: Members): Buffer[] {
  return Object.entries(map).map(([key, value]) => Buffer.concat([field(1, text(key)), single(2, values, value)]));
}

function single(number: number, schema: Schema, value: unknown): Buffer {
  switch (schema.type) {
    case "struct":
      return field(number, struct(schema, value));
    case "any":
      return field(number, field(1, text(JSON.stringify(value))));
    case "list":
      return field(number, Buffer.concat((value as readonly unknown[]).map((item) => single(1, schema.items, item))));
    case "map":
      return field(number, Buffer.concat(entries(schema.values, value as Members).map((entry) => field(1, entry))));
    case "either":
      return field(number, either(schema.struct, schema.or, value));
    case "scalar":
      return scalar(number, schema.scalar, value);
  }
}

function either(schema: StructSchema, or: "bool" | "list" | "strings", value: unknown): Buffer {
  if (typeof value === "boolean") return integer(1, BigInt(value));
  if (!Array.isArray(value))
    return or === "bool"
      ? Buffer.concat([integer(1, 1n), field(2, struct(schema, value))])
      : field(1, struct(schema, value));
  const items = value as readonly unknown[];
  return Buffer.concat(items.map((item) => field(2, or === "strings" ? text(item as string) : struct(schema, item))));
}

function scalar(number: number, name: ScalarName, value: unknown): Buffer {
  switch (name) {
    case "string":
      return field(number, text(value as string));
    case "bytes":
      return field(number, Buffer.from(value as string, "base64"));
    case "bool":
      return integer(number, BigInt(value as boolean));
    case "int32":
    case "int64":
      return integer(number, BigInt(value as number));
    case "double": {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value as number);
      return Buffer.concat([varint(BigInt(number * 8 + 1)), bytes]);
    }
    case "time":
    case "microtime": {
      const [whole = "", fraction = "0"] = (value as string).replace("Z", "").split(".");
      const nanos = BigInt(fraction.padEnd(9, "0"));
      return field(number, Buffer.concat([integer(1, BigInt(Date.parse(`${whole}Z`) / 1000)), integer(2, nanos)]));
    }
    case "duration":
      return field(number, integer(1, BigInt(Number((value as string).replace("s", "")) * 1e9)));
    case "quantity":
      return field(number, field(1, text(value as string)));
    case "intOrString":
      return field(
        number,
        typeof value === "number"
          ? Buffer.concat([integer(1, 0n), integer(2, BigInt(value))])
          : Buffer.concat([integer(1, 1n), field(3, text(value as string))]),
      );
  }
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

function integer(number: number, value: bigint): Buffer {
  return Buffer.concat([varint(BigInt(number * 8)), varint(BigInt.asUintN(64, value))]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
