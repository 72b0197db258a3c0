// Pod affinity terms, read once per pod: whom a term means (labels and namespaces) and within what (a topology key).
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly, LabelMatcher } from "@coxswain/apimachinery";
import type { PodAffinityTerm } from "@coxswain/api/core/v1";
import type { Cluster } from "../cluster.ts";
import type { PodView } from "../resources.ts";

export interface AffinityTerm {
  readonly topologyKey: string;
  readonly labels: LabelMatcher;
  readonly namespaces: ReadonlySet<string>;
  /** Undefined: only the named namespaces. */
  readonly namespaceLabels: LabelMatcher | undefined;
}

export interface WeightedTerm {
  /** Negative for anti-affinity. */
  readonly weight: number;
  readonly term: AffinityTerm;
}

export interface AffinityTerms {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  readonly preferred: readonly WeightedTerm[];
}

const cache = new WeakMap<object, AffinityTerms>();
const none: AffinityTerms = { required: [], requiredAnti: [], preferred: [] };

export function affinityTerms(pod: PodView): AffinityTerms {
  const affinity = pod.spec?.affinity;
  if (affinity?.podAffinity === undefined && affinity?.podAntiAffinity === undefined) return none;
  const known = cache.get(pod);
  if (known !== undefined) return known;
  const own = pod.metadata.namespace ?? "";
  const { podAffinity, podAntiAffinity } = affinity;
  const terms: AffinityTerms = {
    required: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => read(term, own)),
    requiredAnti: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      read(term, own),
    ),
    preferred: [
      ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
        weight,
        term: read(podAffinityTerm, own),
      })),
      ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ weight, podAffinityTerm }) => ({ weight: -weight, term: read(podAffinityTerm, own) }),
      ),
    ],
  };
  cache.set(pod, terms);
  return terms;
}

/** Whether a term means a pod. */
export function means(term: AffinityTerm, pod: PodView, cluster: Pick<Cluster, "namespaceLabels">): boolean {
  const namespace = pod.metadata.namespace ?? "";
  const inNamespace =
    term.namespaces.has(namespace) || term.namespaceLabels?.matches(cluster.namespaceLabels(namespace)) === true;
  return inNamespace && term.labels.matches(pod.metadata.labels);
}

function read(term: DeepReadonly<PodAffinityTerm>, own: string): AffinityTerm {
  const named = term.namespaces ?? [];
  return {
    topologyKey: term.topologyKey,
    labels: labelSelectorMatcher(term.labelSelector),
    namespaces: new Set(named.length === 0 && term.namespaceSelector === undefined ? [own] : named),
    namespaceLabels: term.namespaceSelector === undefined ? undefined : labelSelectorMatcher(term.namespaceSelector),
  };
}
