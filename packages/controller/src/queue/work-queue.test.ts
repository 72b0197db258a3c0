import { describe, expect, it } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createWorkQueue } from "./work-queue.ts";

const create = () => {
  const clock = createSimulatedClock();
  return { clock, queue: createWorkQueue<string>({ name: "test" }, { clock }) };
};

describe("a work queue", () => {
  it("hands a key out once, however often it was added", async () => {
    const { queue } = create();
    for (const key of ["a", "b", "a"]) queue.add(key);
    expect([await queue.get(), await queue.get(), queue.length()]).toEqual(["a", "b", 0]);
  });

  it("keeps a key that is added while it is worked on until the work is done", async () => {
    const { queue } = create();
    queue.add("a");
    await queue.get();
    queue.add("a");
    expect(queue.length()).toBe(0);
    queue.done("a");
    expect(await queue.get()).toBe("a");
  });

  it("adds a delayed key at its time, and at the earlier one of two", async () => {
    const { clock, queue } = create();
    queue.addAfter("a", 10_000);
    queue.addAfter("a", 1_000);
    await clock.advance(999);
    expect(queue.length()).toBe(0);
    await clock.advance(1);
    expect(queue.length()).toBe(1);
    expect(clock.pending()).toBe(0);
  });

  it("waits longer after each failure, and forgets", async () => {
    const { clock, queue } = create();
    const waits: number[] = [];
    for (let failure = 0; failure < 4; failure++) {
      queue.addRateLimited("a");
      const before = clock.monotonic();
      while (queue.length() === 0) await clock.advance(1);
      waits.push(clock.monotonic() - before);
      await queue.get();
      queue.done("a");
    }
    expect(waits).toEqual([5, 10, 20, 40]);
    queue.forget("a");
    expect(queue.failures("a")).toBe(0);
  });

  it("gives nothing more once it is shut down and empty", async () => {
    const { queue } = create();
    const waiting = queue.get();
    queue.shutDown();
    queue.add("late");
    expect(await waiting).toBeUndefined();
  });
});
