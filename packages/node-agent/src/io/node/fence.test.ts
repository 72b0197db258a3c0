// A node that others may think dead ends its fenced pods by itself, and asks before it goes on.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createLogger } from "@coxswain/daemon";
import { createFence } from "./fence.ts";
import type { Fence } from "./fence.ts";

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), "coxswain-fence-"))));
afterEach(() => rm(directory, { recursive: true, force: true }));

/** An agent on a machine that has been up for `bootedMs` more than the agent. */
function agent(bootedMs: number, bootId = "boot") {
  const clock = createSimulatedClock(1_000_000);
  const started = clock.monotonic();
  const journal: string[] = [];
  const asked = Promise.withResolvers<void>();
  const heard: number[] = [];
  let answers = true;
  const fence: Fence = createFence(
    { afterMs: 60_000, file: join(directory, "lease.json") },
    {
      clock,
      log: createLogger("test", "error"),
      machineTime: async () => ({ bootId, uptimeMs: bootedMs + clock.monotonic() - started }),
      heard: async (untilMs) => void heard.push(untilMs - bootedMs),
      close: () => void journal.push("close"),
      open: async () => {
        journal.push("open");
        asked.resolve();
        if (!answers) throw new Error("the API is away");
      },
    },
  );
  const aborter = new AbortController();
  const run = (): Promise<void> => fence.run(aborter.signal);
  const end = (): void => aborter.abort(new Error("over"));
  return { clock, fence, journal, heard, asked, run, end, refuse: () => (answers = false) };
}

test("an agent that does not know when the lease was renewed fences, and goes on when the API has been asked", async () => {
  const { clock, fence, journal, asked, run, end } = agent(0);
  expect(await fence.open()).toBe(true);
  expect(journal).toEqual(["close"]);
  const running = run();
  fence.renewed(clock.monotonic());
  await asked.promise;
  await expect.poll(() => fence.lapsed()).toBe(false);
  await clock.advance(59_999);
  expect(fence.lapsed()).toBe(false);
  await clock.advance(1);
  expect([fence.lapsed(), journal]).toEqual([true, ["close", "open", "close"]]);
  end();
  await running;
});

test("a restarted agent trusts a renewal that is young enough, on the machine's clock and in the same boot only", async () => {
  const first = agent(0);
  await first.fence.open();
  const running = first.run();
  first.fence.renewed(first.clock.monotonic());
  await first.asked.promise;
  first.end();
  await running;
  expect(first.heard).toEqual([60_000]);
  const young = agent(30_000);
  expect(await young.fence.open()).toBe(false);
  // Until the same moment as before.
  expect(young.heard).toEqual([30_000]);
  await young.clock.advance(29_999);
  expect(young.fence.lapsed()).toBe(false);
  await young.clock.advance(1);
  expect(young.fence.lapsed()).toBe(true);
  expect(await agent(61_000).fence.open()).toBe(true);
  expect(await agent(30_000, "another boot").fence.open()).toBe(true);
});

test("an answer that comes after the time renews nothing for the time before it: pods end first", async () => {
  const { clock, fence, journal, asked, run, end } = agent(0);
  await fence.open();
  const running = run();
  fence.renewed(clock.monotonic());
  await asked.promise;
  await expect.poll(() => fence.lapsed()).toBe(false);
  const sentAtMs = clock.monotonic();
  await clock.advance(60_000);
  fence.renewed(sentAtMs);
  expect(fence.lapsed()).toBe(true);
  fence.renewed(clock.monotonic());
  await expect.poll(() => journal).toEqual(["close", "open", "close", "open"]);
  end();
  await running;
});

test("while the API cannot be asked nothing goes on", async () => {
  const { clock, fence, asked, run, end, refuse } = agent(0);
  await fence.open();
  refuse();
  const running = run();
  fence.renewed(clock.monotonic());
  await asked.promise;
  expect(fence.lapsed()).toBe(true);
  end();
  await running;
});
