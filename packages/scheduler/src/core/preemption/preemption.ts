// Makes room for an important pod that found no node, by taking less important ones away: who may, on which nodes it is worth
// trying, and what comes of it (Kubernetes' DefaultPreemption). Decides only; nobody is deleted here.
import type { ClusterState } from "../cluster.ts";
import type { DefaultPreemptionArgs } from "../configuration/plugin-args.ts";
import { countReasons, nodesMessage } from "../explain.ts";
import type { Evaluation, Verdict } from "../evaluation.ts";
import type { Filtered } from "../cycle.ts";
import { isTerminating, priorityOf } from "../placed-pod.ts";
import type { PodView } from "../resources.ts";
import { tryNode } from "./victims.ts";
import type { Candidate, Trial } from "./victims.ts";

export type PreemptionOutcome =
  | { readonly outcome: "candidates"; readonly candidates: readonly Candidate[] }
  /** Nothing is to be done; the pod keeps the node that is being cleared for it, if there is one. */
  | { readonly outcome: "not-eligible"; readonly message: string }
  | { readonly outcome: "none"; readonly message: string };

export interface PreemptionInput {
  readonly pod: PodView;
  readonly key: string;
  readonly nominated: string | undefined;
  readonly evaluation: Evaluation;
  readonly filtered: Filtered;
  readonly cluster: ClusterState;
  readonly args: DefaultPreemptionArgs;
  readonly draw: (below: number) => number;
}

export interface Preemptor {
  plan(input: PreemptionInput): PreemptionOutcome;
}

const notHelpful = "Preemption is not helpful for scheduling";

export function createPreemptor(): Preemptor {
  // What trying a node came to, for pods of one kind, until the node or a budget changes.
  const remembered = new WeakMap<Evaluation, { budgets: number; readonly trials: (Remembered | undefined)[] }>();

  const trialsOf = (evaluation: Evaluation, cluster: ClusterState): (Remembered | undefined)[] | undefined => {
    if (!evaluation.looksAtNodesOnly()) return undefined;
    const known = remembered.get(evaluation);
    if (known?.budgets === cluster.budgetVersion) return known.trials;
    const trials: (Remembered | undefined)[] = [];
    remembered.set(evaluation, { budgets: cluster.budgetVersion, trials });
    return trials;
  };

  return {
    plan(input) {
      const { pod, key, evaluation, filtered, cluster, args, draw } = input;
      const refusal = ineligible(input);
      if (refusal !== undefined) return { outcome: "not-eligible", message: refusal };
      const { rejected } = filtered;
      const failed: Verdict[] = [];
      const candidates: Candidate[] = [];
      const enough = Math.max(
        args.minCandidateNodesAbsolute,
        Math.floor((cluster.nodes.length * args.minCandidateNodesPercentage) / 100),
      );
      const trials = trialsOf(evaluation, cluster);
      const offset = rejected.length === 0 ? 0 : draw(rejected.length);
      let harmless = 0;
      for (let i = 0; i < rejected.length; i++) {
        const verdict = rejected[(offset + i) % rejected.length] as Verdict;
        const node = verdict.rejection.unresolvable ? undefined : cluster.nodeAt(verdict.slot, verdict.node);
        if (node === undefined) continue;
        let known = trials?.[node.slot];
        if (known?.generation !== node.generation) {
          const trial = tryNode(evaluation, key, node, priorityOf(pod), cluster.budgets);
          known = { generation: node.generation, trial };
          if (trials !== undefined) trials[node.slot] = known;
        }
        const { trial } = known;
        if (!trial.fits) {
          failed.push(trial.verdict);
          continue;
        }
        candidates.push(trial.candidate);
        if (trial.candidate.violations === 0) harmless++;
        if (harmless > 0 && candidates.length >= enough) break;
      }
      if (candidates.length > 0) return { outcome: "candidates", candidates };
      const counts = new Map<string, number>();
      if (filtered.nodeCount > failed.length) counts.set(notHelpful, filtered.nodeCount - failed.length);
      return { outcome: "none", message: nodesMessage(filtered.nodeCount, countReasons(failed, counts)) };
    },
  };
}

interface Remembered {
  readonly generation: number;
  readonly trial: Trial;
}

function ineligible({ pod, nominated, filtered, cluster }: PreemptionInput): string | undefined {
  if (pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  if (nominated === undefined || filtered.hopeless !== undefined) return undefined;
  const verdict = filtered.rejected.find(({ node }) => node === nominated);
  // The node that is being cleared will not do any more: look for another.
  if (verdict?.rejection.unresolvable === true) return undefined;
  for (const placed of cluster.node(nominated)?.pods.values() ?? [])
    if (placed.priority < priorityOf(pod) && isTerminating(placed.pod))
      return "not eligible due to a terminating pod on the nominated node.";
  return undefined;
}
