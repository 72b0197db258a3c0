/** Defaults of persistent volume claims, alone and as templates of a pod or StatefulSet. */
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { roundResources } from "../resource-list.ts";

export function defaultPersistentVolumeClaim(claim: PersistentVolumeClaim): void {
  claim.status ??= {};
  fillText(claim.status, { phase: "Pending" });
  roundResources(claim.status, ["capacity", "allocatedResources"]);
  if (claim.spec !== undefined) defaultClaimSpec(claim.spec);
}

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): void {
  fill(spec, { volumeMode: "Filesystem" });
  roundResources(spec.resources, ["limits", "requests"]);
}
