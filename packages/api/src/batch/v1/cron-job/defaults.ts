/** Defaults of cron jobs. The template of their jobs stays as written, apart from its pods. */
import type { CronJob } from "../types.ts";
import { fill, fillText } from "../../../fill.ts";
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts";

export function defaultCronJob(cronJob: CronJob): void {
  const { spec } = cronJob;
  if (spec === undefined) return;
  fillText(spec, { concurrencyPolicy: "Allow" });
  fill(spec, { suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
  defaultPodTemplate(spec.jobTemplate.spec?.template);
}
