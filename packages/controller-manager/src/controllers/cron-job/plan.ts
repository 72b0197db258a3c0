// Decides whether a CronJob is due, what stands in the way, and which of its old Jobs go. The Job's name holds its time, so that
// one time is never run twice, whoever looks and how often.
import type { CronJob, CronJobStatus, Job } from "@coxswain/api/batch/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import type { Plan } from "@coxswain/controller";
import { createdMs } from "../../pods/state.ts";
import type { Schedule } from "./schedule.ts";

export type ReadonlyCronJob = DeepReadonly<CronJob>;
type ReadonlyJob = DeepReadonly<Job>;

export interface CronJobView {
  readonly cronJob: ReadonlyCronJob;
  readonly jobs: readonly ReadonlyJob[];
  readonly schedule: Schedule;
  readonly nowMs: number;
}

export type CronJobAction =
  | { readonly kind: "create"; readonly name: string; readonly scheduledMs: number }
  | { readonly kind: "delete"; readonly job: ReadonlyJob; readonly why: "history" | "replace" }
  | {
      readonly kind: "tell";
      readonly type: "Normal" | "Warning";
      readonly reason: string;
      readonly message: string;
      /** The time it is about: one time is told of once. */
      readonly about: number;
    };

export interface CronJobPlan extends Plan<CronJobAction> {
  readonly status: CronJobStatus;
  readonly wakeAfterMs: number | undefined;
}

const manyMissed = 100;
/** The wall clock may jump; a timer does not. No CronJob sleeps longer than this. */
const longestSleepMs = 60_000;

export function planCronJob(view: CronJobView): CronJobPlan {
  const { cronJob, jobs, schedule, nowMs } = view;
  const active = jobs.filter((job) => endOf(job) === undefined && job.metadata.deletionTimestamp === undefined);
  const before = cronJob.status ?? {};
  const successes = jobs
    .filter((job) => endOf(job) === "Complete")
    .map((job) => parseRfc3339(job.status?.completionTime ?? "") ?? 0);
  const lastSuccess = Math.max(parseRfc3339(before.lastSuccessfulTime ?? "") ?? 0, ...successes);
  const status: CronJobStatus = {
    ...(active.length > 0 ? { active: active.map(referenceTo) } : {}),
    ...(before.lastScheduleTime === undefined ? {} : { lastScheduleTime: before.lastScheduleTime }),
    ...(lastSuccess > 0 ? { lastSuccessfulTime: rfc3339(lastSuccess) } : {}),
  };
  const old: readonly CronJobAction[] = [
    ...news(view),
    ...surplus(view).map((job) => ({ kind: "delete" as const, job, why: "history" as const })),
  ];
  const next = schedule.nextAfter(nowMs);
  const wakeAfterMs =
    next === undefined || cronJob.spec?.suspend ? undefined : Math.min(next - nowMs + 100, longestSleepMs);
  const tell = (type: "Normal" | "Warning", reason: string, message: string, about: number) =>
    ({ kind: "tell", type, reason, message, about }) as const;
  const still = (because: string): CronJobPlan => ({ actions: old, because, status, wakeAfterMs });
  if (cronJob.metadata.deletionTimestamp !== undefined) return { ...still("it is being deleted"), actions: [] };
  if (cronJob.spec?.suspend) return still("it is suspended");

  const deadline = cronJob.spec?.startingDeadlineSeconds;
  const since = parseRfc3339(before.lastScheduleTime ?? "") ?? createdMs(cronJob);
  const from = deadline === undefined ? since : Math.max(since, nowMs - deadline * 1000 - 1);
  const due = schedule.lastBetween(from, nowMs);
  if (due === undefined) {
    const missed = deadline === undefined ? undefined : schedule.lastBetween(since, nowMs);
    if (missed === undefined) return still("it is not due");
    const message = `Missed scheduled time to start a job: ${rfc1123(missed)}`;
    const late = tell("Warning", "MissSchedule", message, missed);
    return { ...still("its start was missed by more than the deadline"), actions: [...old, late] };
  }
  const name = `${cronJob.metadata.name}-${Math.floor(due / 60_000)}`;
  if (jobs.some((job) => job.metadata.name === name)) {
    return { ...still("its last time has its job"), status: { ...status, lastScheduleTime: rfc3339(due) } };
  }
  const actions: CronJobAction[] = [...old];
  if (schedule.countBetween(from, due, manyMissed) >= manyMissed) {
    const message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
    actions.push(tell("Warning", "TooManyMissedTimes", message, due));
  }
  if (active.length > 0 && cronJob.spec?.concurrencyPolicy === "Forbid") {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    return {
      ...still("the job before still runs, and only one may"),
      actions: [...actions, tell("Normal", "JobAlreadyActive", message, due)],
    };
  }
  if (cronJob.spec?.concurrencyPolicy === "Replace")
    for (const job of active) actions.push({ kind: "delete", job, why: "replace" });
  actions.push({ kind: "create", name, scheduledMs: due });
  return { actions, because: `it was due at ${rfc3339(due)}`, status, wakeAfterMs };
}

/** "Complete", "Failed", or undefined for a Job that has not ended. */
export const endOf = (job: ReadonlyJob): string | undefined =>
  job.status?.conditions?.find((one) => (one.type === "Complete" || one.type === "Failed") && one.status === "True")
    ?.type;

/** What has become of the Jobs that ran when the status was written. */
function news({ cronJob, jobs, nowMs }: CronJobView): readonly CronJobAction[] {
  const byUid = new Map(jobs.map((job) => [job.metadata.uid, job]));
  return (cronJob.status?.active ?? []).flatMap(({ uid, name = "" }): readonly CronJobAction[] => {
    const job = byUid.get(uid);
    const end = job && endOf(job);
    const told = { kind: "tell", type: "Normal", about: nowMs } as const;
    if (job === undefined) return [{ ...told, reason: "MissingJob", message: `Active job went missing: ${name}` }];
    if (end === undefined) return [];
    return [{ ...told, reason: "SawCompletedJob", message: `Saw completed job: ${name}, condition: ${end}` }];
  });
}

/** "Thu, 01 Jan 2026 00:05:00 +0000", as Go writes times for people. */
const rfc1123 = (ms: number): string => new Date(ms).toUTCString().replace("GMT", "+0000");

function surplus({ cronJob, jobs }: CronJobView): readonly ReadonlyJob[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cronJob.spec ?? {};
  const beyond = (end: string, limit: number): readonly ReadonlyJob[] => {
    const ended = jobs.filter((job) => endOf(job) === end && job.metadata.deletionTimestamp === undefined);
    return ended.toSorted((a, b) => createdMs(a) - createdMs(b)).slice(0, Math.max(0, ended.length - limit));
  };
  return [...beyond("Complete", successfulJobsHistoryLimit), ...beyond("Failed", failedJobsHistoryLimit)];
}

const referenceTo = ({ metadata }: ReadonlyJob) => ({
  apiVersion: "batch/v1",
  kind: "Job",
  name: metadata.name,
  namespace: metadata.namespace,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
});
