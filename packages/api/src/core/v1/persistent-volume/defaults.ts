/** Defaults of persistent volumes. */
import type { PersistentVolume } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";

export function defaultPersistentVolume(volume: PersistentVolume): void {
  volume.status ??= {};
  fillText(volume.status, { phase: "Pending" });
  if (volume.spec === undefined) return;
  fillText(volume.spec, { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" });
  if (volume.spec.hostPath !== undefined) fill(volume.spec.hostPath, { type: "" });
}
