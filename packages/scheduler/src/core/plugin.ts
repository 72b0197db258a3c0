// What a scheduling rule is. One file each in `plugins/`; which ones a profile asks, in which order and with which weight,
// is its configuration (`profile.ts`). A rule is a pure function of the pod and the cluster. What it works out about a pod it
// may keep for the next pod of the same kind, so it must be told apart what it looks at:
//
//   scope "node"     the pod's kind and one node: verdicts and scores are remembered until that node changes
//   scope "cluster"  more than that: asked again for every pod; with `track` its preparation is kept up to date, pod by pod
//   scope "pod"      this very pod (its claims): nothing is kept
//
// The points of a cycle, in order: `preEnqueue`, `prepare` (pre-filter and pre-score in one), `filter`, `beginScoring`, `score`,
// `normalize`, `reserve`, `permit`, `preBind`, `postBind`.
import type { Cluster } from "./cluster.ts";
import type { ClusterEvent } from "./event.ts";
import type { NodeState } from "./node-state.ts";
import type { PlacedPod } from "./placed-pod.ts";
import type { PodView } from "./resources.ts";
import type { VolumeAction } from "./volumes/binding.ts";

/** Why a node is out, in Kubernetes' words ("Insufficient cpu"). */
export interface Rejection {
  readonly reasons: readonly string[];
  /** Taking other pods away would not help. */
  readonly unresolvable: boolean;
}

/** Which events may change a rule's mind about a pod that it kept from every node. */
export type Wakes = {
  readonly [T in ClusterEvent["type"]]?: (event: Extract<ClusterEvent, { readonly type: T }>, pod: PodView) => boolean;
};

/** Whether a pod with a node may be bound now. A pod that waits is bound when it is allowed, and let go at the end of the wait. */
export type Permission =
  | { readonly verdict: "allow" }
  | { readonly verdict: "deny"; readonly reason: string }
  | { readonly verdict: "wait"; readonly timeoutMs: number };

export interface WaitingPods {
  /** Keys of pods that have a node and wait for permission. */
  keys(): readonly string[];
  allow(key: string, plugin: string): void;
  deny(key: string, plugin: string, reason: string): void;
}

export interface Plugin<Prepared = unknown> {
  readonly name: string;
  readonly scope: "node" | "cluster" | "pod";
  /** Why the pod may not even be tried yet. */
  preEnqueue?(pod: PodView): string | undefined;
  /** Once per pod: what all nodes have in common. */
  prepare(pod: PodView, cluster: Cluster): Prepared;
  /** Why no node at all will do. */
  hopeless?(prepared: Prepared): Rejection | undefined;
  /** The only nodes that can do, by name. */
  restrict?(prepared: Prepared): ReadonlySet<string> | undefined;
  /** False: its filter lets every node pass for this pod and need not be asked. */
  filters?(prepared: Prepared): boolean;
  /** Undefined: the node may run the pod. */
  filter?(prepared: Prepared, node: NodeState): Rejection | undefined;
  /** A pod came to a node (1) or went (-1): brings what was prepared up to date. */
  track?(prepared: Prepared, node: NodeState, placed: PlacedPod, sign: 1 | -1): void;
  /** False: it has no opinion about this pod; all nodes score 0. */
  scores?(prepared: Prepared): boolean;
  /** Before the first `score`, with all feasible nodes. */
  beginScoring?(prepared: Prepared, feasible: readonly NodeState[]): void;
  /** Only nodes that passed every filter are asked. Larger is better. */
  score?(prepared: Prepared, node: NodeState): number;
  /** Brings the first `count` raw scores to 0 … 100, in place. Without it they are there already. */
  normalize?(scores: Float64Array, count: number): void;
  /** One clause with the numbers for a person: why this node is out. */
  explain?(prepared: Prepared, node: NodeState): string;
  /** Takes what the pod needs beside room on the node; the result gives it back. */
  reserve?(pod: PodView, prepared: Prepared, node: NodeState): () => void;
  permit?(pod: PodView, nodeName: string, waiting: WaitingPods): Permission;
  /** What has to be written, and waited for, before the pod may be bound. */
  preBind?(pod: PodView, prepared: Prepared, node: NodeState): VolumeAction | undefined;
  postBind?(pod: PodView, nodeName: string): void;
  readonly wakes: Wakes;
}

export const highestScore = 100;

/** Kubernetes' default: in proportion to the best; `reverse` where more is worse. */
export function normalizeToBest(scores: Float64Array, count: number, reverse: boolean): void {
  let best = 0;
  for (let i = 0; i < count; i++) best = Math.max(best, scores[i] as number);
  for (let i = 0; i < count; i++) {
    const score = best === 0 ? 0 : Math.floor((highestScore * (scores[i] as number)) / best);
    scores[i] = reverse ? highestScore - score : score;
  }
}

/** A node is out, but another pod's leaving might change that. */
export function unfit(...reasons: readonly string[]): Rejection {
  return { reasons, unresolvable: false };
}

/** A node is out, whoever leaves it. */
export function unsuitable(...reasons: readonly string[]): Rejection {
  return { reasons, unresolvable: true };
}

/** Erases what a plugin prepares for itself, so that different ones fit into one list. */
export function definePlugin<Prepared>(plugin: Plugin<Prepared>): Plugin {
  return plugin as Plugin;
}
