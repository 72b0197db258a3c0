// Whether a claim that is to go is still used: by a pod that has a node and has not ended.
import type { PersistentVolumeClaim } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isFinished } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export const claimFinalizer = "kubernetes.io/pvc-protection";

/** The claims of a pod, those included that its ephemeral volumes are. */
export function claimsOf(pod: ReadonlyPod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${pod.metadata.name}-${volume.name}`] : [];
  });
}

export function isUsed(claim: DeepReadonly<PersistentVolumeClaim>, pods: readonly ReadonlyPod[]): boolean {
  return pods.some(
    (pod) => Boolean(pod.spec?.nodeName) && !isFinished(pod) && claimsOf(pod).includes(claim.metadata.name),
  );
}
