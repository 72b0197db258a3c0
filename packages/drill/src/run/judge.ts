// From a recording to verdicts: which checkers a drill's promises need, with its bounds. Pure, so that an old recording can be judged by
// newer checkers.
import { checkAnew, forgiveLost } from "../checkers/aftermath.ts";
import { checkApiWatches } from "../checkers/api-watches.ts";
import { checkApiWrites } from "../checkers/api-writes.ts";
import { checkEndState } from "../checkers/end-state.ts";
import { answersOfWrites, checkBudget, checkGap, checkRequests, checkTimes, gapsOf } from "../checkers/gaps.ts";
import { checkOneInstance } from "../checkers/instances.ts";
import { checkOneLeader } from "../checkers/leadership.ts";
import { checkProbes } from "../checkers/probes.ts";
import { checkStore } from "../checkers/store.ts";
import { verdict } from "../checkers/verdict.ts";
import type { Verdict } from "../checkers/verdict.ts";
import { leastReady } from "../api-load/canary.ts";
import type { Drill } from "../drills/drill.ts";
import { under } from "../load/workload.ts";
import type { Recording } from "../recording.ts";

export function judge(drill: Drill, recording: Recording): readonly Verdict[] {
  const { bounds } = drill;
  const { strikes, requests, end, store } = recording;
  const writes = forgiveLost(recording.writes, strikes);
  const struck = strikes.filter(({ failed }) => failed === undefined);
  return [
    injection(recording),
    checkApiWrites(writes, recording.finalObjects),
    checkApiWatches(writes, recording.watches),
    ...(store === undefined
      ? drill.load.store
        ? [verdict("linearizability", 0, [], "", "the store was not asked")]
        : []
      : checkStore(store.history, {
          whole: under(store.prefix),
          // What was before may have been compacted, by the API servers or by a recovery: it is nobody's promise here.
          beginning: { revision: store.beginning, compacted: store.beginning },
        })),
    checkOneLeader(recording.leases),
    checkOneInstance(recording.containers, { pods: (name) => name.startsWith("once-"), blind: end?.unasked ?? [] }),
    ...(bounds.writeGap
      ? [
          checkGap(
            "write gap",
            gapsOf(answersOfWrites(recording.writes), strikes),
            bounds.writeGap.percentile,
            bounds.writeGap.mostMs,
          ),
        ]
      : []),
    ...(bounds.requests ? [checkRequests(requests, strikes, bounds.requests.graceMs, bounds.requests.mostGapMs)] : []),
    ...(bounds.detectMs === undefined ? [] : [checkTimes("detect", struck, bounds.detectMs)]),
    ...(bounds.recoverMs === undefined ? [] : [checkTimes("recover", struck, bounds.recoverMs)]),
    ...(bounds.voluntary
      ? [
          checkBudget(
            recording.readiness.filter(
              ({ at }) => at >= (strikes[0]?.at ?? 0) && at <= (strikes.at(-1)?.healedAt ?? 0),
            ),
            leastReady,
            true,
          ),
        ]
      : []),
    ...(bounds.noRestarts ? [restarts(recording)] : []),
    ...(bounds.listsAnew ? [checkAnew(recording.watches, struck)] : []),
    ...checkProbes(drill.probes ?? [], recording.probes ?? [], struck.length),
    ...checkEndState(end, bounds.convergeMs),
  ];
}

/** A drill that did not do what it set out to do has shown nothing. */
function injection({ failures, strikes }: Recording): Verdict {
  const unknown = failures[0] ?? (strikes.length === 0 ? "nothing was broken" : undefined);
  return verdict("the faults were injected", strikes.length, [], `${strikes.length} strikes, each healed`, unknown);
}

function restarts({ end, strikes }: Recording): Verdict {
  const again = (end?.pods ?? []).filter(({ restarts: count, name }) => count > 0 && name.startsWith("drill-"));
  return verdict(
    "running containers are adopted",
    end?.pods.length ?? 0,
    again.map(({ name, restarts: count }) => ({ because: `${name} was restarted ${count} times`, drawing: "" })),
    `no container was restarted over ${strikes.length} strikes`,
    end === undefined ? "the drill did not come to its end" : undefined,
  );
}
