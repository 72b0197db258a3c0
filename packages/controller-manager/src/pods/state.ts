// What controllers ask about a pod. Pure.
import type { Pod } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339 } from "@coxswain/clock";

export type ReadonlyPod = DeepReadonly<Pod>;

/** Neither ended nor on its way out. */
export const isActive = (pod: ReadonlyPod): boolean => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
export const isFinished = (pod: ReadonlyPod): boolean =>
  pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
export const isTerminating = (pod: ReadonlyPod): boolean =>
  pod.metadata.deletionTimestamp !== undefined && !isFinished(pod);

export function condition(
  pod: ReadonlyPod,
  type: string,
):
  | { readonly status: string; readonly lastTransitionTime?: string | undefined; readonly reason?: string | undefined }
  | undefined {
  return pod.status?.conditions?.find((candidate) => candidate.type === type);
}

export const isReady = (pod: ReadonlyPod): boolean => condition(pod, "Ready")?.status === "True";

/** Milliseconds until a ready pod counts as available; 0 when it does; undefined when it is not ready. */
export function availableInMs(pod: ReadonlyPod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = parseRfc3339(condition(pod, "Ready")?.lastTransitionTime ?? "");
  if (since === undefined) return undefined;
  return Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

export const isAvailable = (pod: ReadonlyPod, minReadySeconds: number, nowMs: number): boolean =>
  availableInMs(pod, minReadySeconds, nowMs) === 0;

export const restarts = (pod: ReadonlyPod): number =>
  Math.max(0, ...(pod.status?.containerStatuses ?? []).map((container) => container.restartCount ?? 0));

export const createdMs = (object: {
  readonly metadata: { readonly creationTimestamp?: string | null | undefined };
}): number => parseRfc3339(object.metadata.creationTimestamp ?? "") ?? 0;

/** When an ended pod ended, as far as is known. */
export function endedMs(pod: ReadonlyPod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(
    (status) => parseRfc3339(status.state?.terminated?.finishedAt ?? "") ?? 0,
  );
  return Math.max(createdMs(pod), ...ends, parseRfc3339(pod.metadata.deletionTimestamp ?? "") ?? 0);
}
