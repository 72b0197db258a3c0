import { findSchema, resources } from "@coxswain/api";
import { decode } from "@coxswain/apimachinery";
import type { ApiObject, Schema, StructSchema } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { writeObject } from "./protobuf-writer.ts";
import { parseBody } from "./decode-body.ts";
import { readEnvelope } from "./protobuf.ts";

const mediaType = "application/vnd.kubernetes.protobuf";
const kinds = resources
  .filter(({ verbs }) => verbs.includes("create"))
  .map(({ group, version, kind }) => ({
    group,
    version,
    kind,
    apiVersion: group === "" ? version : `${group}/${version}`,
  }));

/** A value with every member set, down to a few levels. */
function sample(schema: Schema, depth: number): unknown {
  switch (schema.type) {
    case "struct":
      return Object.fromEntries(
        [...schema.fields.values()]
          .filter(({ schema: inner }) => depth > 0 || inner.type === "scalar")
          .map((field): [string, unknown] => [field.name, sample(field.schema, depth - 1)]),
      );
    case "list":
      return [sample(schema.items, depth - 1), sample(schema.items, depth - 1)];
    case "map":
      return { a: sample(schema.values, depth - 1), __proto__x: sample(schema.values, depth - 1) };
    case "any":
      return { raw: [1, "two", null] };
    case "either":
      return schema.or === "bool" ? true : sample(schema.struct, depth - 1);
    case "scalar":
      switch (schema.scalar) {
        case "string":
          return "tëxt";
        case "bytes":
          return "AP8B";
        case "bool":
          return true;
        case "int32":
          return -7;
        case "int64":
          return 2 ** 40;
        case "double":
          return 1.5;
        case "time":
          return "2026-01-02T03:04:05Z";
        case "microtime":
          return "2026-01-02T03:04:05.678901Z";
        case "duration":
          return "90s";
        case "quantity":
          return "100m";
        case "intOrString":
          return depth % 2 === 0 ? 8080 : "80%";
      }
  }
}

function schemaOf(kind: (typeof kinds)[number]): StructSchema {
  const schema = findSchema(kind);
  if (!schema) throw new Error(`no schema for ${kind.kind}`);
  return schema;
}

describe("an object in protobuf", () => {
  it.each(kinds)("$apiVersion $kind reads as the JSON it was", (kind) => {
    const schema = schemaOf(kind);
    const given = { ...(sample(schema, 6) as object), kind: kind.kind, apiVersion: kind.apiVersion };
    const { value: object } = decode(schema, given);
    const parsed = parseBody(writeObject(schema, object as Record<string, unknown> & ApiObject), mediaType, kind.kind);
    expect(decode(schema, parsed.value).value).toEqual(object);
  });

  it("names its type in the envelope", () => {
    const [pod] = kinds.filter(({ kind }) => kind === "Pod");
    if (!pod) throw new Error("no pods");
    const bytes = writeObject(schemaOf(pod), { kind: "Pod", apiVersion: "v1", metadata: { name: "a" } });
    expect(readEnvelope(bytes)).toMatchObject({ kind: "Pod", apiVersion: "v1" });
  });

  it.each([
    ["a message cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 1), "unexpected EOF"],
    ["another beginning", (bytes: Buffer) => bytes.subarray(1), "expected prefix 6b 38 73 00"],
    ["an unknown wire type", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from([0x0b])]), "illegal wire type 3"],
    [
      "a time beyond all years",
      (bytes: Buffer) =>
        Buffer.concat([
          bytes.subarray(0, 4),
          Buffer.from("\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x0d\x0a\x0b\x42\x09\x08", "latin1"),
          Buffer.alloc(7, 0xff),
          Buffer.from([0x7f]),
        ]),
      "expected a time between the years 1 and 9999",
    ],
    ["a tag of zero", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from([0x00])]), "illegal tag 0"],
  ])("%s is a bad request", (_what, spoil, message) => {
    const [pod] = kinds.filter(({ kind }) => kind === "Pod");
    if (!pod) throw new Error("no pods");
    const bytes = writeObject(schemaOf(pod), { kind: "Pod", apiVersion: "v1", metadata: { name: "a" } });
    expect(() => parseBody(spoil(bytes), mediaType, "Pod")).toThrow(message);
  });
});
