// The simulated store over many seeds, by name over those that once found a bug, and that a seed is a run.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { drawPlan } from "./plan.ts";
import { runSeeds } from "./seeds.ts";
import { commandOf } from "./shrink.ts";
import { runStore } from "./simulation.ts";

async function brokenBy(seed: number): Promise<string | undefined> {
  const { violation } = await runStore(drawPlan(seed));
  return violation && `${violation.check}: ${violation.message}`;
}

describe("a simulated run", () => {
  it("is the same to the byte from the same seed, in this process and in another", { timeout: 60_000 }, async () => {
    const [first, second] = [await runStore(drawPlan(2)), await runStore(drawPlan(2))];
    const index = new URL("../index.ts", import.meta.url).href;
    const program = `import { drawPlan, runStore } from ${JSON.stringify(index)};
      process.stdout.write((await runStore(drawPlan(2))).trace); process.exit(0);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
    expect([second.trace, stdout]).toEqual([first.trace, first.trace]);
  });

  it("differs from another seed's", async () => {
    expect((await runStore(drawPlan(5))).trace).not.toBe((await runStore(drawPlan(7))).trace);
  });
});

describe("the simulated store", () => {
  // Each of these once broke a promise, or does with a planted bug that another seed had found: see DESIGN.md and planted/.
  it.each([
    ["survives a power failure after a kill between write and sync", 47],
    ["installs a snapshot although the next one has arrived", 20],
    ["tells a watch that comes from a member that was further of no older progress", 23],
    ["reads nothing stale from a leader that was away", 233],
    ["confirms no read by answers from before it was asked", 777],
    ["votes once in a term, whatever it forgets", 194],
    ["keeps a deletion for watches from the compacted revision on", 125],
    ["changes members only when that is committed", 91],
    ["installs no snapshot over what is newer", 8],
  ])("%s", { timeout: 60_000 }, async (_name, seed) => {
    expect(await brokenBy(seed)).toBeUndefined();
  });

  it("keeps every promise over a thousand seeds", { timeout: 1_200_000 }, async () => {
    const seeds = 1000;
    const totals = await runSeeds({
      from: 10_001,
      seeds,
      enough: () => false,
      onResult({ violation, plan }) {
        if (violation)
          throw new Error(
            `seed ${plan.seed} breaks "${violation.check}": ${violation.message}; ${commandOf(plan.seed, {})}`,
          );
      },
    });
    expect(totals.seeds).toBe(seeds);
  });
});
