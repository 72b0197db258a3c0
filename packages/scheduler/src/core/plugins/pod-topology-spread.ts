// PodTopologySpread: pods of a group evenly over hosts, zones or whatever a label divides the nodes into. Constraints that
// must hold filter; the others score. The cluster-wide default constraints of Kubernetes are not applied.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { TopologySpreadConstraint } from "@coxswain/api/core/v1";
import { definePlugin, highestScore } from "../plugin.ts";
import type { Cluster } from "../cluster.ts";
import type { NodeView, PodView } from "../resources.ts";
import { matchesRequired } from "./node-affinity.ts";
import { tolerates } from "./toleration.ts";

interface Spread {
  readonly key: string;
  readonly maxSkew: number;
  readonly must: boolean;
  /** The newcomer counts itself if it is of the group. */
  readonly self: number;
  /** Pods of the group by value of the key, over the nodes that count. */
  readonly counts: ReadonlyMap<string, number>;
  readonly least: number;
}

export const podTopologySpread = definePlugin<readonly Spread[]>({
  name: "PodTopologySpread",
  weight: 2,
  prepare: (pod, cluster) =>
    (pod.spec?.topologySpreadConstraints ?? []).map((constraint) => tally(constraint, pod, cluster)),
  filter: (spreads, node) => {
    for (const spread of spreads) {
      if (!spread.must) continue;
      const value = node.node?.metadata.labels?.[spread.key];
      if (value === undefined) return ["node(s) didn't match pod topology spread constraints (missing required label)"];
      if (skew(spread, value) > spread.maxSkew) return ["node(s) didn't match pod topology spread constraints"];
    }
    return undefined;
  },
  score: (spreads, node) => {
    let score = 0;
    for (const spread of spreads) {
      if (spread.must) continue;
      const value = node.node?.metadata.labels?.[spread.key];
      if (value === undefined) return ignored;
      score += (spread.counts.get(value) ?? 0) * Math.log(spread.counts.size + 2) + (spread.maxSkew - 1);
    }
    return Math.round(score);
  },
  normalize: (scores) => {
    const known = scores.filter((score) => score !== ignored);
    const [least, most] = [Math.min(...known), Math.max(...known)];
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i] as number;
      scores[i] =
        score === ignored ? 0 : most === 0 ? highestScore : Math.floor((highestScore * (most + least - score)) / most);
    }
  },
  explain: (spreads, node) => {
    for (const spread of spreads) {
      if (!spread.must) continue;
      const value = node.node?.metadata.labels?.[spread.key];
      if (value === undefined) return `it has no label ${spread.key}`;
      const found = skew(spread, value);
      if (found > spread.maxSkew)
        return `${spread.key}=${value} would hold ${found} more than the emptiest, allowed are ${spread.maxSkew}`;
    }
    return "";
  },
  wakes: (event) =>
    event.type !== "node-updated" ||
    JSON.stringify(event.old.metadata.labels) !== JSON.stringify(event.node.metadata.labels),
});

/** Marks nodes that lack a label of a preference: worst of all. */
const ignored = -1;

function skew(spread: Spread, value: string): number {
  return (spread.counts.get(value) ?? 0) + spread.self - spread.least;
}

function tally(constraint: DeepReadonly<TopologySpreadConstraint>, pod: PodView, cluster: Cluster): Spread {
  const { topologyKey: key, maxSkew, minDomains = 1, matchLabelKeys = [] } = constraint;
  const labels = pod.metadata.labels ?? {};
  const sameLabels = Object.fromEntries(
    matchLabelKeys.filter((label) => labels[label] !== undefined).map((label) => [label, labels[label] ?? ""]),
  );
  const selector =
    constraint.labelSelector === undefined
      ? undefined
      : { ...constraint.labelSelector, matchLabels: { ...constraint.labelSelector.matchLabels, ...sameLabels } };
  const group = labelSelectorMatcher(selector);
  const counts = new Map<string, number>();
  for (const { node, pods } of cluster.nodes) {
    const value = node?.metadata.labels?.[key];
    if (node === undefined || value === undefined || !counted(constraint, pod, node)) continue;
    let members = 0;
    for (const { pod: other } of pods.values()) {
      if (
        other.metadata.namespace === pod.metadata.namespace &&
        other.metadata.deletionTimestamp === undefined &&
        group.matches(other.metadata.labels)
      )
        members++;
    }
    counts.set(value, (counts.get(value) ?? 0) + members);
  }
  const least = counts.size === 0 || counts.size < minDomains ? 0 : Math.min(...counts.values());
  return {
    key,
    maxSkew,
    must: constraint.whenUnsatisfiable === "DoNotSchedule",
    self: group.matches(labels) ? 1 : 0,
    counts,
    least,
  };
}

/** Whether a node takes part: those the pod could not use anyway do not, unless the policies say otherwise. */
function counted(
  { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" }: DeepReadonly<TopologySpreadConstraint>,
  pod: PodView,
  node: NodeView,
): boolean {
  if (nodeAffinityPolicy === "Honor" && !matchesRequired(pod, node)) return false;
  if (nodeTaintsPolicy === "Ignore") return true;
  return (node.spec?.taints ?? []).every(
    (taint) =>
      taint.effect === "PreferNoSchedule" ||
      (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  );
}
