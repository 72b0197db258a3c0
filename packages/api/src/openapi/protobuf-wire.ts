// Fields of protobuf messages, as bytes.

/** What a member of a document is that is no message of its own; "any" is said as YAML. */
export type Primitive = "string" | "bool" | "count" | "number" | "any";

/** Its field; none where its absence says the same. */
export function primitive(number: number, how: Primitive, value: unknown): Uint8Array[] {
  switch (how) {
    case "string":
      return [text(number, String(value))];
    case "bool":
      return value === true ? [flag(number, true)] : [];
    case "count":
      return typeof value === "number" && value > 0 ? [join([varint(number * 8), varint(value)])] : [];
    case "number":
      return typeof value === "number" ? [double(number, value)] : [];
    case "any":
      return [field(number, [text(2, JSON.stringify(value))])];
    default:
      return how satisfies never;
  }
}

/** An entry of a map: its key, its value. */
export function named(name: string, value: readonly Uint8Array[]): Uint8Array[] {
  return [text(1, name), field(2, value)];
}

const encoder = new TextEncoder();

export function text(number: number, value: string): Uint8Array {
  return field(number, [encoder.encode(value)]);
}

export function flag(number: number, value: boolean): Uint8Array {
  return join([varint(number * 8), Uint8Array.of(value ? 1 : 0)]);
}

export function double(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return join([varint(number * 8 + 1), bytes]);
}

export function field(number: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return join([varint(number * 8 + 2), varint(length), ...parts]);
}

/** A whole number, not below zero. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.of(...bytes, rest);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
