import { describe, it } from "vitest";
import { Simulation, allFaults } from "../testing/index.ts";

/** splitmix32: this package depends on nothing, so it brings its own. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

function runSeed(seed: number, voters: number, steps: number): void {
  // Commits answered in one run, unanswered in the next.
  const simulation = new Simulation(seeded(seed), voters, seed % 2 === 0);
  try {
    simulation.run(steps, allFaults);
  } catch (error) {
    throw new Error(`seed ${seed} with ${voters} voters, step ${simulation.steps}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

describe("a simulated group", () => {
  it.each([1, 2, 3, 5])(
    "of %i keeps the five safety properties and gets on when the faults stop",
    { timeout: 120_000 },
    (voters) => {
      const seeds = Number(process.env["RAFT_SEEDS"] ?? "60");
      for (let seed = 1; seed <= seeds; seed++) runSeed(seed * 7919 + voters, voters, 3000);
    },
  );

  it("does not elect a node among the members of old that forgot in a crash that they had changed", () => {
    runSeed(6849936, 1, 4000);
  });

  it("does not stand still when the only one who could vote is no member any more", () => {
    runSeed(3349738, 1, 4000);
  });
});
