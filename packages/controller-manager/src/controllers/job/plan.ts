// Decides what a Job needs next. Every pod counts exactly once: an ended pod keeps a finalizer until its UID stands in the
// status as uncounted; only then the finalizer goes, and only when it is gone the UID becomes a number. Being killed between any
// two of these writes loses and doubles nothing (KEP-2307).
import type { Job, JobCondition, JobStatus } from "@coxswain/api/batch/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import type { Plan } from "@coxswain/controller";
import { createdMs, isActive, isFinished, isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { judgeFailure } from "./failure-policy.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";

export type ReadonlyJob = DeepReadonly<Job>;
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
export const indexAnnotation = "batch.kubernetes.io/job-completion-index";

export interface JobView {
  readonly job: ReadonlyJob;
  readonly pods: readonly ReadonlyPod[];
  readonly nowMs: number;
}

export type JobAction =
  | { readonly kind: "create"; readonly index: number | undefined }
  | { readonly kind: "delete"; readonly pod: ReadonlyPod }
  | { readonly kind: "remove-finalizer"; readonly pod: ReadonlyPod };

export interface JobPlan extends Plan<JobAction> {
  /** To be written before the actions are done. */
  readonly status: JobStatus;
  readonly wakeAfterMs: number | undefined;
}

const firstBackoffMs = 10_000;
const longestBackoffMs = 600_000;
const mostAtOnce = 500;

export const isIndexed = (job: ReadonlyJob): boolean => job.spec?.completionMode === "Indexed";
export const isOver = (job: ReadonlyJob): boolean =>
  job.status?.conditions?.some(
    (condition) => (condition.type === "Complete" || condition.type === "Failed") && condition.status === "True",
  ) ?? false;
const hasFinalizer = (pod: ReadonlyPod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
export const indexOf = (pod: ReadonlyPod): number | undefined => {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
};

export function planJob(view: JobView): JobPlan {
  const { job, pods } = view;
  if (isOver(job) || job.metadata.deletionTimestamp !== undefined) {
    const actions = pods.filter(hasFinalizer).map((pod) => ({ kind: "remove-finalizer" as const, pod }));
    return { actions, because: "it is over", status: { ...(job.status as JobStatus) }, wakeAfterMs: undefined };
  }
  const tally = count(view);
  return decide(view, tally);
}

interface Tally {
  readonly status: JobStatus;
  readonly succeeded: number;
  readonly failed: number;
  readonly completed: ReadonlySet<number>;
  readonly counted: readonly ReadonlyPod[];
  readonly jobFailure: string | undefined;
  readonly lastFailureMs: number | undefined;
}

/** Moves ended pods one step on: ended → uncounted → (finalizer goes) → counted. */
function count({ job, pods, nowMs }: JobView): Tally {
  const before = job.status ?? {};
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid ?? "", pod]));
  const completed = new Set(parseIndexes(before.completedIndexes));
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
    const failed =
      pod.status?.phase === "Failed" ||
      (pod.metadata.deletionTimestamp !== undefined &&
        !isFinished(pod) &&
        hasFinalizer(pod) &&
        pod.spec?.nodeName === undefined);
    if (failed) {
      const verdict = judgeFailure(job, pod);
      if (verdict.kind === "fail-job") jobFailure ??= verdict.message;
      if (verdict.kind !== "ignore") lastFailureMs = Math.max(lastFailureMs ?? 0, endedMs(pod));
      if (!hasFinalizer(pod)) continue;
      if (verdict.kind !== "ignore" && !waiting.failed.has(uid)) waiting.failed.add(uid);
      released.push(pod);
    } else if (pod.status?.phase === "Succeeded" && hasFinalizer(pod)) {
      const index = indexOf(pod);
      if (isIndexed(job)) {
        if (index !== undefined) completed.add(index);
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
  };
  return {
    status,
    succeeded: isIndexed(job) ? completed.size : counted.succeeded + waiting.succeeded.size,
    failed: counted.failed + waiting.failed.size,
    completed,
    counted: released,
    jobFailure,
    lastFailureMs,
  };
}

function decide(view: JobView, tally: Tally): JobPlan {
  const { job, pods, nowMs } = view;
  const releases = tally.counted.slice(0, mostAtOnce).map((pod) => ({ kind: "remove-finalizer" as const, pod }));
  const living = pods.filter(isActive);
  const ending = verdictOn(view, tally);
  if (ending !== undefined) {
    const interim = withCondition(tally.status, ending.interim, nowMs);
    const settled =
      living.length === 0 && (tally.status.terminating ?? 0) === 0 && releases.length === 0 && noneWaits(tally.status);
    const deletions = living.map((pod) => ({ kind: "delete" as const, pod }));
    if (!settled)
      return { actions: [...releases, ...deletions], because: ending.because, status: interim, wakeAfterMs: undefined };
    const final = withCondition(interim, ending.final, nowMs);
    const status = ending.final.type === "Complete" ? { ...final, completionTime: rfc3339(nowMs) } : final;
    return { actions: [], because: ending.because, status, wakeAfterMs: undefined };
  }
  const deadline = deadlineInMs(view);
  if (job.spec?.suspend) {
    const suspended = withCondition(
      tally.status,
      { type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" },
      nowMs,
    );
    const deletions = living.map((pod) => ({ kind: "delete" as const, pod }));
    return {
      actions: [...releases, ...deletions],
      because: "it is suspended",
      status: { ...suspended, startTime: undefined },
      wakeAfterMs: undefined,
    };
  }
  const wasSuspended = job.status?.conditions?.some(
    (condition) => condition.type === "Suspended" && condition.status === "True",
  );
  const status = wasSuspended
    ? withCondition(
        { ...tally.status, startTime: rfc3339(nowMs) },
        { type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" },
        nowMs,
      )
    : tally.status;
  const backoff = backoffMs(tally, nowMs);
  const changes = backoff > 0 && living.length < wantedActive(view, tally) ? [] : manage(view, tally, living);
  const wakes = [deadline, backoff > 0 ? backoff : undefined].filter((one) => one !== undefined);
  const because =
    changes.length > 0
      ? `${wantedActive(view, tally)} pods should run, ${living.length} do`
      : "as many pods as asked for";
  return {
    actions: [...releases, ...changes],
    because,
    status,
    wakeAfterMs: wakes.length > 0 ? Math.min(...wakes) : undefined,
  };
}

interface Ending {
  readonly because: string;
  readonly interim: Wanted;
  readonly final: Wanted;
}
type Wanted = Pick<JobCondition, "type" | "status" | "reason" | "message">;

/** Whether the Job has succeeded or failed; once decided it stays so. */
function verdictOn(view: JobView, tally: Tally): Ending | undefined {
  const { job } = view;
  const decided = job.status?.conditions?.find(
    (one) => (one.type === "FailureTarget" || one.type === "SuccessCriteriaMet") && one.status === "True",
  );
  if (decided) {
    const type = decided.type === "FailureTarget" ? "Failed" : "Complete";
    return ending(decided.type, type, decided.reason ?? "", decided.message ?? "");
  }
  const fail = (reason: string, message: string): Ending => ending("FailureTarget", "Failed", reason, message);
  if (tally.jobFailure !== undefined) return fail("PodFailurePolicy", tally.jobFailure);
  if (tally.failed > (job.spec?.backoffLimit ?? 6))
    return fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  const deadline = deadlineInMs(view);
  if (deadline !== undefined && deadline <= 0)
    return fail("DeadlineExceeded", "Job was active longer than specified deadline");
  const success = (reason: string, message: string): Ending =>
    ending("SuccessCriteriaMet", "Complete", reason, message);
  for (const rule of isIndexed(job) ? (job.spec?.successPolicy?.rules ?? []) : []) {
    const wanted = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes);
    const met =
      wanted === undefined ? tally.completed.size : [...wanted].filter((index) => tally.completed.has(index)).length;
    if (met >= (rule.succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY))
      return success("SuccessPolicy", "Matched rules at index 0");
  }
  const completions = job.spec?.completions;
  const active = view.pods.some(isActive);
  if (completions === undefined ? tally.succeeded > 0 && !active : tally.succeeded >= completions) {
    return success("CompletionsReached", "Reached expected number of succeeded pods");
  }
  return undefined;
}

function ending(interim: string, final: string, reason: string, message: string): Ending {
  const condition = (type: string): Wanted => ({ type, status: "True", reason, message });
  return { because: message, interim: condition(interim), final: condition(final) };
}

function wantedActive({ job, pods }: JobView, tally: Tally): number {
  const parallelism = job.spec?.parallelism ?? 1;
  const completions = job.spec?.completions;
  // Without a number of completions the first success means that no more pods are begun.
  if (completions === undefined) return tally.succeeded > 0 ? pods.filter(isActive).length : parallelism;
  return Math.min(parallelism, Math.max(0, completions - tally.succeeded));
}

function manage(view: JobView, tally: Tally, living: readonly ReadonlyPod[]): readonly JobAction[] {
  const { job, pods } = view;
  const wanted = wantedActive(view, tally);
  const doubles = isIndexed(job) ? surplusIndexes(job, living, tally.completed) : [];
  const kept = living.filter((pod) => !doubles.includes(pod));
  const deletions = [...doubles, ...youngestFirst(kept).slice(0, Math.max(0, kept.length - wanted))].map((pod) => ({
    kind: "delete" as const,
    pod,
  }));
  const waits =
    job.spec?.podReplacementPolicy === "Failed" || job.spec?.podFailurePolicy
      ? pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isFinished(pod)).length
      : 0;
  const missing = Math.min(mostAtOnce, wanted - kept.length - waits);
  if (missing <= 0) return deletions;
  if (!isIndexed(job))
    return [...deletions, ...Array.from({ length: missing }, () => ({ kind: "create" as const, index: undefined }))];
  const busy = new Set([...kept.map(indexOf), ...tally.completed]);
  const free: JobAction[] = [];
  for (let index = 0; index < (job.spec?.completions ?? 0) && free.length < missing; index++) {
    if (!busy.has(index)) free.push({ kind: "create", index });
  }
  return [...deletions, ...free];
}

function surplusIndexes(
  job: ReadonlyJob,
  living: readonly ReadonlyPod[],
  completed: ReadonlySet<number>,
): readonly ReadonlyPod[] {
  const taken = new Set<number>();
  return living
    .toSorted((a, b) => createdMs(a) - createdMs(b))
    .filter((pod) => {
      const index = indexOf(pod);
      if (index === undefined || index >= (job.spec?.completions ?? 0) || completed.has(index) || taken.has(index))
        return true;
      taken.add(index);
      return false;
    });
}

const youngestFirst = (pods: readonly ReadonlyPod[]): readonly ReadonlyPod[] =>
  pods.toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)) || createdMs(b) - createdMs(a));

function backoffMs(tally: Tally, nowMs: number): number {
  if (tally.failed === 0 || tally.lastFailureMs === undefined) return 0;
  const wait = Math.min(firstBackoffMs * 2 ** (tally.failed - 1), longestBackoffMs);
  return Math.max(0, tally.lastFailureMs + wait - nowMs);
}

function deadlineInMs({ job, nowMs }: JobView): number | undefined {
  const start = parseRfc3339(job.status?.startTime ?? "");
  const seconds = job.spec?.activeDeadlineSeconds;
  return start === undefined || seconds === undefined || job.spec?.suspend ? undefined : start + seconds * 1000 - nowMs;
}

function endedMs(pod: ReadonlyPod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(
    (status) => parseRfc3339(status.state?.terminated?.finishedAt ?? "") ?? 0,
  );
  return Math.max(createdMs(pod), ...ends);
}

const noneWaits = (status: JobStatus): boolean =>
  (status.uncountedTerminatedPods?.succeeded ?? []).length === 0 &&
  (status.uncountedTerminatedPods?.failed ?? []).length === 0;

function withCondition(status: JobStatus, wanted: Wanted, nowMs: number): JobStatus {
  const present = status.conditions ?? [];
  if (present.some((one) => one.type === wanted.type && one.status === wanted.status)) return status;
  const now = rfc3339(nowMs);
  const others = present.filter((one) => one.type !== wanted.type);
  return { ...status, conditions: [...others, { ...wanted, lastProbeTime: now, lastTransitionTime: now }] };
}
