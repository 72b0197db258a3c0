// The pod and the volume claims of one ordinal: fixed names, so that whoever makes them makes the same.
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, Volume } from "@coxswain/api/core/v1";
import type { DeepReadonly, OwnerReference } from "@coxswain/apimachinery";
import { revisionLabel } from "../../revisions/revisions.ts";
import { podName } from "./plan.ts";
import type { ReadonlyStatefulSet } from "./plan.ts";

export function statefulPod(
  set: ReadonlyStatefulSet,
  template: DeepReadonly<PodTemplateSpec>,
  ordinal: number,
  revision: string,
  reference: OwnerReference,
): DeepReadonly<Pod> {
  const name = podName(set, ordinal);
  const serviceName = set.spec?.serviceName;
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((claim): Volume => {
    return {
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: claimName(set, claim.metadata.name, ordinal), readOnly: false },
    };
  });
  const others = (template.spec?.volumes ?? []).filter((volume) => !claims.some((claim) => claim.name === volume.name));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace,
      labels: {
        ...template.metadata?.labels,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": String(ordinal),
        [revisionLabel]: revision,
      },
      annotations: template.metadata?.annotations,
      ownerReferences: [reference],
    },
    ...(template.spec
      ? {
          spec: {
            ...template.spec,
            hostname: name,
            ...(serviceName ? { subdomain: serviceName } : {}),
            volumes: [...others, ...claims],
          },
        }
      : {}),
  };
}

export const claimName = (set: ReadonlyStatefulSet, claim: string, ordinal: number): string =>
  `${claim}-${podName(set, ordinal)}`;

/** The claims an ordinal needs. They outlive the pod, and the set as well unless its retention policy says otherwise. */
export function statefulClaims(
  set: ReadonlyStatefulSet,
  ordinal: number,
  reference: OwnerReference,
): readonly DeepReadonly<PersistentVolumeClaim>[] {
  const diesWithSet = set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === "Delete";
  return (set.spec?.volumeClaimTemplates ?? []).map((claim) => ({
    ...claim,
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      ...claim.metadata,
      name: claimName(set, claim.metadata.name, ordinal),
      namespace: set.metadata.namespace,
      labels: { ...claim.metadata.labels, ...set.spec?.selector.matchLabels },
      ...(diesWithSet ? { ownerReferences: [{ ...reference, controller: false }] } : {}),
    },
  }));
}
