/** Defaults of persistent volume claims, alone and as templates of a StatefulSet. */
import type { PersistentVolumeClaim } from "../types.ts";
import { fillText } from "../../../fill.ts";

export function defaultPersistentVolumeClaim(claim: PersistentVolumeClaim): void {
  claim.status ??= {};
  fillText(claim.status, { phase: "Pending" });
  if (claim.spec !== undefined) fillText(claim.spec, { volumeMode: "Filesystem" });
}
