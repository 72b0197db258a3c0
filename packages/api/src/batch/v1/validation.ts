/** Validation of jobs and cron jobs. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { validatePodTemplate } from "../../core/v1/pod/validation.ts";
import { unchanged } from "../../validation/metadata.ts";
import { notNegative, oneOf } from "../../validation/values.ts";
import type { CronJob, Job, JobSpec } from "./types.ts";

export function validateJob(job: DeepReadonly<Job>): FieldError[] {
  return job.spec === undefined ? [fieldErrors.required("spec")] : validateJobSpec(job.spec, "spec");
}

export function validateJobUpdate(next: DeepReadonly<Job>, old: DeepReadonly<Job>): FieldError[] {
  const [spec, before] = [next.spec, old.spec];
  const startsLater = before?.suspend === true && old.status?.startTime === undefined;
  return [
    ...(before?.completionMode === "Indexed"
      ? []
      : unchanged(spec?.completions, before?.completions, "spec.completions")),
    ...unchanged(spec?.selector, before?.selector, "spec.selector"),
    ...(startsLater ? [] : unchanged(spec?.template, before?.template, "spec.template")),
    ...unchanged(spec?.completionMode, before?.completionMode, "spec.completionMode"),
    ...unchanged(spec?.podFailurePolicy, before?.podFailurePolicy, "spec.podFailurePolicy"),
    ...unchanged(spec?.backoffLimitPerIndex, before?.backoffLimitPerIndex, "spec.backoffLimitPerIndex"),
  ];
}

export function validateCronJob(cronJob: DeepReadonly<CronJob>): FieldError[] {
  const { spec, metadata } = cronJob;
  if (spec === undefined) return [fieldErrors.required("spec.schedule")];
  const errors: FieldError[] = [];
  const schedule = spec.schedule.trim();
  if (schedule === "") errors.push(fieldErrors.required("spec.schedule"));
  else if (/TZ/.test(schedule))
    errors.push(
      fieldErrors.invalid(
        "spec.schedule",
        spec.schedule,
        "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
      ),
    );
  else if (!schedule.startsWith("@")) {
    const fields = schedule.split(/\s+/);
    if (fields.length !== 5)
      errors.push(
        fieldErrors.invalid(
          "spec.schedule",
          spec.schedule,
          `expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`,
        ),
      );
  }
  errors.push(...notNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"));
  errors.push(...oneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], "spec.concurrencyPolicy"));
  errors.push(...notNegative(spec.successfulJobsHistoryLimit, "spec.successfulJobsHistoryLimit"));
  errors.push(...notNegative(spec.failedJobsHistoryLimit, "spec.failedJobsHistoryLimit"));
  if (spec.jobTemplate.spec !== undefined)
    errors.push(...validateJobSpec(spec.jobTemplate.spec, "spec.jobTemplate.spec"));
  if (metadata.name.length > 52)
    errors.push(fieldErrors.invalid("metadata.name", metadata.name, "must be no more than 52 characters"));
  return errors;
}

function validateJobSpec(spec: DeepReadonly<JobSpec>, path: string): FieldError[] {
  const errors = (
    ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"] as const
  ).flatMap((name) => notNegative(spec[name], `${path}.${name}`));
  if (spec.completionMode === "Indexed" && spec.completions === undefined) {
    errors.push(fieldErrors.required(`${path}.completions`, "when completion mode is Indexed"));
  }
  errors.push(...validatePodTemplate(spec.template, `${path}.template`));
  const policy = spec.template.spec?.restartPolicy;
  if (policy !== "OnFailure" && policy !== "Never") {
    errors.push(
      policy === undefined || policy === "Always"
        ? fieldErrors.required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')
        : fieldErrors.notSupported(`${path}.template.spec.restartPolicy`, policy, ["OnFailure", "Never"]),
    );
  }
  return errors;
}
