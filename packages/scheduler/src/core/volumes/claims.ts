// The claims that a pod's volumes refer to, by name or by being made for the pod.
import type { PodView } from "../resources.ts";

export interface PodClaim {
  /** "namespace/name" of the claim. */
  readonly key: string;
  readonly name: string;
  /** Made for this pod by the ephemeral volume controller. */
  readonly ephemeral: boolean;
}

const none: readonly PodClaim[] = [];

export function claimsOf(pod: PodView): readonly PodClaim[] {
  let claims: PodClaim[] | undefined;
  for (const { name, persistentVolumeClaim, ephemeral } of pod.spec?.volumes ?? []) {
    if (persistentVolumeClaim === undefined && ephemeral === undefined) continue;
    const claimName = persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${name}`;
    (claims ??= []).push({
      key: `${pod.metadata.namespace ?? ""}/${claimName}`,
      name: claimName,
      ephemeral: ephemeral !== undefined,
    });
  }
  return claims ?? none;
}
