import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson, sameJson } from "./same-json.ts";

it("says of two values what their canonical JSON says", () => {
  const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>;
  const holed = value.map((one) => ({ one, none: undefined, nothing: null }));
  const pairs = fc.oneof(
    fc.tuple(value, value),
    fc.tuple(
      holed,
      value.map((one) => ({ one })),
    ),
    fc.tuple(value, value).map(([a]) => [a, structuredClone(a)]),
  );
  fc.assert(
    fc.property(pairs, ([one, other]) => {
      expect(sameJson(one, other)).toBe(canonicalJson(one) === canonicalJson(other));
    }),
  );
  expect(sameJson({ a: [1, undefined] }, { a: [1, null] })).toBe(true);
  expect(sameJson({ a: undefined, b: 1 }, { b: 1 })).toBe(true);
  expect(sameJson({ constructor: null }, {})).toBe(true);
  expect(sameJson([], {})).toBe(false);
});
