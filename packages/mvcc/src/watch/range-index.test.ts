import fc from "fast-check";
import { expect, test } from "vitest";
import { inRange } from "../key.ts";
import type { KeyRange } from "../key.ts";
import { RangeIndex } from "./range-index.ts";

const key = fc.string({ unit: fc.constantFrom("\0", "a", "b", "c"), maxLength: 4 });
const range = fc.record({ start: key, end: fc.option(key, { nil: undefined }) });

test("the ranges that hold a key are those that a look at each of them finds, whatever was added and taken away", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), range), { maxLength: 60 }), fc.array(key), (steps, keys) => {
      const index = new RangeIndex<string>();
      const model = new Map<string, KeyRange>();
      for (const [add, each] of steps) {
        const name = JSON.stringify([each.start, each.end]);
        if (!add) {
          index.delete(each);
          model.delete(name);
        } else if (!model.has(name)) {
          index.add(each, name);
          model.set(name, each);
        }
      }
      expect(index.size).toBe(model.size);
      for (const each of model.values()) expect(index.get(each)).toBe(JSON.stringify([each.start, each.end]));
      for (const asked of keys) {
        const found: string[] = [];
        index.visit(asked, (name) => void found.push(name));
        const wanted = Array.from(model).flatMap(([name, each]) => (inRange(each, asked) ? [name] : []));
        expect(found.toSorted()).toEqual(wanted.toSorted());
      }
    }),
    { numRuns: 500 },
  );
});
