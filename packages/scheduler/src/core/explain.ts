// A choice in words: Kubernetes' sentence for events and conditions, and the record that the debug endpoint serves. Keeps
// the last decision of each pod, up to a limit; the oldest are forgotten.
import type { Choice, RejectedNode, ScoredNode } from "./cycle.ts";

export interface Decision {
  /** "namespace/name". */
  readonly pod: string;
  readonly uid: string;
  /** RFC 3339. */
  readonly time: string;
  /** How often the pod has been tried. */
  readonly attempt: number;
  readonly node: string | undefined;
  readonly because: string;
  readonly nodeCount: number;
  readonly examined: number;
  readonly feasible: number;
  readonly scored: readonly ScoredNode[];
  readonly rejected: readonly RejectedNode[];
}

/** "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." */
export function unschedulableMessage(choice: Choice): string {
  if (choice.nodeCount === 0) return "no nodes available to schedule pods";
  const reasons = [...choice.reasonCounts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${choice.nodeCount} nodes are available: ${reasons.join(", ")}.`;
}

/** Why this node, or why none, in one sentence. */
export function because(choice: Choice): string {
  if (choice.node === undefined) return unschedulableMessage(choice);
  if (choice.feasible === 1) return `${choice.node} is the only feasible node of ${choice.examined} examined`;
  const chosen = choice.scored.find(({ node }) => node === choice.node);
  const equals = choice.scored.filter(({ total }) => total === chosen?.total).length;
  const among = equals > 1 ? `, drawn among ${equals} equals` : "";
  return `${choice.node} scores ${chosen?.total ?? 0}, the best of ${choice.feasible} feasible nodes${among}`;
}

export interface DecisionLog {
  add(decision: Decision): void;
  get(pod: string): Decision | undefined;
  /** Newest first. */
  list(): readonly Decision[];
}

export function createDecisionLog(limit: number): DecisionLog {
  /** In the order of their making. */
  const decisions = new Map<string, Decision>();
  return {
    add(decision) {
      decisions.delete(decision.pod);
      decisions.set(decision.pod, decision);
      if (decisions.size <= limit) return;
      for (const oldest of decisions.keys()) {
        decisions.delete(oldest);
        return;
      }
    },
    get: (pod) => decisions.get(pod),
    list: () => [...decisions.values()].reverse(),
  };
}
