import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

test("so many are under way and no more, in order, also when some fail", async () => {
  const inTurn = createTurns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const results = [0, 1, 2, 3, 4].map((index) =>
    inTurn(() => {
      begun.push(index);
      return new Promise<number>((resolve, reject) =>
        ends.push(() => (index === 1 ? reject(new Error("no")) : resolve(index))),
      );
    }),
  );
  const outcomes = Promise.allSettled(results);
  const seen: number[][] = [];
  while (ends.length > 0) {
    seen.push([...begun]);
    for (const end of ends.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(seen).toEqual([
    [0, 1],
    [0, 1, 2, 3],
    [0, 1, 2, 3, 4],
  ]);
  expect((await outcomes).map(({ status }) => status === "fulfilled")).toEqual([true, false, true, true, true]);
});
