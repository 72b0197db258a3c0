// PodTopologySpread: pods of a group evenly over hosts, zones or whatever a label divides the nodes into. Constraints that
// must hold filter; the others score. Pods that say nothing are spread by the profile's default constraints, together with
// the pods of the service or owner they belong to. What it counts is kept up to date by `track`.
import { definePlugin, highestScore, unfit, unsuitable } from "../plugin.ts";
import type { Plugin } from "../plugin.ts";
import type { Cluster } from "../cluster.ts";
import { sameNodeLayout } from "../node-layout.ts";
import type { NodeState } from "../node-state.ts";
import { Spread, spreadsOf } from "../topology-spread.ts";
import type { SpreadDefaults } from "../topology-spread.ts";

interface Prepared {
  readonly must: readonly Spread[];
  readonly wish: readonly Spread[];
  /** Nodes without all the labels of the wishes count for nothing. */
  readonly needsAllLabels: boolean;
}

const unlabelled = unsuitable("node(s) didn't match pod topology spread constraints (missing required label)");
const uneven = unfit("node(s) didn't match pod topology spread constraints");
/** Marks nodes that lack a label of a preference: worst of all. */
const ignored = -1;

export function podTopologySpread(defaults: SpreadDefaults): Plugin {
  return definePlugin<Prepared>({
    name: "PodTopologySpread",
    scope: "cluster",
    prepare(pod, cluster) {
      const { own, constraints } = spreadsOf(pod, cluster, defaults);
      const needsAllLabels = own || !defaults.system;
      const [must, wish] = (["DoNotSchedule", "ScheduleAnyway"] as const).map((kind) =>
        constraints
          .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === kind)
          .map((constraint) => new Spread(constraint, pod)),
      ) as [Spread[], Spread[]];
      countAll(must, cluster, true);
      countAll(wish, cluster, needsAllLabels);
      return { must, wish, needsAllLabels };
    },
    track({ must, wish, needsAllLabels }, node, placed, sign) {
      if (must.length > 0 && hasAllLabels(must, node)) for (const spread of must) spread.count(node, placed, sign);
      if (wish.length > 0 && (!needsAllLabels || hasAllLabels(wish, node)))
        for (const spread of wish) spread.count(node, placed, sign);
    },
    filters: ({ must }) => must.length > 0,
    filter({ must }, node) {
      for (const spread of must) {
        const value = node.labels[spread.key];
        if (value === undefined) return unlabelled;
        if (spread.skewWith(value) > spread.maxSkew) return uneven;
      }
      return undefined;
    },
    scores: ({ wish }) => wish.length > 0,
    beginScoring({ wish, needsAllLabels }, feasible) {
      const counted = needsAllLabels ? feasible.filter((node) => hasAllLabels(wish, node)) : feasible;
      for (const spread of wish) spread.weigh(counted);
    },
    score({ wish, needsAllLabels }, node) {
      if (needsAllLabels && !hasAllLabels(wish, node)) return ignored;
      let score = 0;
      for (const spread of wish) score += spread.scoreOf(node);
      return Math.round(score);
    },
    normalize(scores, count) {
      let [least, most] = [Number.POSITIVE_INFINITY, 0];
      for (let i = 0; i < count; i++) {
        const score = scores[i] as number;
        if (score === ignored) continue;
        least = Math.min(least, score);
        most = Math.max(most, score);
      }
      for (let i = 0; i < count; i++) {
        const score = scores[i] as number;
        scores[i] =
          score === ignored
            ? 0
            : most === 0
              ? highestScore
              : Math.floor((highestScore * (most + least - score)) / most);
      }
    },
    explain({ must }, node) {
      for (const spread of must) {
        const value = node.labels[spread.key];
        if (value === undefined) return `it has no label ${spread.key}`;
        const skew = spread.skewWith(value);
        if (skew > spread.maxSkew)
          return `${spread.key}=${value} would hold ${skew} more than the emptiest, allowed are ${spread.maxSkew}`;
      }
      return "";
    },
    wakes: {
      "node-added": () => true,
      "node-updated": ({ old, node }) => !sameNodeLayout(old, node),
      "pod-placed": ({ pod: other }, pod) => other.metadata.namespace === pod.metadata.namespace,
      "pod-gone": ({ pod: other }, pod) => other.metadata.namespace === pod.metadata.namespace,
    },
  });
}

function countAll(spreads: readonly Spread[], cluster: Cluster, needsAllLabels: boolean): void {
  if (spreads.length === 0) return;
  for (const node of cluster.nodes) {
    if (needsAllLabels && !hasAllLabels(spreads, node)) continue;
    for (const spread of spreads) {
      spread.include(node);
      for (const placed of node.pods.values()) spread.count(node, placed, 1);
    }
  }
}

function hasAllLabels(spreads: readonly Spread[], node: NodeState): boolean {
  for (const { key } of spreads) if (node.labels[key] === undefined) return false;
  return true;
}
