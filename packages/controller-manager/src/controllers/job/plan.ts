// Decides what a Job needs next. The status is written before the actions it speaks of are carried out, so that being killed between any
// two writes loses and doubles nothing; the counting is in tally.ts.
import type { JobCondition, JobStatus } from "@coxswain/api/batch/v1";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import type { Plan } from "@coxswain/controller";
import { createdMs, isActive, isFinished, isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { parseIndexes } from "./indexes.ts";
import type { IndexFailures } from "./per-index.ts";
import { count } from "./tally.ts";
import type { Tally } from "./tally.ts";
import { hasFinalizer, indexOf, isIndexed, isOver, waitsForEnd } from "./view.ts";
import type { JobView, ReadonlyJob } from "./view.ts";

export type JobAction =
  | {
      readonly kind: "create";
      readonly index: number | undefined;
      /** What the pod carries on, where failures are counted by index. */
      readonly failures: IndexFailures | undefined;
    }
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

export function planJob(view: JobView): JobPlan {
  const { job, pods } = view;
  if (isOver(job) || job.metadata.deletionTimestamp !== undefined) {
    const actions = pods.filter(hasFinalizer).map((pod) => ({ kind: "remove-finalizer" as const, pod }));
    return { actions, because: "it is over", status: { ...(job.status as JobStatus) }, wakeAfterMs: undefined };
  }
  const tally = count(view);
  return decide(view, tally);
}

function decide(view: JobView, tally: Tally): JobPlan {
  const { job, pods, nowMs } = view;
  const living = pods.filter(isActive);
  const ending = verdictOn(view, tally);
  const held = ending === undefined ? [] : [...(tally.indexes?.held ?? [])].filter(hasFinalizer);
  const releases = [...tally.counted, ...held]
    .slice(0, mostAtOnce)
    .map((pod) => ({ kind: "remove-finalizer" as const, pod }));
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
  const backoff = tally.indexes === undefined ? backoffMs(tally, nowMs) : soonestIndexMs(view, tally, living);
  const paused = tally.indexes === undefined && backoff > 0 && living.length < wantedActive(view, tally);
  const changes = paused ? [] : manage(view, tally, living);
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
  if (tally.failed > (job.spec?.backoffLimit ?? 6) || restartsBeyondLimit(view))
    return fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  const deadline = deadlineInMs(view);
  if (deadline !== undefined && deadline <= 0)
    return fail("DeadlineExceeded", "Job was active longer than specified deadline");
  const failedIndexes = tally.indexes?.failed.size ?? 0;
  if (failedIndexes > (job.spec?.maxFailedIndexes ?? Number.POSITIVE_INFINITY)) {
    const message = "Job has exceeded the specified maximal number of failed indexes";
    return fail("MaxFailedIndexesExceeded", message);
  }
  if (failedIndexes > 0 && failedIndexes + tally.completed.size >= (job.spec?.completions ?? 0))
    return fail("FailedIndexes", "Job has failed indexes");
  const success = (reason: string, message: string): Ending =>
    ending("SuccessCriteriaMet", "Complete", reason, message);
  for (const [index, rule] of (isIndexed(job) ? (job.spec?.successPolicy?.rules ?? []) : []).entries()) {
    const wanted = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes);
    const met =
      wanted === undefined ? tally.completed.size : [...wanted].filter((one) => tally.completed.has(one)).length;
    if (met >= (rule.succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY))
      return success("SuccessPolicy", `Matched rules at index ${index}`);
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
  const failed = tally.indexes?.failed.size ?? 0;
  return Math.min(parallelism, Math.max(0, completions - tally.succeeded - failed));
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
  const waits = waitsForEnd(job)
    ? pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isFinished(pod)).length
    : 0;
  const missing = Math.min(mostAtOnce, wanted - kept.length - waits);
  if (missing <= 0) return deletions;
  const creation = { kind: "create", failures: undefined } as const;
  if (!isIndexed(job))
    return [...deletions, ...Array.from({ length: missing }, () => ({ ...creation, index: undefined }))];
  const leaving = waitsForEnd(job) ? pods.filter((pod) => !isActive(pod) && !isFinished(pod)) : [];
  const failed = tally.indexes?.failed ?? [];
  const busy = new Set([...kept.map(indexOf), ...leaving.map(indexOf), ...tally.completed, ...failed]);
  const free: JobAction[] = [];
  for (let index = 0; index < (job.spec?.completions ?? 0) && free.length < missing; index++) {
    const failures = tally.indexes?.failures.get(index);
    if (busy.has(index) || pauseMs(failures, view.nowMs) > 0) continue;
    free.push({ ...creation, index, failures: tally.indexes === undefined ? undefined : (failures ?? unfailed) });
  }
  return [...deletions, ...free];
}

const unfailed: IndexFailures = { counted: 0, ignored: 0, lastMs: 0 };

/** Until an index may be tried again. */
const pauseMs = (failures: IndexFailures | undefined, nowMs: number): number =>
  failures === undefined ? 0 : pauseAfter(failures.counted + failures.ignored, failures.lastMs, nowMs);

/** Until the first index that waits for its next try may have it; 0 when none waits. */
function soonestIndexMs({ nowMs }: JobView, tally: Tally, living: readonly ReadonlyPod[]): number {
  const running = new Set(living.map(indexOf));
  const waiting = [...(tally.indexes?.failures ?? [])]
    .filter(([index]) => !running.has(index) && !tally.completed.has(index))
    .map(([, failures]) => pauseMs(failures, nowMs))
    .filter((ms) => ms > 0);
  return waiting.length > 0 ? Math.min(...waiting) : 0;
}

/** Containers that are started again in their pods are tries as well. */
function restartsBeyondLimit({ job, pods }: JobView): boolean {
  if (job.spec?.template.spec?.restartPolicy !== "OnFailure") return false;
  const limit = job.spec.backoffLimit ?? 6;
  const containers = pods
    .filter((pod) => isActive(pod))
    .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]);
  const restarts = containers.reduce((total, { restartCount }) => total + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
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

const backoffMs = (tally: Tally, nowMs: number): number =>
  tally.lastFailureMs === undefined ? 0 : pauseAfter(tally.failuresInRow, tally.lastFailureMs, nowMs);

function pauseAfter(failures: number, lastMs: number, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, lastMs + Math.min(firstBackoffMs * 2 ** (failures - 1), longestBackoffMs) - nowMs);
}

function deadlineInMs({ job, nowMs }: JobView): number | undefined {
  const start = parseRfc3339(job.status?.startTime ?? "");
  const seconds = job.spec?.activeDeadlineSeconds;
  return start === undefined || seconds === undefined || job.spec?.suspend ? undefined : start + seconds * 1000 - nowMs;
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
