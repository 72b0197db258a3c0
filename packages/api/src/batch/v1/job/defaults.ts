/** Defaults of jobs. Selector and labels with the job's uid are set by the apiserver when it creates one. */
import type { Job } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

const mostRetries = 2 ** 31 - 1;

export function defaultJob(job: Job): void {
  const { spec, metadata } = job;
  if (spec === undefined) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  fill(spec, {
    parallelism: 1,
    backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : mostRetries,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed",
  });
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) fillText(pattern, { status: "True" });
  }
  const labels = spec.template.metadata?.labels;
  if (labels !== undefined && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  defaultPodTemplate(spec.template);
}
