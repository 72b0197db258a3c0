// A pod from a template, with a name that is chosen here, so that a repeated create is recognised (ownership/create-once.ts).
import type { Pod, PodTemplateSpec } from "@coxswain/api/core/v1";
import type { DeepReadonly, OwnerReference } from "@coxswain/apimachinery";

/** Names are at most 63 characters, because the pod's name is its host's name. */
const longestPrefix = 58;

export function podFromTemplate(
  template: DeepReadonly<PodTemplateSpec>,
  owner: { readonly name: string; readonly namespace: string; readonly reference: OwnerReference },
  suffix: string,
): DeepReadonly<Pod> {
  const prefix = `${owner.name.slice(0, longestPrefix - 1)}-`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${prefix}${suffix}`,
      generateName: prefix,
      namespace: owner.namespace,
      ...(template.metadata?.labels ? { labels: template.metadata.labels } : {}),
      ...(template.metadata?.annotations ? { annotations: template.metadata.annotations } : {}),
      ...(template.metadata?.finalizers ? { finalizers: template.metadata.finalizers } : {}),
      ownerReferences: [owner.reference],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}
