/** Defaults of stateful sets. */
import type { StatefulSet } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultPersistentVolumeClaim } from "../../../core/v1/persistent-volume-claim/defaults.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

export function defaultStatefulSet(set: StatefulSet): void {
  const { spec } = set;
  if (spec === undefined) return;
  fillText(spec, { podManagementPolicy: "OrderedReady" });
  fill(spec, { updateStrategy: {}, replicas: 1, revisionHistoryLimit: 10, persistentVolumeClaimRetentionPolicy: {} });
  const strategy = spec.updateStrategy ?? {};
  if (strategy.type === undefined) {
    strategy.type = "RollingUpdate";
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === "RollingUpdate" && strategy.rollingUpdate !== undefined)
    fill(strategy.rollingUpdate, { partition: 0 });
  if (spec.persistentVolumeClaimRetentionPolicy !== undefined) {
    fillText(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: "Retain", whenScaled: "Retain" });
  }
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = "v1";
    claim.kind = "PersistentVolumeClaim";
    defaultPersistentVolumeClaim(claim);
  }
  defaultPodTemplate(spec.template);
}
