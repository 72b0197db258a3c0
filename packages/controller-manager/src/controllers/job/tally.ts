// Counts a Job's pods. Every pod counts exactly once: an ended pod keeps a finalizer until its UID stands in the status as uncounted; only
// then the finalizer goes, and only when it is gone the UID becomes a number (KEP-2307).
import type { JobStatus } from "@coxswain/api/batch/v1";
import { rfc3339 } from "@coxswain/clock";
import { endedMs, isActive, isFinished, isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { judgeFailure } from "./failure-policy.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";
import { tallyIndexes } from "./per-index.ts";
import type { IndexTally } from "./per-index.ts";
import { hasFailed, hasFinalizer, indexOf, isIndexed } from "./view.ts";
import type { JobView } from "./view.ts";

export interface Tally {
  readonly status: JobStatus;
  readonly succeeded: number;
  readonly failed: number;
  readonly completed: ReadonlySet<number>;
  readonly counted: readonly ReadonlyPod[];
  readonly jobFailure: string | undefined;
  readonly lastFailureMs: number | undefined;
  /** Failures since the last success, by which the pause before the next try grows. */
  readonly failuresInRow: number;
  readonly indexes: IndexTally | undefined;
}

/** Moves ended pods one step on: ended → uncounted → (finalizer goes) → counted. */
export function count(view: JobView): Tally {
  const { job, pods, nowMs } = view;
  const before = job.status ?? {};
  const indexes = tallyIndexes(view);
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid ?? "", pod]));
  const inRange = (index: number): boolean => index < (job.spec?.completions ?? 0);
  const completed = new Set([...parseIndexes(before.completedIndexes)].filter(inRange));
  const waiting = { succeeded: new Set<string>(), failed: new Set<string>() };
  const counted = { succeeded: before.succeeded ?? 0, failed: before.failed ?? 0 };
  for (const outcome of ["succeeded", "failed"] as const) {
    for (const uid of before.uncountedTerminatedPods?.[outcome] ?? []) {
      const pod = byUid.get(uid);
      if (pod !== undefined && hasFinalizer(pod)) waiting[outcome].add(uid);
      else counted[outcome]++;
    }
  }
  let jobFailure: string | undefined;
  let lastFailureMs: number | undefined;
  const released: ReadonlyPod[] = [];
  for (const pod of pods) {
    const uid = pod.metadata.uid ?? "";
    if (hasFailed(job, pod) || waiting.failed.has(uid)) {
      const verdict = judgeFailure(job, pod);
      if (verdict.kind === "fail-job") jobFailure ??= verdict.message;
      if (verdict.kind !== "ignore") lastFailureMs = Math.max(lastFailureMs ?? 0, endedMs(pod));
      if (!hasFinalizer(pod)) continue;
      if (verdict.kind !== "ignore") waiting.failed.add(uid);
      if (!indexes?.held.has(pod)) released.push(pod);
    } else if (pod.status?.phase === "Succeeded" && hasFinalizer(pod)) {
      const index = indexOf(pod);
      if (isIndexed(job)) {
        if (index !== undefined && inRange(index)) completed.add(index);
      } else waiting.succeeded.add(uid);
      released.push(pod);
    }
  }
  const succeeded = isIndexed(job) ? completed.size : counted.succeeded;
  const status: JobStatus = {
    ...(before as JobStatus),
    startTime: before.startTime ?? (job.spec?.suspend ? undefined : rfc3339(nowMs)),
    active: pods.filter(isActive).length,
    ready: pods.filter((pod) => isActive(pod) && isReady(pod)).length,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isFinished(pod)).length,
    succeeded,
    failed: counted.failed,
    uncountedTerminatedPods: {
      ...(waiting.succeeded.size > 0 ? { succeeded: [...waiting.succeeded] } : {}),
      ...(waiting.failed.size > 0 ? { failed: [...waiting.failed] } : {}),
    },
    ...(isIndexed(job) ? { completedIndexes: formatIndexes(completed) } : {}),
    ...(indexes === undefined ? {} : { failedIndexes: formatIndexes(indexes.failed) }),
  };
  const failures = counted.failed + waiting.failed.size;
  return {
    status,
    succeeded: isIndexed(job) ? completed.size : counted.succeeded + waiting.succeeded.size,
    failed: failures,
    completed,
    counted: released,
    jobFailure,
    lastFailureMs,
    failuresInRow: failuresInRow(view, failures),
    indexes,
  };
}

/** All there were, unless a pod that is still there has succeeded since. */
function failuresInRow({ job, pods }: JobView, failures: number): number {
  const successes = pods.filter((pod) => pod.status?.phase === "Succeeded").map(endedMs);
  if (successes.length === 0) return failures;
  const lastSuccessMs = Math.max(...successes);
  return Math.min(failures, pods.filter((pod) => hasFailed(job, pod) && endedMs(pod) > lastSuccessMs).length);
}
