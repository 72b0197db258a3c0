import { describe, expect, it } from "vitest";
import { dynamicValue, plainValue } from "./dynamic-values.ts";
import { compileMutation } from "./environment.ts";
import { messagesAsMaps } from "./message-literals.ts";

const types = { object: "dyn" };
const object = dynamicValue({ metadata: { name: "a" }, items: [1, 2] });

describe("messages in mutations", () => {
  it("are read as maps, wherever they stand", () => {
    const expression =
      "Object{metadata: Object.metadata{labels: {'a': object.metadata.name}}, spec: Object.spec{containers: object.items.map(i, Object.spec.containers{name: 'c' + string(i)})}}";
    expect(plainValue(compileMutation(expression, types).run({ object }))).toEqual({
      metadata: { labels: { a: "a" } },
      spec: { containers: [{ name: "c1" }, { name: "c2" }] },
    });
    const maybe =
      "Object{?spec: optional.of(Object.spec{?a: object.?nothing, list: [?object.?nothing, object.?items[?0]], m: {?'x': object.?nothing}})}";
    expect(plainValue(compileMutation(maybe, types).run({ object }))).toEqual({ spec: { list: [1], m: {} } });
    const patch = "[JSONPatch{op: 'add', path: '/spec', value: Object.spec{__namespace__: 'x', a__dash__b: 1}}]";
    expect(plainValue(compileMutation(patch, types).run({ object }))).toEqual([
      { op: "add", path: "/spec", value: { namespace: "x", "a-b": 1 } },
    ]);
  });

  it("leave texts, comments, maps and other names as they are", () => {
    for (const same of [
      "{'Object{a: 1}': \"JSONPatch{op: 'x'}\"}",
      "object.Object == 1 // Object{a: 1}",
      "r'\\Object{a: 1}' + '''it's Object{b: 2}'''",
      "MyObject{a: 1}",
    ])
      expect(messagesAsMaps(same)).toBe(same);
  });

  it("are refused where their type has no place", () => {
    expect(() => messagesAsMaps("Object{spec: Object.status{a: 1}}")).toThrow(
      'type mismatch: unexpected type name "Object.status", expected "Object.spec"',
    );
  });
});
