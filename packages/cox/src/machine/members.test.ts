import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planAdmission, planDemotion } from "./members.ts";
import type { StoreMember } from "./members.ts";

const member = (number: number, changes: Partial<StoreMember> = {}): StoreMember => ({
  id: BigInt(number),
  name: `m${number}`,
  peerURLs: [`https://10.0.0.${number}:2380`],
  clientURLs: [`https://10.0.0.${number}:2379`],
  isLearner: false,
  ...changes,
});
const machine = { name: "m3", address: "10.0.0.3" };

describe("a machine that wants to be a member of the store", () => {
  it.each([
    ["is added when nobody is in its way", [member(1)], [1n], { kind: "add" }],
    [
      "goes on where an earlier try of it has stopped",
      [member(1), member(3, { name: "", isLearner: true })],
      [1n],
      { kind: "go-on" },
    ],
    ["takes the place of a dead one of its name", [member(1), member(3)], [1n], { kind: "replace", id: 3n }],
    [
      "takes the place of a dead one of its address",
      [member(1), member(3, { name: "old" })],
      [1n],
      { kind: "replace", id: 3n },
    ],
    [
      "is refused while one of its name lives",
      [member(1), member(3, { peerURLs: ["https://10.0.0.9:2380"] })],
      [1n, 3n],
      {
        kind: "refuse",
        because:
          "a master called m3 at https://10.0.0.9:2380 is a living member of the store: take another name or address, or `cox leave` there first",
      },
    ],
  ] as const)("%s", (_what, members, alive, plan) => {
    expect(planAdmission(members, machine, new Set(alive))).toEqual(plan);
  });
});

describe("a dead voter", () => {
  const three = [member(1), member(2), member(3)];

  it("is removed after the grace, when the others are enough", () => {
    expect(planDemotion(three, new Map([[3n, 0]]), 60_000, 60_000)).toEqual({
      member: three[2],
      because: "it has not answered for 60 s, and 2 of the 2 others live",
    });
  });

  it.each([
    ["before the grace has passed", three, [3n], 59_999],
    ["when one alone would be left", [member(1), member(2)], [2n], 60_000],
    ["when a majority is dead", three, [2n, 3n], 60_000],
    ["when it has no vote", [member(1), member(2), member(3, { isLearner: true })], [3n], 60_000],
  ] as const)("stays %s", (_when, members, dead, nowMs) => {
    expect(planDemotion(members, new Map(dead.map((id) => [id, 0])), nowMs, 60_000)).toBeUndefined();
  });

  it("is never removed where the living would not be a majority of those that stay", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 9 }), (voters, deadCount) => {
        const members = Array.from({ length: voters }, (_, index) => member(index + 1));
        const dead = new Map(members.slice(0, deadCount).map(({ id }) => [id, 0]));
        const plan = planDemotion(members, dead, 1e9, 1);
        if (plan === undefined) return;
        expect(dead.has(plan.member.id)).toBe(true);
        expect(voters - dead.size).toBeGreaterThan((voters - 1) / 2);
      }),
    );
  });
});
