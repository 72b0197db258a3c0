/** Defaults of volumes: modes of projected files, an emptyDir where nothing else is named. */
import type { DownwardAPIVolumeFile, Volume } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultClaimSpec } from "../persistent-volume-claim/defaults.ts";
import { pullPolicyOf } from "./pull-policy.ts";

const fileMode = 0o644;

export function defaultVolumes(volumes: readonly Volume[] | undefined): void {
  for (const volume of volumes ?? []) {
    if (Object.keys(volume).every((key) => key === "name")) volume.emptyDir = {};
    if (volume.hostPath !== undefined) fill(volume.hostPath, { type: "" });
    if (volume.secret !== undefined) fill(volume.secret, { defaultMode: fileMode });
    if (volume.configMap !== undefined) fill(volume.configMap, { defaultMode: fileMode });
    if (volume.downwardAPI !== undefined) {
      fill(volume.downwardAPI, { defaultMode: fileMode });
      defaultItems(volume.downwardAPI.items);
    }
    if (volume.projected !== undefined) {
      fill(volume.projected, { defaultMode: fileMode });
      for (const source of volume.projected.sources ?? []) {
        defaultItems(source.downwardAPI?.items);
        if (source.serviceAccountToken !== undefined) fill(source.serviceAccountToken, { expirationSeconds: 3600 });
      }
    }
    if (volume.ephemeral?.volumeClaimTemplate !== undefined)
      defaultClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
    if (volume.image !== undefined) fillText(volume.image, { pullPolicy: pullPolicyOf(volume.image.reference ?? "") });
  }
}

function defaultItems(items: readonly DownwardAPIVolumeFile[] | undefined): void {
  for (const item of items ?? []) if (item.fieldRef !== undefined) fillText(item.fieldRef, { apiVersion: "v1" });
}
