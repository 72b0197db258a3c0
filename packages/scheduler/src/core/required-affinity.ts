// Whether a node is one of those a pod restricts itself to, by node selector or required node affinity. Several rules ask.
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { NodeSelector } from "@coxswain/api/core/v1";
import { matchesNodeSelector } from "./node-selector.ts";
import type { NodeView, PodView } from "./resources.ts";

export function requiredAffinity(pod: PodView): DeepReadonly<NodeSelector> | undefined {
  return pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
}

export function matchesRequired(pod: PodView, node: NodeView): boolean {
  const selector = pod.spec?.nodeSelector;
  if (selector !== undefined)
    for (const key in selector) if (node.metadata.labels?.[key] !== selector[key]) return false;
  const required = requiredAffinity(pod);
  return required === undefined || matchesNodeSelector(required, node);
}
