import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSchemaSet } from "../schema.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch, createMergePatch } from "./merge-patch.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

const schema = createSchemaSet([
  {
    folder: "test/v1",
    text: `
type Thing kind
spec? 1 Spec

type Spec
items? 1 []Item patch=merge:name
tags? 2 []string patch=merge
plain? 3 []string
choice? 4 *Choice patch=retainKeys
labels? 5 map:string

type Item
name 1 string
size? 2 int32
note? 3 string

type Choice
a? 1 string
b? 2 string`,
  },
]).get("test/v1.Thing");

const patch = (target: object, change: object): unknown =>
  applyStrategicMerge(schema, { spec: target }, { spec: change })["spec"];

describe("a strategic merge patch", () => {
  it.each<[name: string, target: object, change: object, result: object]>([
    [
      "merges items by key, new ones before those it does not name",
      { items: [{ name: "a", size: 1 }, { name: "b" }] },
      { items: [{ name: "a", note: "x" }, { name: "c" }] },
      { items: [{ name: "a", size: 1, note: "x" }, { name: "c" }, { name: "b" }] },
    ],
    [
      "deletes an item",
      { items: [{ name: "a" }, { name: "b" }] },
      { items: [{ $patch: "delete", name: "a" }] },
      { items: [{ name: "b" }] },
    ],
    [
      "replaces a list",
      { items: [{ name: "a" }, { name: "b" }] },
      { items: [{ name: "c" }, { $patch: "replace" }] },
      { items: [{ name: "c" }] },
    ],
    ["replaces an object", { labels: { a: "1" } }, { labels: { $patch: "replace", b: "2" } }, { labels: { b: "2" } }],
    [
      "puts items in the order it names",
      { items: [{ name: "a" }, { name: "b" }, { name: "c" }] },
      { "$setElementOrder/items": [{ name: "c" }, { name: "a" }] },
      { items: [{ name: "b" }, { name: "c" }, { name: "a" }] },
    ],
    ["adds to a set", { tags: ["a", "b"] }, { tags: ["b", "c"] }, { tags: ["a", "b", "c"] }],
    ["takes from a set", { tags: ["a", "b"] }, { "$deleteFromPrimitiveList/tags": ["a"] }, { tags: ["b"] }],
    ["replaces a plain list", { plain: ["a", "b"] }, { plain: ["c"] }, { plain: ["c"] }],
    [
      "retains the keys it names",
      { choice: { a: "1" } },
      { choice: { $retainKeys: ["b"], b: "2" } },
      { choice: { b: "2" } },
    ],
    [
      "removes by null, and drops null where nothing was",
      { labels: { a: "1" } },
      { labels: { a: null }, choice: { a: null, b: "2" } },
      { labels: {}, choice: { b: "2" } },
    ],
  ])("%s", (_name, target, change, result) => {
    expect(patch(target, change)).toEqual(result);
  });

  it("refuses items without their key", () => {
    expect(() => patch({ items: [] }, { items: [{ size: 1 }] })).toThrow(
      'map: {"size":1} does not contain declared merge key: name',
    );
  });
});

describe("a JSON patch", () => {
  it("applies all operations in order", () => {
    const operations = [
      { op: "test", path: "/a", value: 1 },
      { op: "add", path: "/list/-", value: "z" },
      { op: "replace", path: "/a", value: 2 },
      { op: "copy", from: "/a", path: "/b~1c" },
      { op: "move", from: "/list/0", path: "/first" },
      { op: "remove", path: "/gone" },
    ];
    expect(applyJsonPatch({ a: 1, list: ["x", "y"], gone: true }, operations)).toEqual({
      a: 2,
      list: ["y", "z"],
      "b/c": 2,
      first: "x",
    });
  });

  it("leaves the target alone and fails whole when a test fails", () => {
    const target = { a: 1 };
    expect(() =>
      applyJsonPatch(target, [
        { op: "add", path: "/b", value: 1 },
        { op: "test", path: "/a", value: 2 },
      ]),
    ).toThrow("testing value /a failed: test failed");
    expect(target).toEqual({ a: 1 });
  });
});

describe("a merge patch", () => {
  const json = fc.letrec<{ value: unknown; object: Record<string, unknown> }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.string(),
      fc.boolean(),
      fc.array(fc.integer(), { maxLength: 3 }),
      tie("object"),
    ),
    object: fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), tie("value"), { maxKeys: 4 }),
  }));

  it("made from a difference gives the target, and applied twice is applied once", () => {
    fc.assert(
      fc.property(json.object, json.object, (source, target) => {
        const difference = createMergePatch(source, target);
        const once = applyMergePatch(source, difference);
        expect(once).toEqual(target);
        expect(applyMergePatch(once, difference)).toEqual(once);
      }),
    );
  });
});
