/** Defaults of replication controllers: selector and labels come from the template. */
import type { ReplicationController } from "../types.ts";
import { fill } from "../../../fill.ts";
import { defaultPodTemplate } from "../pod/defaults.ts";

export function defaultReplicationController(controller: ReplicationController): void {
  const { spec, metadata } = controller;
  if (spec === undefined) return;
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  }
  fill(spec, { replicas: 1 });
  defaultPodTemplate(spec.template);
}
