import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultLevels } from "../flow-schemas/defaults.ts";
import type { LevelDemand } from "./limits.ts";
import { isExempt, limitsOf, shareOut } from "./limits.ts";

const limits = limitsOf(defaultLevels, 600);
const demands = (wanted: Readonly<Record<string, number>>): LevelDemand[] =>
  defaultLevels.map((level) => {
    const { name } = level.metadata;
    const seats = wanted[name] ?? 0;
    const own = limits.get(name) ?? { nominal: 0, lower: 0, upper: 0 };
    return { name, isExempt: isExempt(level), limits: own, highest: seats, smoothed: seats };
  });

describe("the seats of priority levels", () => {
  it("are Kubernetes' own for its default levels", () => {
    expect(Object.fromEntries(limits)).toEqual({
      exempt: { nominal: 0, lower: 0, upper: 600 },
      "catch-all": { nominal: 13, lower: 13, upper: 600 },
      system: { nominal: 74, lower: 50, upper: 600 },
      "node-high": { nominal: 98, lower: 73, upper: 600 },
      "leader-election": { nominal: 25, lower: 25, upper: 600 },
      "workload-high": { nominal: 98, lower: 49, upper: 600 },
      "workload-low": { nominal: 245, lower: 24, upper: 600 },
      "global-default": { nominal: 49, lower: 24, upper: 600 },
    });
  });

  it("go to who wants them, but for what each keeps for itself", () => {
    const { seats } = shareOut(demands({ "global-default": 900 }));
    expect(Object.fromEntries(seats)).toMatchObject({ exempt: 0, system: 50, "workload-low": 24, "catch-all": 13 });
    expect(seats.get("global-default")).toBe(602 - 13 - 50 - 73 - 25 - 49 - 24);
  });

  it("are first of all for the exempt, and then as little as each keeps for itself", () => {
    const { seats } = shareOut(demands({ exempt: 500, "workload-low": 300 }));
    expect(Object.fromEntries(seats)).toMatchObject({ exempt: 500, system: 50, "workload-low": 24 });
  });

  const wanted = fc.record(
    Object.fromEntries(defaultLevels.map(({ metadata }) => [metadata.name, fc.integer({ min: 0, max: 1000 })])),
  );
  it("are all given away, within the bounds of each", () => {
    fc.assert(
      fc.property(wanted, (given) => {
        const all = demands({ ...given, exempt: 0 });
        const { seats } = shareOut(all);
        const sum = [...seats.values()].reduce((total, one) => total + one, 0);
        // Each is rounded for itself.
        expect(Math.abs(sum - 602)).toBeLessThanOrEqual(all.length);
        for (const { name, limits: own } of all) {
          expect(seats.get(name)).toBeGreaterThanOrEqual(own.lower);
          expect(seats.get(name)).toBeLessThanOrEqual(own.upper);
        }
      }),
    );
  });
});
