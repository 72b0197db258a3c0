/** Tables of jobs and cron jobs. */
import { age, type DeepReadonly, humanDuration } from "@coxswain/apimachinery";
import { ageOf, containersAndImages, none, printer, selectorText, type TablePrinter } from "../../table.ts";
import type { CronJob, Job } from "./types.ts";

export const jobTable: TablePrinter<Job> = printer(
  ["Status", "Completions", "Duration", "Age", "Containers+", "Images+", "Selector+"],
  (job, now) => [
    jobState(job),
    completions(job),
    duration(job, now),
    ageOf(job, now),
    ...containersAndImages(job.spec?.template.spec),
    selectorText(job.spec?.selector),
  ],
);

export const cronJobTable: TablePrinter<CronJob> = printer(
  ["Schedule", "Timezone", "Suspend?", "Active#", "Last Schedule", "Age", "Containers+", "Images+", "Selector+"],
  (cronJob, now) => [
    cronJob.spec?.schedule ?? "",
    cronJob.spec?.timeZone ?? none,
    cronJob.spec?.suspend === undefined ? "<unset>" : cronJob.spec.suspend ? "True" : "False",
    cronJob.status?.active?.length ?? 0,
    cronJob.status?.lastScheduleTime === undefined ? none : age(cronJob.status.lastScheduleTime, now),
    ageOf(cronJob, now),
    ...containersAndImages(cronJob.spec?.jobTemplate.spec?.template.spec),
    selectorText(cronJob.spec?.jobTemplate.spec?.selector),
  ],
);

function jobState(job: DeepReadonly<Job>): string {
  const has = (type: string): boolean =>
    job.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  if (has("Suspended")) return "Suspended";
  if (has("FailureTarget")) return "FailureTarget";
  return has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
}

function completions(job: DeepReadonly<Job>): string {
  const succeeded = job.status?.succeeded ?? 0;
  if (job.spec?.completions !== undefined) return `${succeeded}/${job.spec.completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration(job: DeepReadonly<Job>, now: number): string {
  const { startTime, completionTime } = job.status ?? {};
  if (startTime === undefined) return "";
  return humanDuration((completionTime === undefined ? now : Date.parse(completionTime)) - Date.parse(startTime));
}
