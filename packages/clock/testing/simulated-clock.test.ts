import { describe, expect, it } from "vitest";
import { createSeededRandom, createSimulatedClock } from "./index.ts";

describe("a simulated clock", () => {
  it("fires timers in the order of their deadlines, at their times", async () => {
    const clock = createSimulatedClock(0);
    const journal: string[] = [];
    clock.setTimeout(() => journal.push(`late at ${clock.now()}`), 20);
    clock.setTimeout(() => journal.push(`early at ${clock.now()}`), 10);
    clock.setTimeout(() => journal.push("never"), 15).cancel();
    await clock.advance(30);
    expect({ journal, now: clock.now(), pending: clock.pending() }).toEqual({
      journal: ["early at 10", "late at 20"],
      now: 30,
      pending: 0,
    });
  });

  it("lets a sleeper act before the next timer fires", async () => {
    const clock = createSimulatedClock(0);
    const journal: string[] = [];
    const sleeper = clock.sleep(10).then(() => journal.push("slept"));
    clock.setTimeout(() => journal.push("timer"), 10);
    await clock.advance(10);
    await sleeper;
    expect(journal).toEqual(["slept", "timer"]);
  });

  it("wakes a sleeper with the signal's reason and keeps no timer", async () => {
    const clock = createSimulatedClock(0);
    const aborter = new AbortController();
    const sleeper = clock.sleep(10, aborter.signal);
    aborter.abort(new Error("enough"));
    await expect(sleeper).rejects.toThrow("enough");
    expect(clock.pending()).toBe(0);
  });
});

describe("seeded randomness", () => {
  it("repeats itself from the same seed and differs from another's", () => {
    const draw = (seed: number): readonly unknown[] => {
      const random = createSeededRandom(seed);
      return [random.next(), random.int(100), random.uuid(), random.suffix(5)];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});
