// Failures of each completion index, for Jobs that limit them one by one (KEP-3850). A pod carries how often its index had failed before
// it; the last failed pod of an index keeps its finalizer until a successor carries the number on, so that no restart forgets it.
import { endedMs, isActive } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { judgeFailure } from "./failure-policy.ts";
import { parseIndexes } from "./indexes.ts";
import { hasFailed, hasFinalizer, indexOf, isIndexed } from "./view.ts";
import type { JobView } from "./view.ts";

export const failureCountAnnotation = "batch.kubernetes.io/job-index-failure-count";
export const ignoredCountAnnotation = "batch.kubernetes.io/job-index-ignored-failure-count";

export interface IndexFailures {
  /** Failures that count, and those that the failure policy ignores. */
  readonly counted: number;
  readonly ignored: number;
  readonly lastMs: number;
}

export interface IndexTally {
  readonly failed: ReadonlySet<number>;
  /** By index, of those that may still succeed. */
  readonly failures: ReadonlyMap<number, IndexFailures>;
  /** Last failures that no successor carries on yet. */
  readonly held: ReadonlySet<ReadonlyPod>;
}

/** Undefined for a Job that counts its failures together. */
export function tallyIndexes({ job, pods }: JobView): IndexTally | undefined {
  const limit = job.spec?.backoffLimitPerIndex;
  if (limit === undefined || !isIndexed(job)) return undefined;
  const completions = job.spec?.completions ?? 0;
  const failed = new Set([...parseIndexes(job.status?.failedIndexes)].filter((index) => index < completions));
  const last = new Map<number, { readonly pod: ReadonlyPod; readonly failures: IndexFailures }>();
  for (const pod of pods) {
    const index = indexOf(pod);
    if (index === undefined || index >= completions || !hasFinalizer(pod) || !hasFailed(job, pod)) continue;
    const verdict = judgeFailure(job, pod).kind;
    const [counts, ignores] = [verdict !== "ignore" ? 1 : 0, verdict === "ignore" ? 1 : 0];
    const failures = {
      counted: numberIn(pod, failureCountAnnotation) + counts,
      ignored: numberIn(pod, ignoredCountAnnotation) + ignores,
      lastMs: endedMs(pod),
    };
    if (verdict === "fail-index" || failures.counted > limit) failed.add(index);
    const before = last.get(index);
    if (before === undefined || sumOf(before.failures) < sumOf(failures)) last.set(index, { pod, failures });
  }
  for (const index of failed) last.delete(index);
  const succeededBy = (index: number, failures: IndexFailures): boolean =>
    pods.some(
      (pod) =>
        indexOf(pod) === index &&
        (isActive(pod) || pod.status?.phase === "Succeeded") &&
        numberIn(pod, failureCountAnnotation) + numberIn(pod, ignoredCountAnnotation) >= sumOf(failures),
    );
  const held = [...last].filter(([index, { failures }]) => !succeededBy(index, failures)).map(([, { pod }]) => pod);
  return {
    failed,
    failures: new Map([...last].map(([index, { failures }]) => [index, failures])),
    held: new Set(held),
  };
}

const sumOf = ({ counted, ignored }: IndexFailures): number => counted + ignored;

function numberIn(pod: ReadonlyPod, annotation: string): number {
  const text = pod.metadata.annotations?.[annotation] ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
