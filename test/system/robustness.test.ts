// Three real members of the store under load and every fault there is, for more than a minute: no promise may be broken. The long
// form is `npm run robustness -- --for 2h --seed N`.
import { createSeededRandom } from "@coxswain/clock/testing";
import { expect, it } from "vitest";
import { runRobustness } from "../../scripts/robustness/run.ts";

it(
  "three members keep every promise under kill -9, pauses, partitions, a full disk and replacement",
  { timeout: 900_000 },
  async () => {
    const said: string[] = [];
    const broken: string[] = [];
    const report = await runRobustness({
      durationMs: 70_000,
      roundMs: 30_000,
      killsInARow: 4,
      random: createSeededRandom(1),
      say: (text) => void said.push(text),
      keep({ verdicts }) {
        for (const { violations } of verdicts)
          for (const { because, drawing } of violations.slice(0, 3)) broken.push(because, drawing);
        return Promise.resolve();
      },
    });
    expect(broken, said.join("\n")).toEqual([]);
    expect(report.outcome, said.join("\n")).toBe("passed");
    expect(report.operations).toBeGreaterThan(500);
  },
);
