// Kills the controllers at every write of each scenario, before and after it reached the server, and lets others take over with caches that
// lag: no promise is broken on the way, and the end is the same. How it is done: ../testing/crash/. A suite's run takes some points of each
// scenario, evenly spread; `CRASH_POINTS=all` takes all of them, `CRASH_POINTS=100` so many of each.
import { describe, expect, it } from "vitest";
import { play } from "../testing/crash/play.ts";
import { scenarios } from "../testing/crash/scenarios/index.ts";

const mostPoints = Number((process.env["CRASH_POINTS"] ?? "8").replace("all", "Infinity"));

describe.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", (_name, scenario) => {
  it("comes to the same end, whatever write is the last of a process", async () => {
    const alone = await play(scenario, undefined);
    expect({ end: alone.end, violations: alone.violations }).toEqual({ end: scenario.expected, violations: [] });
    const wrong: unknown[] = [];
    const deaths = Array.from({ length: alone.writes }, (_, index) =>
      (["before", "after"] as const).map((when) => ({ atWrite: index + 1, when })),
    ).flat();
    const every = Math.max(1, deaths.length / mostPoints);
    for (let at = 0; at < deaths.length; at += every) {
      const death = deaths[Math.floor(at)];
      const { end, violations, lastWords } = await play(scenario, death);
      const differs = JSON.stringify(end) !== JSON.stringify(scenario.expected);
      if (differs || violations.length > 0)
        wrong.push({
          death: `${death?.when} write ${death?.atWrite}, ${lastWords}`,
          violations,
          ...(differs && { end }),
        });
    }
    expect(wrong).toEqual([]);
  }, 600_000);
});
