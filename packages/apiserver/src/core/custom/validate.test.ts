import { describe, expect, it } from "vitest";
import { coerceEmbedded, duplicateErrors, embeddedErrors } from "./invariants.ts";
import type { JsonSchema } from "./structural.ts";
import { validateBySchema } from "./validate.ts";

/** Field and words of each error; what apiextensions-apiserver 0.36 says of the same. */
function said(value: unknown, schema: JsonSchema, old?: unknown): string[] {
  return validateBySchema(value, schema, "f", old).map(({ type, field, detail }) =>
    [type.slice(10), field, detail].join(" ").trim(),
  );
}

const word = { type: "string" };
const required = (name: string): JsonSchema => ({ required: [name] });

describe("values against a schema", () => {
  it.each<[unknown, JsonSchema, string[]]>([
    ["a", word, []],
    [1, word, ['TypeInvalid f f in body must be of type string: "integer"']],
    [1e20, word, ['TypeInvalid f f in body must be of type string: "number"']],
    [null, word, ['TypeInvalid f f in body must be of type string: "null"']],
    [null, { ...word, nullable: true }, []],
    [null, { ...word, nullable: true, enum: ["a"] }, ['NotSupported f supported values: "a"']],
    [
      1.5,
      { type: "integer" },
      [
        'TypeInvalid f f in body must be of type integer: "number"',
        "Invalid <nil> Checked value must be of type integer (default format) in f",
      ],
    ],
    [
      3e9,
      { type: "integer", format: "int32" },
      ["Invalid <nil> Checked value must be of type integer with format int32 in f"],
    ],
    [true, { type: "integer", format: "int32" }, ['TypeInvalid f f in body must be of type int32: ""']],
    [5, { ...word, format: "date" }, ['TypeInvalid f f in body must be of type date: "int64"']],
    ["2021-02-29", { ...word, format: "date" }, ['TypeInvalid f f in body must be of type date: "2021-02-29"']],
    ["x", { ...word, format: "weird" }, []],
    ["a.b", { ...word, format: "hostname" }, ['TypeInvalid f f in body must be of type hostname: "a.b"']],
    ["A", { ...word, format: "k8s-short-name" }, ['TypeInvalid f f in body must be of type k8s-short-name: "A"']],
    [
      1,
      { ...word, enum: ["a"] },
      ['TypeInvalid f f in body must be of type string: "integer"', 'NotSupported f supported values: "a"'],
    ],
    [4, { type: "number", multipleOf: 3 }, ["Invalid f f in body should be a multiple of 3"]],
    [1, { type: "integer", minimum: 1, exclusiveMinimum: true }, ["Invalid f f in body should be greater than 1"]],
    [1.5, { "x-kubernetes-int-or-string": true }, ['TypeInvalid f f in body must be of type integer,string: "number"']],
    [
      {},
      { type: "object", oneOf: [required("a"), required("b")] },
      ['Invalid <nil> "f" must validate one and only one schema (oneOf). Found none valid', "Required f.a"],
    ],
    [
      { a: 1, b: 1 },
      { type: "object", oneOf: [required("a"), required("b")] },
      ['Invalid <nil> "f" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      {},
      { type: "object", anyOf: [required("a"), required("b")] },
      ['Invalid <nil> "f" must validate at least one schema (anyOf)', "Required f.a"],
    ],
    [
      "y",
      { ...word, allOf: [{ minLength: 2 }, { pattern: "^x" }] },
      [
        "Invalid f f in body should be at least 2 chars long",
        "Invalid f f in body should match '^x'",
        'Invalid <nil> "f" must validate all the schemas (allOf). None validated',
      ],
    ],
    ["bad", { ...word, not: { enum: ["bad"] } }, ['Invalid <nil> "f" must not validate the schema (not)']],
  ])("%j against %j", (value, schema, errors) => {
    expect(said(value, schema)).toEqual(errors);
  });

  it("what is as it was before is let pass, at any depth", () => {
    const schema: JsonSchema = { type: "object", properties: { a: { type: "string" }, b: { type: "string" } } };
    expect(said({ a: 1, b: 2 }, schema, { a: 1, b: "x" })).toEqual([
      'TypeInvalid f.b f.b in body must be of type string: "integer"',
    ]);
  });
});

describe("what schemas demand beyond types", () => {
  const list = (type: string, keys?: string[]): JsonSchema => ({
    type: "array",
    "x-kubernetes-list-type": type,
    ...(keys && { "x-kubernetes-list-map-keys": keys }),
  });

  it("items of sets and keyed lists stand once", () => {
    const fields = (value: unknown, schema: JsonSchema): unknown =>
      duplicateErrors(value, schema, "f").map(({ type, field }) => [type, field]);
    expect(fields(["a", "b", "a"], list("set"))).toEqual([["FieldValueDuplicate", "f[2]"]]);
    expect(fields([{ k: 1 }, { k: 2 }, { k: 1, v: 2 }], list("map", ["k"]))).toEqual([["FieldValueDuplicate", "f[2]"]]);
    expect(fields([1, 1], list("map", ["k"]))).toEqual([["FieldValueInvalid", "f[0]"]]);
    expect(fields(["a", "a"], list("atomic"))).toEqual([]);
  });

  const embedded: JsonSchema = { type: "object", "x-kubernetes-embedded-resource": true };

  it("embedded resources say what they are", () => {
    const fields = (value: unknown): string[] => embeddedErrors(value, embedded, "f").map(({ field }) => field);
    expect(fields({})).toEqual(["f.apiVersion", "f.kind"]);
    expect(fields({ apiVersion: "v1", kind: "Pod" })).toEqual([]);
    expect(fields({ apiVersion: "a/b/c", kind: "a b", metadata: { labels: { "a b": "" } } })).toEqual([
      "f.apiVersion",
      "f.kind",
      "f.metadata.labels",
    ]);
  });

  it("metadata of embedded resources is read as any object's", () => {
    const resource = { apiVersion: "v1", kind: "Pod", metadata: { name: "a", more: 1 } };
    expect(coerceEmbedded(resource, embedded, "f")).toEqual(["f.metadata.more"]);
    expect(resource.metadata).not.toHaveProperty("more");
    expect(() => coerceEmbedded({ metadata: { labels: { a: 1 } } }, embedded, "f")).toThrow(
      'f.metadata: Invalid value: {"labels":{"a":1}}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
    );
  });
});
