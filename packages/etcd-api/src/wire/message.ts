// Messages as tables: a message is declared once, as a value, and its type, its encoder, its decoder and its JSON names
// follow from it. The dozen messages of the hot paths give straight-line code for the same table (`messages/*.ts`); a
// property test holds the two together. Unknown fields are skipped, absent ones hold their defaults (proto3).
import { WireReader } from "./reader.ts";
import { WireWriter } from "./writer.ts";

export type FieldKind =
  "bytes" | "string" | "bool" | "int64" | "uint32" | "signedId" | "unsignedId" | "enum" | "message";
export type FieldLabel = "single" | "optional" | "repeated";

export interface Field<T> {
  readonly number: number;
  readonly kind: FieldKind;
  readonly label: FieldLabel;
  readonly names?: readonly string[];
  readonly of?: () => Message<unknown>;
  /** The name in proto and JSON, where it is not the property's name in snake case. */
  readonly protoName?: string;
  /** Only for inference: what a decoded field holds. */
  readonly holds?: T;
}

export type Shape = Readonly<Record<string, Field<unknown>>>;
export type Decoded<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** What may be given for encoding: any part of the message; text is taken as UTF-8 where bytes are meant. */
export type Init<T> = T extends Buffer
  ? Uint8Array | string
  : T extends string | number | boolean | bigint | undefined
    ? T
    : T extends readonly (infer E)[]
      ? readonly Init<E>[]
      : { readonly [K in keyof T]?: Init<T[K]> | undefined };

/** A message's codec. */
export interface Message<T> {
  readonly name: string;
  readonly shape: Shape;
  /** Only for inference: what the message decodes to. */
  readonly holds?: T;
  write(value: Init<T>, writer: WireWriter): void;
  read(reader: WireReader): T;
}

/** The type of a message's decoded values. */
export type TypeOf<M> = M extends { readonly holds?: infer T } ? Exclude<T, undefined> : never;

/** `reserved` bytes stay free in front, for a head. */
export function encode<T>(message: Message<T>, value: Init<T>, reserved = 0): Buffer {
  const writer = new WireWriter(reserved);
  message.write(value, writer);
  return writer.finish();
}

export function decode<T>(message: Message<T>, bytes: Uint8Array): T {
  return message.read(new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
}

type Options = { readonly protoName?: string };

export const bytes = (number: number): Field<Buffer> => ({ number, kind: "bytes", label: "single" });
export const string = (number: number, options: Options = {}): Field<string> => ({
  number,
  kind: "string",
  label: "single",
  ...options,
});
export const bool = (number: number, options: Options = {}): Field<boolean> => ({
  number,
  kind: "bool",
  label: "single",
  ...options,
});
export const int64 = (number: number, options: Options = {}): Field<number> => ({
  number,
  kind: "int64",
  label: "single",
  ...options,
});
export const uint32 = (number: number): Field<number> => ({ number, kind: "uint32", label: "single" });
/** A 64-bit identifier that uses all its bits. */
export const signedId = (number: number, options: Options = {}): Field<bigint> => ({
  number,
  kind: "signedId",
  label: "single",
  ...options,
});
export const unsignedId = (number: number, options: Options = {}): Field<bigint> => ({
  number,
  kind: "unsignedId",
  label: "single",
  ...options,
});
export const enumeration = <const N extends readonly string[]>(
  number: number,
  names: N,
  options: Options = {},
): Field<N[number] | "UNRECOGNIZED"> => ({
  number,
  kind: "enum",
  label: "single",
  names,
  ...options,
});
export const nested = <T>(number: number, of: () => Message<T>): Field<T | undefined> => ({
  number,
  kind: "message",
  label: "single",
  of: of as () => Message<unknown>,
});
export const repeatedMessage = <T>(number: number, of: () => Message<T>): Field<readonly T[]> => ({
  number,
  kind: "message",
  label: "repeated",
  of: of as () => Message<unknown>,
});
/** The other scalars, many times. */
export const repeated = <T>(field: Field<T>): Field<readonly T[]> =>
  ({ ...field, label: "repeated" }) as Field<readonly T[]>;
/** A scalar whose presence counts: a member of a oneof. */
export const optional = <T>(field: Field<T>): Field<T | undefined> =>
  ({ ...field, label: "optional" }) as Field<T | undefined>;

/** Straight-line code for a message of the hot paths. */
export interface StraightLine<T> {
  write(value: Init<T>, writer: WireWriter): void;
  read(reader: WireReader): T;
}

/** Declares a message. Without `fast`, its codec walks the table. */
export function message<const S extends Shape>(
  name: string,
  shape: S,
  fast?: StraightLine<Decoded<S>>,
): Message<Decoded<S>> {
  return { name, shape, ...(fast ?? walkTable<Decoded<S>>(shape)) };
}

/** The codec that walks a table; also what tests compare the straight-line code with. */
export function walkTable<T>(shape: Shape): StraightLine<T> {
  const fields = Object.entries(shape);
  const byNumber = new Map(fields.map(([property, field]) => [field.number, { property, field }]));
  const lists = fields.filter(([, field]) => field.label === "repeated").map(([property]) => property);
  const template: Record<string, unknown> = {};
  for (const [property, field] of fields) template[property] = defaultOf(field);

  return {
    write(value, writer) {
      const given = value as Readonly<Record<string, unknown>>;
      for (const [property, field] of fields) {
        const held = given[property];
        if (held === undefined) continue;
        if (field.label === "repeated")
          for (const item of held as readonly unknown[]) writeField(writer, field, item, true);
        else writeField(writer, field, held, field.label === "optional");
      }
    },
    read(reader) {
      const result: Record<string, unknown> = { ...template };
      for (const property of lists) result[property] = [];
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        const known = byNumber.get(tag >>> 3);
        if (known === undefined) reader.skip(tag);
        else readField(reader, tag, known.field, known.property, result);
      }
      return result as T;
    },
  };
}

const noBytes = Buffer.alloc(0);

function defaultOf(field: Field<unknown>): unknown {
  if (field.label !== "single" || field.kind === "message") return undefined;
  if (field.kind === "bytes") return noBytes;
  if (field.kind === "string") return "";
  if (field.kind === "bool") return false;
  if (field.kind === "enum") return field.names?.[0];
  return field.kind === "signedId" || field.kind === "unsignedId" ? 0n : 0;
}

function writeField(writer: WireWriter, field: Field<unknown>, value: unknown, present: boolean): void {
  const varintTag = field.number << 3;
  const lengthTag = varintTag | 2;
  switch (field.kind) {
    case "bytes":
    case "string":
      if (present) writer.presentBytesField(lengthTag, value as Uint8Array | string);
      else writer.bytesField(lengthTag, value as Uint8Array | string);
      return;
    case "bool":
      if (present) writer.presentInt64Field(varintTag, value === true ? 1 : 0);
      else writer.boolField(varintTag, value === true);
      return;
    case "int64":
    case "uint32":
      if (present) writer.presentInt64Field(varintTag, value as number);
      else writer.int64Field(varintTag, value as number);
      return;
    case "signedId":
    case "unsignedId":
      if (present) writer.presentBigintField(varintTag, value as bigint);
      else writer.bigintField(varintTag, value as bigint);
      return;
    case "enum": {
      const index = Math.max(0, field.names?.indexOf(value as string) ?? 0);
      if (present) writer.presentInt64Field(varintTag, index);
      else writer.int64Field(varintTag, index);
      return;
    }
    case "message": {
      const start = writer.beginNested(lengthTag);
      field.of?.().write(value as Init<unknown>, writer);
      writer.endNested(start);
      return;
    }
  }
}

function readField(
  reader: WireReader,
  tag: number,
  field: Field<unknown>,
  property: string,
  result: Record<string, unknown>,
): void {
  const isLength = field.kind === "bytes" || field.kind === "string" || field.kind === "message";
  const wireType = tag & 7;
  if (field.label === "repeated") {
    const list = result[property] as unknown[];
    if (!isLength && wireType === 2) {
      const packed = reader.nested();
      while (packed.position < packed.end) list.push(readValue(packed, field));
      return;
    }
    if (wireType === (isLength ? 2 : 0)) list.push(readValue(reader, field));
    else reader.skip(tag);
    return;
  }
  if (wireType === (isLength ? 2 : 0)) result[property] = readValue(reader, field);
  else reader.skip(tag);
}

function readValue(reader: WireReader, field: Field<unknown>): unknown {
  switch (field.kind) {
    case "bytes":
      return reader.bytes();
    case "string":
      return reader.string();
    case "bool":
      return reader.bool();
    case "int64":
      return reader.int64();
    case "uint32":
      return reader.uint32();
    case "signedId":
      return reader.signedBigint();
    case "unsignedId":
      return reader.unsignedBigint();
    case "enum":
      return field.names?.[reader.int64()] ?? "UNRECOGNIZED";
    case "message":
      return field.of?.().read(reader.nested());
  }
}
