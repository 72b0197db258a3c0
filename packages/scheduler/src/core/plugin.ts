// What a scheduling rule is. One file each in `plugins/`; they are listed, in Kubernetes' order and with its weights, in
// `profile.ts`. A rule is a pure function of the pod and the cluster: it keeps nothing between two pods.
import type { Cluster, NodeState } from "./cluster.ts";
import type { NodeView, PodView } from "./resources.ts";

/** Why a node is out, in Kubernetes' words ("Insufficient cpu"). */
export type Reasons = readonly string[];

/** A change in the cluster that may help pods that found no node. */
export type ClusterEvent =
  | { readonly type: "node-added"; readonly node: NodeView }
  | { readonly type: "node-updated"; readonly node: NodeView; readonly old: NodeView }
  /** A pod was bound (by anyone), or a bound pod's labels changed. */
  | { readonly type: "pod-placed"; readonly pod: PodView }
  /** A bound pod went away or ended. */
  | { readonly type: "pod-gone"; readonly pod: PodView };

export interface Plugin<Prepared = unknown> {
  readonly name: string;
  /** What its scores count in the sum; 0 for rules that only filter. */
  readonly weight: number;
  /** Once per pod: what all nodes have in common. */
  prepare(pod: PodView, cluster: Cluster): Prepared;
  /** Undefined: the node may run the pod. */
  filter?(prepared: Prepared, node: NodeState): Reasons | undefined;
  /** Only nodes that passed every filter are asked. Larger is better. */
  score?(prepared: Prepared, node: NodeState): number;
  /** Brings all raw scores to 0 … 100, in place. Without it they are there already. */
  normalize?(scores: number[]): void;
  /** One clause with the numbers for a person: why this node is out. */
  explain?(prepared: Prepared, node: NodeState): string;
  /** Whether an event may change this rule's mind about a pod it kept from every node. */
  wakes(event: ClusterEvent, pod: PodView): boolean;
}

export const highestScore = 100;

/** Kubernetes' default: in proportion to the best; `reverse` where more is worse. */
export function normalizeToBest(scores: number[], reverse: boolean): void {
  const best = Math.max(0, ...scores);
  for (let i = 0; i < scores.length; i++) {
    const score = best === 0 ? 0 : Math.floor((highestScore * (scores[i] as number)) / best);
    scores[i] = reverse ? highestScore - score : score;
  }
}

/** Erases what a plugin prepares for itself, so that different ones fit into one list. */
export function definePlugin<Prepared>(plugin: Plugin<Prepared>): Plugin {
  return plugin as Plugin;
}
