// Which volume suits a claim: the smallest of those that offer no more ways of access than needed. After Kubernetes'
// `pkg/volume/util` and `component-helpers/storage/volume`.
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import { compareQuantities } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { selects } from "../../ownership/selector.ts";

export type Volume = DeepReadonly<PersistentVolume>;
export type Claim = DeepReadonly<PersistentVolumeClaim>;

const betaClass = "volume.beta.kubernetes.io/storage-class";

export function classOf({ metadata, spec }: Claim | Volume): string {
  return metadata.annotations?.[betaClass] ?? spec?.storageClassName ?? "";
}

/** Whether the volume is kept for this claim, or is this claim's already. */
export function isFor(volume: Volume, claim: Claim): boolean {
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined || claimRef.name !== claim.metadata.name) return false;
  if (claimRef.namespace !== claim.metadata.namespace) return false;
  return (claimRef.uid ?? "") === "" || claimRef.uid === claim.metadata.uid;
}

/** Why the volume cannot serve the claim, in the words of the event; undefined when it can. */
export function mismatch(volume: Volume, claim: Claim): string | undefined {
  if (compareQuantities(sizeOf(volume), requestOf(claim)) < 0) return "requested PV is too small";
  if (classOf(volume) !== classOf(claim)) return "storageClassName does not match";
  if ((volume.spec?.volumeMode ?? "Filesystem") !== (claim.spec?.volumeMode ?? "Filesystem"))
    return "incompatible volumeMode";
  return offers(volume, claim) ? undefined : "incompatible accessMode";
}

/** With `keptOnly`, only a volume that somebody has already chosen for the claim. */
export function findVolume(claim: Claim, volumes: readonly Volume[], keptOnly: boolean): Volume | undefined {
  const suitable = volumes.filter(
    (volume) => volume.metadata.deletionTimestamp === undefined && mismatch(volume, claim) === undefined,
  );
  const kept = suitable.find((volume) => isFor(volume, claim));
  if (kept !== undefined || keptOnly) return kept;
  return suitable
    .filter((volume) => volume.spec?.claimRef === undefined && volume.status?.phase === "Available")
    .filter(({ metadata }) => claim.spec?.selector === undefined || selects(claim.spec.selector, metadata.labels))
    .toSorted(
      (a, b) =>
        modesOf(a).length - modesOf(b).length ||
        compareQuantities(sizeOf(a), sizeOf(b)) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    )[0];
}

export function requestOf(claim: Claim): string {
  return String(claim.spec?.resources?.requests?.["storage"] ?? "0");
}

export function sizeOf(volume: Volume): string {
  return String(volume.spec?.capacity?.["storage"] ?? "0");
}

function modesOf(volume: Volume): readonly string[] {
  return volume.spec?.accessModes ?? [];
}

function offers(volume: Volume, claim: Claim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => modesOf(volume).includes(mode));
}
