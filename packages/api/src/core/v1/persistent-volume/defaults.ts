/** Defaults of persistent volumes. */
import type { PersistentVolume } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { roundResources } from "../resource-list.ts";

export function defaultPersistentVolume(volume: PersistentVolume): void {
  volume.status ??= {};
  fillText(volume.status, { phase: "Pending" });
  if (volume.spec === undefined) return;
  fillText(volume.spec, { persistentVolumeReclaimPolicy: "Retain" });
  fill(volume.spec, { volumeMode: "Filesystem" });
  roundResources(volume.spec, ["capacity"]);
  if (volume.spec.hostPath !== undefined) fill(volume.spec.hostPath, { type: "" });
}
