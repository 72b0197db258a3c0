// Pod affinity terms, read once per pod: whom a term means (labels and namespaces) and within what (a topology key).
// `matchLabelKeys` and `mismatchLabelKeys` narrow a term by the pod's own labels; where an API server has written them into the
// selector already, that changes nothing.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly, LabelMatcher, LabelSelector } from "@coxswain/apimachinery";
import type { Affinity, PodAffinityTerm } from "@coxswain/api/core/v1";
import type { PodView } from "./resources.ts";

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

/** By what stands in the pod's affinity, its namespace and the labels that count: pods of one template share their terms. */
const cache = new WeakMap<object, Map<string, AffinityTerms>>();
const none: AffinityTerms = { required: [], requiredAnti: [], preferred: [] };

export function hasTerms(pod: PodView): boolean {
  const affinity = pod.spec?.affinity;
  return affinity?.podAffinity !== undefined || affinity?.podAntiAffinity !== undefined;
}

/** Throws `SelectorError` for a selector that is none; the API server lets no such pod in. */
export function affinityTerms(pod: PodView): AffinityTerms {
  const affinity = pod.spec?.affinity;
  if (affinity === undefined || !hasTerms(pod)) return none;
  const own = pod.metadata.namespace ?? "";
  const byContext = cache.get(affinity) ?? new Map<string, AffinityTerms>();
  cache.set(affinity, byContext);
  const labels = pod.metadata.labels ?? {};
  const context = own + labelContext(affinity, labels);
  const known = byContext.get(context);
  if (known !== undefined) return known;
  const { podAffinity, podAntiAffinity } = affinity;
  const terms: AffinityTerms = {
    required: (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      read(term, own, labels),
    ),
    requiredAnti: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      read(term, own, labels),
    ),
    preferred: [
      ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
        weight,
        term: read(podAffinityTerm, own, labels),
      })),
      ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ weight, podAffinityTerm }) => ({
          weight: -weight,
          term: read(podAffinityTerm, own, labels),
        }),
      ),
    ],
  };
  byContext.set(context, terms);
  return terms;
}

/** Whether a term means a pod. */
export function means(
  term: AffinityTerm,
  pod: PodView,
  cluster: { namespaceLabels(namespace: string): Readonly<Record<string, string>> },
): boolean {
  const namespace = pod.metadata.namespace ?? "";
  const inNamespace =
    term.namespaces.has(namespace) || term.namespaceLabels?.matches(cluster.namespaceLabels(namespace)) === true;
  return inNamespace && term.labels.matches(pod.metadata.labels);
}

/** The pod's labels that its terms refer to, as text. */
function labelContext(affinity: DeepReadonly<Affinity>, labels: Readonly<Record<string, string>>): string {
  let context = "";
  for (const { matchLabelKeys = [], mismatchLabelKeys = [] } of termsOf(affinity))
    for (const key of [...matchLabelKeys, ...mismatchLabelKeys]) context += `\n${key}=${labels[key] ?? ""}`;
  return context;
}

function* termsOf({ podAffinity, podAntiAffinity }: DeepReadonly<Affinity>): Iterable<DeepReadonly<PodAffinityTerm>> {
  for (const side of [podAffinity, podAntiAffinity]) {
    yield* side?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const { podAffinityTerm } of side?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      yield podAffinityTerm;
  }
}

function read(
  term: DeepReadonly<PodAffinityTerm>,
  own: string,
  labels: Readonly<Record<string, string>>,
): AffinityTerm {
  const { namespaces: named = [], matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  return {
    topologyKey: term.topologyKey,
    labels: labelSelectorMatcher(narrowed(term.labelSelector, labels, matchLabelKeys, mismatchLabelKeys)),
    namespaces: new Set(named.length === 0 && term.namespaceSelector === undefined ? [own] : named),
    namespaceLabels: term.namespaceSelector === undefined ? undefined : labelSelectorMatcher(term.namespaceSelector),
  };
}

/** A selector with the pod's own values of some labels required, and of others ruled out. */
export function narrowed(
  selector: DeepReadonly<LabelSelector> | undefined,
  labels: Readonly<Record<string, string>>,
  same: readonly string[],
  different: readonly string[],
): DeepReadonly<LabelSelector> | undefined {
  if (selector === undefined || same.length + different.length === 0) return selector;
  const requirement =
    (operator: "In" | "NotIn") =>
    (key: string): readonly { key: string; operator: "In" | "NotIn"; values: string[] }[] => {
      const value = labels[key];
      return value === undefined ? [] : [{ key, operator, values: [value] }];
    };
  return {
    ...selector,
    matchExpressions: [
      ...(selector.matchExpressions ?? []),
      ...same.flatMap(requirement("In")),
      ...different.flatMap(requirement("NotIn")),
    ],
  };
}
