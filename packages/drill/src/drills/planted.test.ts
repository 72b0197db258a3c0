// Every drill must fail when the product breaks what it promises: each planted bug breaks the promises it is said to break and no others.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goodRecording, plantedBugs, plantedTable } from "../../testing/planted.ts";
import { judge } from "../run/judge.ts";
import { drills, findDrill, suites } from "./catalogue.ts";
import { paced } from "./drill.ts";
import type { Drill } from "./drill.ts";

const wanted = (id: string): Drill => {
  const drill = findDrill(id);
  if (drill === undefined) throw new Error(`there is no drill ${id}`);
  return drill;
};

describe("a drill", () => {
  it.each(drills.map((drill) => [drill.id, drill] as const))("%s passes when all was well", (_id, drill) => {
    const verdicts = judge(drill, goodRecording(drill));
    expect(verdicts.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    const fast = paced(drill, "fast");
    expect(judge(fast, goodRecording(fast)).filter(({ outcome }) => outcome !== "passed")).toEqual([]);
  });

  it.each(plantedBugs.map((bug) => [bug.drill, bug.bug, bug] as const))("%s fails when %s", (id, _bug, planted) => {
    const drill = wanted(id);
    const verdicts = judge(drill, planted.plant(goodRecording(drill)));
    const broken = verdicts.filter(({ outcome }) => outcome === "violated").map(({ promise }) => promise);
    expect(broken.toSorted()).toEqual(planted.broken.toSorted());
    expect(verdicts.filter(({ outcome }) => outcome === "unknown")).toEqual([]);
  });

  it("has at least one planted bug, which the README names", () => {
    expect(drills.filter(({ id }) => !plantedBugs.some(({ drill }) => drill === id)).map(({ id }) => id)).toEqual([]);
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    expect(readme).toContain(plantedTable());
  });

  it("that is not injected is not passed", () => {
    const drill = wanted("D-12");
    const good = goodRecording(drill);
    const none = judge(drill, { ...good, strikes: [], failures: ["no disk could be lost"] });
    expect(none.find(({ promise }) => promise === "the faults were injected")).toMatchObject({
      outcome: "unknown",
      because: "no disk could be lost",
    });
  });

  it("of a suite is in the catalogue", () => {
    for (const ids of Object.values(suites)) expect(ids.filter((id) => findDrill(id) === undefined)).toEqual([]);
    expect(suites["ha-full"]).not.toContain("D-20");
  });
});
