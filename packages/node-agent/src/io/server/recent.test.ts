import { createSimulatedClock } from "@coxswain/clock/testing";
import { expect, test } from "vitest";
import { createRecent } from "./recent.ts";

test("an answer is asked for once while it is fresh, a failure again, and the oldest goes when there are too many", async () => {
  const clock = createSimulatedClock();
  const recent = createRecent<string>(2, clock);
  const asked: string[] = [];
  const get = (key: string): Promise<string> =>
    recent.get(key, async () => {
      asked.push(key);
      if (key === "broken") throw new Error("no");
      return { value: key.toUpperCase(), ttlMs: 1_000 };
    });
  expect(await Promise.all([get("a"), get("a")])).toEqual(["A", "A"]);
  await get("a");
  expect(asked).toEqual(["a"]);
  await clock.advance(1_000);
  await get("a");
  expect(asked).toEqual(["a", "a"]);
  await expect(get("broken")).rejects.toThrow("no");
  await expect(get("broken")).rejects.toThrow("no");
  await get("b");
  await get("c");
  await get("a");
  expect(asked).toEqual(["a", "a", "broken", "broken", "b", "c", "a"]);
});
