// InterPodAffinity: near to, or away from, other pods, within a topology (host, zone, …). Also what pods that run already
// want of newcomers. What it counts is kept up to date by `track`, so that pods of one kind share the counting.
import { definePlugin, highestScore, unfit, unsuitable } from "../plugin.ts";
import type { Plugin } from "../plugin.ts";
import { affinityTerms, means } from "../affinity-terms.ts";
import type { AffinityTerm, AffinityTerms } from "../affinity-terms.ts";
import type { Cluster } from "../cluster.ts";
import { sameLabels } from "../node-layout.ts";
import type { NodeState } from "../node-state.ts";
import type { PlacedPod } from "../placed-pod.ts";
import type { PodView } from "../resources.ts";
import { TopologyTally } from "../topology-tally.ts";

export interface InterPodAffinityArgs {
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

interface Prepared {
  readonly pod: PodView;
  readonly cluster: Cluster;
  readonly own: AffinityTerms;
  readonly wantsOthers: boolean;
  /** Pods that all required terms mean. */
  readonly near: TopologyTally;
  readonly meansItself: boolean;
  readonly away: TopologyTally;
  /** Where pods run that want the newcomer elsewhere. */
  readonly unwelcome: TopologyTally;
  readonly liking: TopologyTally;
}

const notNear = unsuitable("node(s) didn't match pod affinity rules");
const tooNear = unfit("node(s) didn't match pod anti-affinity rules");
const unwanted = unfit("node(s) didn't satisfy existing pods anti-affinity rules");

export function interPodAffinity(args: InterPodAffinityArgs): Plugin {
  const { hardPodAffinityWeight, ignorePreferredTermsOfExistingPods } = args;

  const count = (prepared: Prepared, node: NodeState, { pod: other, terms }: PlacedPod, sign: 1 | -1): void => {
    const { pod, cluster, own } = prepared;
    if (terms !== undefined) {
      for (const term of terms.requiredAnti)
        if (means(term, pod, cluster)) prepared.unwelcome.add(node, term.topologyKey, sign);
      if (hardPodAffinityWeight > 0)
        for (const term of terms.required)
          if (means(term, pod, cluster)) prepared.liking.add(node, term.topologyKey, sign * hardPodAffinityWeight);
      if (!ignorePreferredTermsOfExistingPods || own.preferred.length > 0)
        for (const { weight, term } of terms.preferred)
          if (means(term, pod, cluster)) prepared.liking.add(node, term.topologyKey, sign * weight);
    }
    if (!prepared.wantsOthers) return;
    if (own.required.length > 0 && own.required.every((term) => means(term, other, cluster)))
      for (const { topologyKey } of own.required) prepared.near.add(node, topologyKey, sign);
    for (const term of own.requiredAnti)
      if (means(term, other, cluster)) prepared.away.add(node, term.topologyKey, sign);
    for (const { weight, term } of own.preferred)
      if (means(term, other, cluster)) prepared.liking.add(node, term.topologyKey, sign * weight);
  };

  return definePlugin<Prepared>({
    name: "InterPodAffinity",
    scope: "cluster",
    prepare(pod, cluster) {
      const own = affinityTerms(pod);
      const prepared: Prepared = {
        pod,
        cluster,
        own,
        wantsOthers: own.required.length + own.requiredAnti.length + own.preferred.length > 0,
        near: new TopologyTally(),
        meansItself: own.required.every((term) => means(term, pod, cluster)),
        away: new TopologyTally(),
        unwelcome: new TopologyTally(),
        liking: new TopologyTally(),
      };
      if (!prepared.wantsOthers) {
        for (const [node, placed] of cluster.podsWithAffinity()) count(prepared, node, placed, 1);
        return prepared;
      }
      for (const node of cluster.nodes) for (const placed of node.pods.values()) count(prepared, node, placed, 1);
      return prepared;
    },
    track: count,
    filters: ({ own, unwelcome }) => own.required.length + own.requiredAnti.length > 0 || !unwelcome.isEmpty,
    filter: (prepared, node) => {
      if (!isNear(prepared, node)) return notNear;
      for (const { topologyKey } of prepared.own.requiredAnti)
        if (prepared.away.at(node, topologyKey) > 0) return tooNear;
      return prepared.unwelcome.keyAt(node) === undefined ? undefined : unwanted;
    },
    scores: ({ liking }) => !liking.isEmpty,
    score: ({ liking }, node) => liking.sumAt(node),
    normalize(scores, length) {
      let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = 0; i < length; i++) {
        least = Math.min(least, scores[i] as number);
        most = Math.max(most, scores[i] as number);
      }
      for (let i = 0; i < length; i++)
        scores[i] = most === least ? 0 : Math.floor((highestScore * ((scores[i] as number) - least)) / (most - least));
    },
    explain(prepared, node) {
      const { own, near, away, unwelcome } = prepared;
      const missing = own.required.find(({ topologyKey }) => near.at(node, topologyKey) === 0);
      if (missing !== undefined && !isNear(prepared, node))
        return `no pod with ${text(missing)} runs in ${place(node, missing.topologyKey)}`;
      const crowded = own.requiredAnti.find(({ topologyKey }) => away.at(node, topologyKey) > 0);
      if (crowded !== undefined) return `a pod with ${text(crowded)} runs in ${place(node, crowded.topologyKey)}`;
      return `a pod in ${place(node, unwelcome.keyAt(node) ?? "")} does not want this one there`;
    },
    wakes: {
      "node-added": () => true,
      "node-updated": ({ old, node }) => !sameLabels(old, node),
      "pod-placed": ({ pod: other }, pod) => isMeantBy(affinityTerms(pod).required, other),
      "pod-gone": ({ pod: other }, pod) =>
        isMeantBy(affinityTerms(pod).requiredAnti, other) || isMeantBy(affinityTerms(other).requiredAnti, pod),
    },
  });
}

/** Namespace selectors are not looked up here: where one stands, the pod may be meant. */
function isMeantBy(terms: readonly AffinityTerm[], pod: PodView): boolean {
  return terms.some(
    ({ labels, namespaces, namespaceLabels }) =>
      (namespaceLabels !== undefined || namespaces.has(pod.metadata.namespace ?? "")) &&
      labels.matches(pod.metadata.labels),
  );
}

/** The first of a group of pods that want to be together finds nobody yet: it may run wherever the topology is known. */
function isNear({ own: { required }, near, meansItself }: Prepared, node: NodeState): boolean {
  let found = true;
  for (const { topologyKey } of required) {
    if (node.labels[topologyKey] === undefined) return false;
    if (near.at(node, topologyKey) <= 0) found = false;
  }
  return found || (near.isEmpty && meansItself);
}

function text({ labels }: AffinityTerm): string {
  return labels.toString() === "" ? "any labels" : labels.toString();
}

function place(node: NodeState, topologyKey: string): string {
  return `${topologyKey}=${node.labels[topologyKey] ?? "(absent)"}`;
}
