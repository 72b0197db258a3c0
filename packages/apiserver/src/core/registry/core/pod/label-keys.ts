// `matchLabelKeys` and `mismatchLabelKeys` of a new pod: what they stand for among the pod's labels is written into the selectors beside them,
// so that whoever places pods need not know of them.
import type { ApiObject, LabelSelector } from "@coxswain/apimachinery";
import type { Affinity, PodAffinityTerm, PodSpec } from "@coxswain/api/core/v1";

export function mergeLabelKeys(pod: ApiObject): void {
  const spec = (pod as ApiObject & { spec?: PodSpec }).spec;
  const labels = pod.metadata.labels ?? {};
  for (const term of termsOf(spec?.affinity)) {
    add(term.labelSelector, term.matchLabelKeys, "In", labels);
    add(term.labelSelector, term.mismatchLabelKeys, "NotIn", labels);
  }
  for (const { labelSelector, matchLabelKeys } of spec?.topologySpreadConstraints ?? [])
    add(labelSelector, matchLabelKeys, "In", labels);
}

function termsOf(affinity: Affinity | undefined): PodAffinityTerm[] {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((side) => [
    ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
    ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
  ]);
}

/** No selector selects nothing, and stays so. */
function add(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: "In" | "NotIn",
  labels: Readonly<Record<string, string>>,
): void {
  if (selector === undefined) return;
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
  }
}
