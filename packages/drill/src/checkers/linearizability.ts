// The promise: every operation took effect at one instant between its start and its end, on one copy of the data. Judges a
// recorded history share by share; what is wrong is drawn as the smallest part that shows it. Whether revisions agree across
// shares is judged in `revisions.ts`, what watches saw in `watch.ts`.
import type { History } from "../history.ts";
import { drawOperations } from "./linearizability/drawing.ts";
import { emptyStore, storeModel } from "./linearizability/model.ts";
import { judgedOperations, narrowed, unresolved } from "./linearizability/operations.ts";
import type { Judged, Resolution } from "./linearizability/operations.ts";
import { partitioned } from "./linearizability/partition.ts";
import { search } from "./linearizability/search.ts";
import type { Budget } from "./linearizability/search.ts";
import { shrunk } from "./linearizability/shrink.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

export interface LinearizabilityOptions {
  /** Questions to the model, for each share. When they are used up, the answer is "unknown". Default 2,000,000. */
  readonly stepsPerShare?: number;
  /** Asked now and then: true ends the check with "unknown". */
  readonly expired?: () => boolean;
  /** Default true: the store's clock runs like the recording's, and no lease may run out early. */
  readonly timedLeases?: boolean;
  /** What is known of operations that nobody was told the outcome of; see `resolve.ts`. */
  readonly resolution?: Resolution;
  /** So many broken shares are shrunk and drawn; the rest is counted. Default 3. */
  readonly drawings?: number;
}

export function checkLinearizability(history: History, options: LinearizabilityOptions = {}): Verdict {
  const budget: Budget = {
    steps: options.stepsPerShare ?? 2_000_000,
    ...(options.expired === undefined ? {} : { expired: options.expired }),
  };
  const judged = judgedOperations(history, { timed: options.timedLeases ?? true }, options.resolution ?? unresolved);
  const shares = partitioned(judged);
  const violations: Violation[] = [];
  let [unfinished, broken] = [0, 0];
  for (const share of shares) {
    if (budget.expired?.() === true) {
      unfinished++;
      continue;
    }
    const result = search(narrowed(share), storeModel, emptyStore, budget);
    if (result.kind === "exhausted") unfinished++;
    if (result.kind !== "illegal") continue;
    if (++broken <= (options.drawings ?? 3)) violations.push(violationOf(share, budget));
  }
  return verdict(
    "linearizability",
    judged.length,
    violations,
    `${judged.length} operations in ${shares.length} shares have a legal order`,
    unfinished === 0 ? undefined : `${unfinished} of ${shares.length} shares could not be decided in the time given`,
  );
}

function violationOf(share: readonly Judged[], budget: Budget): Violation {
  const { before, operations, culprit } = shrunk(share, budget);
  const obligatory = operations.filter(({ optional }) => !optional).length;
  return {
    because: `${obligatory} operations have no order in which each could have seen what it saw`,
    drawing: drawOperations(operations, before, culprit),
  };
}
