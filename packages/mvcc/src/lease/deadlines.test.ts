import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "./deadlines.ts";

test("whatever is set and taken away, what is due comes first, earliest first, as a sorted list would say", () => {
  const step = fc.record({ id: fc.bigInt(0n, 8n), atMs: fc.oneof(fc.nat(50), fc.constant(Number.POSITIVE_INFINITY)) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.nat(50),
      fc.integer({ min: 1, max: 10 }),
      (steps, nowMs, limit) => {
        const deadlines = new Deadlines();
        const known = new Map<bigint, number>();
        for (const { id, atMs } of steps) {
          deadlines.set(id, atMs);
          if (atMs === Number.POSITIVE_INFINITY) known.delete(id);
          else known.set(id, atMs);
          expect(deadlines.next() ?? Number.POSITIVE_INFINITY).toBe(
            Math.min(Number.POSITIVE_INFINITY, ...known.values()),
          );
          const times = (ids: readonly bigint[]): readonly (number | undefined)[] => ids.map((each) => known.get(each));
          const due = deadlines.due(nowMs, limit);
          expect(new Set(due).size).toBe(due.length);
          expect(times(due)).toEqual(
            [...known.values()]
              .filter((each) => each <= nowMs)
              .sort((a, b) => a - b)
              .slice(0, limit),
          );
        }
      },
    ),
  );
});

test("a deadline that always moves away takes no room", () => {
  const deadlines = new Deadlines();
  for (let atMs = 0; atMs < 1000; atMs++) deadlines.set(1n, atMs);
  expect(deadlines.next()).toBe(999);
  deadlines.set(1n, Number.POSITIVE_INFINITY);
  expect(deadlines.next()).toBeUndefined();
});
