/** Defaults of replica sets. */
import type { ReplicaSet } from "../types.ts";
import { fill } from "../../../fill.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

export function defaultReplicaSet(set: ReplicaSet): void {
  if (set.spec === undefined) return;
  fill(set.spec, { replicas: 1 });
  defaultPodTemplate(set.spec.template);
}
