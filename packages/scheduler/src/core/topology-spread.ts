// One spread constraint of one pod, with its count of the group's pods for every value of its key. Which nodes take part is
// the constraint's own policy; the fewest over all values decides what is even.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly, LabelMatcher } from "@coxswain/apimachinery";
import type { TopologySpreadConstraint } from "@coxswain/api/core/v1";
import { narrowed } from "./affinity-terms.ts";
import type { Cluster } from "./cluster.ts";
import type { NodeState } from "./node-state.ts";
import { isTerminating } from "./placed-pod.ts";
import type { PlacedPod } from "./placed-pod.ts";
import { matchesRequired } from "./required-affinity.ts";
import type { NodeView, PodView } from "./resources.ts";
import { tolerates } from "./toleration.ts";

export type ConstraintView = DeepReadonly<TopologySpreadConstraint>;

export interface SpreadDefaults {
  readonly constraints: readonly ConstraintView[];
  /** Kubernetes' own defaults: nodes that lack one of the labels still count for the others. */
  readonly system: boolean;
}

export const hostname = "kubernetes.io/hostname";

/** A pod's own constraints, or the defaults with the selector of the group that the pod belongs to. */
export function spreadsOf(
  pod: PodView,
  cluster: Pick<Cluster, "groups">,
  defaults: SpreadDefaults,
): { readonly own: boolean; readonly constraints: readonly ConstraintView[] } {
  const own = pod.spec?.topologySpreadConstraints ?? [];
  if (own.length > 0) return { own: true, constraints: own };
  if (defaults.constraints.length === 0) return { own: false, constraints: [] };
  const labelSelector = cluster.groups.selectorFor(pod);
  if (labelSelector === undefined) return { own: false, constraints: [] };
  return { own: false, constraints: defaults.constraints.map((constraint) => ({ ...constraint, labelSelector })) };
}

export class Spread {
  readonly key: string;
  readonly maxSkew: number;
  readonly #constraint: ConstraintView;
  readonly #pod: PodView;
  readonly #group: LabelMatcher;
  /** The newcomer counts itself if it is of the group. */
  readonly #self: number;
  readonly #counts = new Map<string, number>();
  /** By node name, where the key is the host's name. */
  readonly #perNode: Map<string, number> | undefined;
  #least: number | undefined;
  #weight = 1;

  constructor(constraint: ConstraintView, pod: PodView) {
    const { topologyKey, maxSkew, labelSelector, matchLabelKeys = [] } = constraint;
    const labels = pod.metadata.labels ?? {};
    this.key = topologyKey;
    this.maxSkew = maxSkew;
    this.#constraint = constraint;
    this.#pod = pod;
    this.#group = labelSelectorMatcher(narrowed(labelSelector, labels, matchLabelKeys, []));
    this.#self = this.#group.matches(labels) ? 1 : 0;
    this.#perNode = topologyKey === hostname ? new Map() : undefined;
  }

  /** A node that exists makes its value count, also with nobody there. */
  include(node: NodeState): void {
    if (!this.#takesPart(node)) return;
    const value = node.labels[this.key] ?? "";
    if (!this.#counts.has(value)) {
      this.#counts.set(value, 0);
      this.#least = undefined;
    }
  }

  count(node: NodeState, { pod }: PlacedPod, sign: 1 | -1): void {
    if (pod.metadata.namespace !== this.#pod.metadata.namespace || isTerminating(pod)) return;
    if (!this.#group.matches(pod.metadata.labels)) return;
    this.#perNode?.set(node.name, (this.#perNode.get(node.name) ?? 0) + sign);
    if (!this.#takesPart(node)) return;
    const value = node.labels[this.key] ?? "";
    const before = this.#counts.get(value) ?? 0;
    this.#counts.set(value, before + sign);
    if (this.#least !== undefined && (before === this.#least || before + sign < this.#least)) this.#least = undefined;
  }

  /** By how much a value would exceed the emptiest, with the newcomer. */
  skewWith(value: string): number {
    return (this.#counts.get(value) ?? 0) + this.#self - this.#fewest();
  }

  /** Smaller topologies are not drowned by larger ones: the count weighs more where there are more values. */
  weigh(feasible: readonly NodeState[]): void {
    const size =
      this.#perNode === undefined ? new Set(feasible.map(({ labels }) => labels[this.key])).size : feasible.length;
    this.#weight = Math.log(size + 2);
  }

  scoreOf(node: NodeState): number {
    const value = node.labels[this.key];
    if (value === undefined) return 0;
    const count = this.#perNode === undefined ? this.#counts.get(value) : this.#perNode.get(node.name);
    return (count ?? 0) * this.#weight + (this.maxSkew - 1);
  }

  #fewest(): number {
    if (this.#counts.size < (this.#constraint.minDomains ?? 1)) return 0;
    if (this.#least === undefined) {
      let least = Number.POSITIVE_INFINITY;
      for (const count of this.#counts.values()) if (count < least) least = count;
      this.#least = least === Number.POSITIVE_INFINITY ? 0 : least;
    }
    return this.#least;
  }

  /** Nodes that the pod could not use anyway do not take part, unless the policies say otherwise. */
  #takesPart({ node }: NodeState): boolean {
    if (node === undefined) return false;
    const { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" } = this.#constraint;
    if (nodeAffinityPolicy === "Honor" && !matchesRequired(this.#pod, node)) return false;
    return nodeTaintsPolicy === "Ignore" || toleratesTaints(this.#pod, node);
  }
}

function toleratesTaints(pod: PodView, node: NodeView): boolean {
  return (node.spec?.taints ?? []).every(
    (taint) =>
      taint.effect === "PreferNoSchedule" ||
      (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  );
}
