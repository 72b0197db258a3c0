// The selectors of ReplicaSets and ReplicationControllers in one form. The old kind has plain labels, by default its template's.
import type { DeepReadonly, LabelSelector } from "@coxswain/apimachinery";
import type { Replicator } from "./plan.ts";

export function selectorOf(replicator: DeepReadonly<Replicator>): DeepReadonly<LabelSelector> | undefined {
  if (replicator.kind === "ReplicaSet") return replicator.spec?.selector;
  const labels = replicator.spec?.selector ?? replicator.spec?.template?.metadata?.labels;
  return labels === undefined ? undefined : { matchLabels: labels };
}
