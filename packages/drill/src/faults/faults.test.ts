// Every fault against members that only note what is done to them: whatever a seed draws, all is whole again afterwards.
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { faults } from "./catalogue.ts";
import { crashAllRepeatedly } from "./crash.ts";
import type { Fault } from "./fault.ts";
import type { Members } from "./members.ts";

/** What is broken, as words; empty when all is whole. */
function notedMembers(): { readonly members: Members; readonly broken: Set<string>; readonly done: string[] } {
  const names = ["m1", "m2", "m3"];
  const broken = new Set<string>();
  const done: string[] = [];
  const note = (verb: string, name: string): void => void done.push(`${verb} ${name}`);
  const members: Members = {
    names: () => names,
    leader: () => Promise.resolve("m2"),
    kill: async (those) => those.forEach((name) => (note("kill", name), broken.add(`${name} is dead`))),
    start: async (those) => those.forEach((name) => (note("start", name), broken.delete(`${name} is dead`))),
    pause: async (name) => (note("pause", name), void broken.add(`${name} stands still`)),
    resume: async (name) => (note("resume", name), void broken.delete(`${name} stands still`)),
    cut: async (from, to) => (note("cut", `${from} ${to}`), void broken.add(`${to} does not hear ${from}`)),
    mend: async () => broken.forEach((what) => what.includes("hear") && broken.delete(what)),
    failpoints: ["wal/written", "backend/flushed"],
    dieAt: async (name, place) => (note("die", `${name} ${place}`), broken.add(`${name} is dead`), true),
    smallDisk: "m3",
    fillDisk: async (name, full) =>
      void (full ? broken.add(`${name} has no room`).add(`${name} is dead`) : broken.delete(`${name} has no room`)),
    replace: async (name) => note("replace", name),
    defragment: async (name) => note("defragment", name),
    moveLeader: async (to) => note("move to", to),
  };
  return { members, broken, done };
}

async function struck(fault: Fault, seed: number): Promise<{ broken: readonly string[]; done: readonly string[] }> {
  const { members, broken, done } = notedMembers();
  const clock = createSimulatedClock();
  let over = false;
  const striking = fault.strike(members, { clock, random: createSeededRandom(seed) }).finally(() => (over = true));
  for (let step = 0; step < 1000 && !over; step++) await clock.advance(1000);
  await striking;
  return { broken: [...broken], done };
}

describe.each(faults.map((fault) => [fault.name, fault] as const))("%s", (_name, fault) => {
  it("can be had, breaks something and leaves nothing broken", async () => {
    expect(fault.available(notedMembers().members)).toBeUndefined();
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        expect((await struck(fault, seed)).broken).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it("is the same from the same seed", async () => {
    expect(await struck(fault, 7)).toEqual(await struck(fault, 7));
  });
});

it("kills all at once as often as it says", async () => {
  const { done, broken } = await struck(crashAllRepeatedly(5), 1);
  expect(broken).toEqual([]);
  expect(done.filter((each) => each === "kill m1")).toHaveLength(5);
});

it("says why it cannot be had", () => {
  const { members } = notedMembers();
  const without: Members = { ...members, smallDisk: undefined, failpoints: [], names: () => ["m1"] };
  expect(faults.flatMap((fault) => fault.available(without) ?? [])).toEqual([
    "the members have no failpoints",
    "no member has a disk that can be filled",
    "it takes three members",
  ]);
});
