// Many seeds one after the other, and what came of them in numbers.
import { drawPlan } from "./plan.ts";
import { runStore } from "./simulation.ts";
import type { RunResult } from "./simulation.ts";

export interface Totals {
  seeds: number;
  failed: number;
  simulatedMs: number;
  events: number;
  operations: number;
  watches: number;
  undecided: number;
  readonly faults: Map<string, number>;
  readonly counts: Map<string, number>;
}

export interface SeedsOptions {
  readonly from: number;
  readonly seeds: number;
  /** True: enough, whatever is left. */
  readonly enough: () => boolean;
  readonly onResult: (result: RunResult, totals: Totals) => void | Promise<void>;
}

export async function runSeeds({ from, seeds, enough, onResult }: SeedsOptions): Promise<Totals> {
  const totals: Totals = {
    seeds: 0,
    failed: 0,
    simulatedMs: 0,
    events: 0,
    operations: 0,
    watches: 0,
    undecided: 0,
    faults: new Map(),
    counts: new Map(),
  };
  for (let seed = from; seed < from + seeds && !enough(); seed++) {
    const result = await runStore(drawPlan(seed));
    totals.seeds++;
    if (result.violation) totals.failed++;
    totals.simulatedMs += result.simulatedMs;
    totals.events += result.events;
    totals.operations += result.operations;
    totals.watches += result.watches;
    totals.undecided += result.undecided;
    addAll(totals.faults, result.faults);
    addAll(totals.counts, result.counts);
    await onResult(result, totals);
  }
  return totals;
}

function addAll(sums: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, count] of more) sums.set(name, (sums.get(name) ?? 0) + count);
}
