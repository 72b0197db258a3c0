// InterPodAffinity: near to, or away from, other pods, within a topology (host, zone, …). Also what pods that run already
// want of newcomers. Pods without affinity only cost a look at those that have some.
import { definePlugin, highestScore } from "../plugin.ts";
import type { ClusterEvent } from "../plugin.ts";
import type { Cluster, NodeState } from "../cluster.ts";
import type { PodView } from "../resources.ts";
import { affinityTerms, means } from "./affinity-terms.ts";
import type { AffinityTerm } from "./affinity-terms.ts";

/** A number for each topology key and value. */
type Tally = Map<string, Map<string, number>>;

interface Prepared {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  /** Pods that all required terms mean. */
  readonly near: Tally;
  readonly meansItself: boolean;
  readonly away: Tally;
  /** Where pods run that want the newcomer elsewhere. */
  readonly unwelcome: Tally;
  readonly liking: Tally;
}

export const interPodAffinity = definePlugin<Prepared>({
  name: "InterPodAffinity",
  weight: 2,
  prepare,
  filter: (prepared, node) => {
    if (!isNear(prepared, node)) return ["node(s) didn't match pod affinity rules"];
    if (prepared.requiredAnti.some(({ topologyKey }) => at(prepared.away, node, topologyKey) > 0))
      return ["node(s) didn't match pod anti-affinity rules"];
    for (const key of prepared.unwelcome.keys())
      if (at(prepared.unwelcome, node, key) > 0) return ["node(s) didn't satisfy existing pods anti-affinity rules"];
    return undefined;
  },
  score: ({ liking }, node) => {
    let sum = 0;
    for (const key of liking.keys()) sum += at(liking, node, key);
    return sum;
  },
  normalize: (scores) => {
    const least = Math.min(0, ...scores);
    const most = Math.max(0, ...scores);
    for (let i = 0; i < scores.length; i++)
      scores[i] = most === least ? 0 : Math.floor((highestScore * ((scores[i] as number) - least)) / (most - least));
  },
  explain: (prepared, node) => {
    const missing = prepared.required.find(({ topologyKey }) => at(prepared.near, node, topologyKey) === 0);
    if (missing !== undefined && !isNear(prepared, node))
      return `no pod with ${missing.labels.toString()} runs in ${place(node, missing.topologyKey)}`;
    const crowded = prepared.requiredAnti.find(({ topologyKey }) => at(prepared.away, node, topologyKey) > 0);
    if (crowded !== undefined)
      return `a pod with ${crowded.labels.toString()} runs in ${place(node, crowded.topologyKey)}`;
    const key =
      [...prepared.unwelcome.keys()].find((topologyKey) => at(prepared.unwelcome, node, topologyKey) > 0) ?? "";
    return `a pod in ${place(node, key)} does not want this one there`;
  },
  wakes: (event: ClusterEvent) =>
    event.type !== "node-updated" ||
    JSON.stringify(event.old.metadata.labels) !== JSON.stringify(event.node.metadata.labels),
});

function prepare(pod: PodView, cluster: Cluster): Prepared {
  const { required, requiredAnti, preferred } = affinityTerms(pod);
  const [near, away, unwelcome, liking]: Tally[] = [new Map(), new Map(), new Map(), new Map()];
  const prepared = {
    required,
    requiredAnti,
    near: near as Tally,
    away: away as Tally,
    unwelcome: unwelcome as Tally,
    liking: liking as Tally,
  };
  for (const [node, other] of cluster.podsWithAffinity()) {
    const theirs = affinityTerms(other);
    for (const term of theirs.requiredAnti)
      if (means(term, pod, cluster)) add(prepared.unwelcome, node, term.topologyKey, 1);
    for (const term of theirs.required) if (means(term, pod, cluster)) add(prepared.liking, node, term.topologyKey, 1);
    for (const { weight, term } of theirs.preferred)
      if (means(term, pod, cluster)) add(prepared.liking, node, term.topologyKey, weight);
  }
  if (required.length + requiredAnti.length + preferred.length > 0) {
    for (const node of cluster.nodes) {
      for (const { pod: other } of node.pods.values()) {
        if (required.length > 0 && required.every((term) => means(term, other, cluster)))
          for (const { topologyKey } of required) add(prepared.near, node, topologyKey, 1);
        for (const term of requiredAnti) if (means(term, other, cluster)) add(prepared.away, node, term.topologyKey, 1);
        for (const { weight, term } of preferred)
          if (means(term, other, cluster)) add(prepared.liking, node, term.topologyKey, weight);
      }
    }
  }
  return { ...prepared, meansItself: required.every((term) => means(term, pod, cluster)) };
}

/** The first of a group of pods that want to be together finds nobody yet: it may run wherever the topology is known. */
function isNear({ required, near, meansItself }: Prepared, node: NodeState): boolean {
  if (required.every(({ topologyKey }) => at(near, node, topologyKey) > 0)) return true;
  return (
    near.size === 0 &&
    meansItself &&
    required.every(({ topologyKey }) => node.node?.metadata.labels?.[topologyKey] !== undefined)
  );
}

function add(tally: Tally, node: NodeState, topologyKey: string, amount: number): void {
  const value = node.node?.metadata.labels?.[topologyKey];
  if (value === undefined) return;
  const counts = tally.get(topologyKey) ?? new Map<string, number>();
  counts.set(value, (counts.get(value) ?? 0) + amount);
  tally.set(topologyKey, counts);
}

function at(tally: Tally, node: NodeState, topologyKey: string): number {
  const value = node.node?.metadata.labels?.[topologyKey];
  return value === undefined ? 0 : (tally.get(topologyKey)?.get(value) ?? 0);
}

function place(node: NodeState, topologyKey: string): string {
  return `${topologyKey}=${node.node?.metadata.labels?.[topologyKey] ?? "(absent)"}`;
}
