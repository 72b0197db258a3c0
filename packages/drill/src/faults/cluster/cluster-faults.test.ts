// Every fault of a cluster, as values: it says what it needs, does something, and everything that stays behind is taken back.
import { describe, expect, it } from "vitest";
import { undoOf } from "../../cluster/action.ts";
import type { Need } from "../../cluster/action.ts";
import type { Target } from "../../cluster/target.ts";
import { clusterFaults, everyday } from "./catalogue.ts";

const target = (cannot: readonly Need[] = []): Pick<Target, "machines" | "unable"> => ({
  machines: ["m1", "m2", "m3", "m4", "m5"].map((name, index) => ({
    ...{ name, address: `10.0.0.${index}`, master: index < 3, worker: index >= 3 },
  })),
  unable: (need: Need) => (cannot.includes(need) ? `there is no ${need} here` : undefined),
});

describe.each(Object.entries(clusterFaults))("%s", (_name, fault) => {
  const injected = fault.inject({ machine: "m2", daemon: "store" }, target());

  it("can be had where nothing is missing, and does something", () => {
    expect(fault.available(target())).toBeUndefined();
    expect(injected.length).toBeGreaterThan(0);
  });

  it("heals what it has done, once and last first", () => {
    const undoings = fault.heal(injected);
    const owed = new Set(injected.flatMap((action) => JSON.stringify(undoOf(action)) ?? []));
    expect(new Set(undoings.map((each) => JSON.stringify(each)))).toEqual(owed);
    expect(undoings).toHaveLength(owed.size);
  });
});

it("says why it cannot be had", () => {
  expect(clusterFaults.rulesLock.available(target(["flush-rules"]))).toBe("there is no flush-rules here");
  expect(clusterFaults.lostQuorum.available(target(["lost-quorum"]))).toBe("there is no lost-quorum here");
});

it("a partition in a ring leaves everybody heard by somebody", () => {
  const cuts = clusterFaults.ring.inject({ machine: "" }, target());
  const links = cuts.flatMap((cut) => (cut.act === "cut" ? cut.links : []));
  expect(links.map(({ from, to }) => `${from}${to}`)).toEqual(["m1m2", "m2m3", "m3m1"]);
});

it("the faults of a soak take nobody's disk", () => {
  const taken = everyday.filter((name) => name.startsWith("lost") || name === "fullDisk" || name === "fullStore");
  expect(taken).toEqual([]);
});
