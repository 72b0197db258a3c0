// A Job and its pods as its plan sees them, and what is asked of them everywhere.
import type { Job } from "@coxswain/api/batch/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { isFinished } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export type ReadonlyJob = DeepReadonly<Job>;
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
export const indexAnnotation = "batch.kubernetes.io/job-completion-index";

export interface JobView {
  readonly job: ReadonlyJob;
  readonly pods: readonly ReadonlyPod[];
  readonly nowMs: number;
}

export const isIndexed = (job: ReadonlyJob): boolean => job.spec?.completionMode === "Indexed";
export const isOver = (job: ReadonlyJob): boolean =>
  job.status?.conditions?.some(
    (condition) => (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True",
  ) ?? false;
export const hasFinalizer = (pod: ReadonlyPod): boolean =>
  pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
export const indexOf = (pod: ReadonlyPod): number | undefined => {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
};

/** Whether a pod on its way out is replaced only when it has ended. */
export const waitsForEnd = (job: ReadonlyJob): boolean =>
  job.spec?.podReplacementPolicy === "Failed" || job.spec?.podFailurePolicy !== undefined;

/** A pod on its way out has failed as well, unless the Job waits for its end; one that never had a node has no end to wait for. */
export function hasFailed(job: ReadonlyJob, pod: ReadonlyPod): boolean {
  if (pod.status?.phase === "Failed") return true;
  if (pod.metadata.deletionTimestamp === undefined || isFinished(pod)) return false;
  return !waitsForEnd(job) || pod.spec?.nodeName === undefined;
}
