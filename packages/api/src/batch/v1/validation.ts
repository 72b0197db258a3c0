/** Validation of jobs and cron jobs. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  labelSelectorMatcher,
} from "@coxswain/apimachinery";
import { validatePodTemplate } from "../../core/v1/pod/validation.ts";
import { labelsMatch } from "../../apps/v1/selector-validation.ts";
import { unchanged, validateLabelSelector } from "../../validation/metadata.ts";
import type { RuleTable } from "../../validation/rules.ts";
import { domainPrefixedPath, notNegative, oneOf } from "../../validation/values.ts";
import { validateFailurePolicy, validateSuccessPolicy } from "./failure-policy-validation.ts";
import { scheduleProblem } from "./schedule.ts";
import type { CronJob, Job, JobSpec } from "./types.ts";

const { invalid, required, notSupported, duplicate, tooLong } = fieldErrors;
type Spec = DeepReadonly<JobSpec>;
const emptySpec: Spec = { template: {} };

function validateJob(job: DeepReadonly<Job>, old?: DeepReadonly<Job>): FieldError[] {
  const spec = job.spec ?? emptySpec;
  const errors = [...validateGeneratedSelector(job, old), ...validateSpecAndSelector(spec)];
  const { completions = 0, completionMode } = spec;
  const last = `${job.metadata.name}-${completions - 1}`;
  if (completionMode === "Indexed" && completions > 0 && dnsLabelErrors(last).length > 0) {
    const words = `will not able to create pod with invalid DNS label: ${last}`;
    errors.push(invalid("metadata.name", job.metadata.name, words));
  }
  return errors;
}

const prefix = "batch.kubernetes.io/";

/** The selector that the server makes goes with labels that it makes. A job from before the prefixed ones need not have them. */
function validateGeneratedSelector(job: DeepReadonly<Job>, old?: DeepReadonly<Job>): FieldError[] {
  const spec = job.spec ?? emptySpec;
  if (spec.manualSelector === true || spec.selector === undefined) return [];
  const { uid = "" } = job.metadata;
  // There may be none yet, which is said elsewhere.
  const name = job.metadata.name ?? "";
  const legacy = { "controller-uid": uid, "job-name": name };
  const prefixed = { [`${prefix}controller-uid`]: uid, [`${prefix}job-name`]: name };
  const before = old?.spec?.template.metadata?.labels ?? {};
  const isPrefixed = old === undefined || Object.keys(prefixed).every((key) => before[key] !== undefined);
  const expected = isPrefixed ? { ...legacy, ...prefixed } : legacy;
  const labels = spec.template.metadata?.labels ?? {};
  const errors = uid === "" ? [required("metadata.uid")] : [];
  for (const [key, value] of Object.entries(expected)) {
    const field = `spec.template.metadata.labels[${key}]`;
    const actual = labels[key];
    if (actual === undefined) errors.push(required(field, `must be '${value}'`));
    else if (actual !== value) errors.push(invalid(field, labels, `must be '${value}'`));
  }
  const isReadable = validateLabelSelector(spec.selector, "").length === 0;
  return isReadable && !labelSelectorMatcher(spec.selector).matches(expected)
    ? [...errors, invalid("spec.selector", spec.selector, "`selector` not auto-generated")]
    : errors;
}

function validateSpecAndSelector(spec: Spec): FieldError[] {
  const errors = validateJobSpec(spec, "spec");
  if (spec.selector === undefined) errors.push(required("spec.selector"));
  else errors.push(...validateLabelSelector(spec.selector, "spec.selector"));
  return [...errors, ...labelsMatch(spec.selector, spec.template.metadata?.labels)];
}

function validateJobUpdate(next: DeepReadonly<Job>, old: DeepReadonly<Job>): FieldError[] {
  const [spec, before] = [next.spec ?? emptySpec, old.spec ?? emptySpec];
  const errors = validateJob(next, old);
  errors.push(...completionsChange(spec, before));
  errors.push(...unchanged(spec.selector, before.selector, "spec.selector"));
  const mayMove = before.suspend === true && old.status?.startTime === undefined;
  const template = mayMove ? movedTemplate(before.template, spec.template) : before.template;
  errors.push(...unchanged(spec.template, template, "spec.template"));
  for (const name of [
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
  ] as const)
    errors.push(...unchanged(spec[name], before[name], `spec.${name}`));
  return errors;
}

function completionsChange(spec: Spec, before: Spec): FieldError[] {
  if (spec.completionMode !== "Indexed") return unchanged(spec.completions, before.completions, "spec.completions");
  if (spec.completions === before.completions || spec.completions === undefined) return [];
  return spec.completions === spec.parallelism
    ? []
    : [invalid("spec.completions", spec.completions, "can only be modified in tandem with spec.parallelism")];
}

/** Where the pods of a job that has not begun may run can still be changed. */
function movedTemplate(old: Spec["template"], next: Spec["template"]): unknown {
  const { nodeAffinity: _old, ...affinity } = old.spec?.affinity ?? {};
  const nodeAffinity = next.spec?.affinity?.nodeAffinity;
  const merged = { ...affinity, ...(nodeAffinity !== undefined && { nodeAffinity }) };
  const spec: Record<string, unknown> = { ...old.spec };
  for (const name of ["nodeSelector", "tolerations", "schedulingGates"] as const) {
    if (next.spec?.[name] === undefined) delete spec[name];
    else spec[name] = next.spec[name];
  }
  if (Object.keys(merged).length === 0 && next.spec?.affinity === undefined) delete spec["affinity"];
  else spec["affinity"] = merged;
  const metadata = jsonEqual(old.metadata ?? null, next.metadata ?? null)
    ? old.metadata
    : { ...old.metadata, labels: next.metadata?.labels, annotations: next.metadata?.annotations };
  return JSON.parse(JSON.stringify({ ...old, metadata, spec })) as unknown;
}

const [mostParallel, mostFailed, manyCompletions, mostParallelOfMany, mostFailedOfMany] = [
  100_000, 100_000, 100_000, 10_000, 10_000,
];

function validateJobSpec(spec: Spec, path: string): FieldError[] {
  const counts = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
  ] as const;
  const errors = counts.flatMap((name) => notNegative(spec[name], `${path}.${name}`));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  if (spec.managedBy !== undefined) {
    errors.push(...domainPrefixedPath(spec.managedBy, `${path}.managedBy`));
    if (spec.managedBy.length > 63) errors.push(tooLong(`${path}.managedBy`, "", 63));
  }
  errors.push(...validateMode(spec, path));
  if (spec.podFailurePolicy !== undefined) errors.push(...validateFailurePolicy(spec, `${path}.podFailurePolicy`));
  if (spec.successPolicy !== undefined) {
    if (spec.completionMode === "Indexed") errors.push(...validateSuccessPolicy(spec, `${path}.successPolicy`));
    else errors.push(invalid(`${path}.successPolicy`, spec.successPolicy, "requires indexed completion mode"));
  }
  const replacement = spec.podReplacementPolicy;
  const replacements = spec.podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  if (replacement !== undefined && !replacements.includes(replacement))
    errors.push(notSupported(`${path}.podReplacementPolicy`, replacement, replacements));
  errors.push(...validatePodTemplate(spec.template, `${path}.template`));
  return [...errors, ...validateRestartPolicy(spec, `${path}.template.spec.restartPolicy`)];
}

function validateMode(spec: Spec, path: string): FieldError[] {
  const { completionMode: mode, completions, parallelism, maxFailedIndexes: failed } = spec;
  const errors: FieldError[] = [];
  const words = "when completions are above 100000 and used with backoff limit per index";
  const most = (name: "parallelism" | "maxFailedIndexes", limit: number, detail: string): void => {
    const value = spec[name];
    if (value !== undefined && value > limit)
      errors.push(invalid(`${path}.${name}`, value, `must be less than or equal to ${detail}`));
  };
  if (mode !== undefined && mode !== "NonIndexed" && mode !== "Indexed")
    errors.push(notSupported(`${path}.completionMode`, mode, ["NonIndexed", "Indexed"]));
  if (mode === "Indexed") {
    if (completions === undefined) errors.push(required(`${path}.completions`, "when completion mode is Indexed"));
    most("parallelism", mostParallel, `${mostParallel} when completion mode is Indexed`);
    if (completions !== undefined && failed !== undefined && failed > completions)
      errors.push(invalid(`${path}.maxFailedIndexes`, failed, "must be less than or equal to completions"));
    most("maxFailedIndexes", mostFailed, String(mostFailed));
    if ((completions ?? 0) > manyCompletions && spec.backoffLimitPerIndex !== undefined) {
      if (failed === undefined)
        errors.push(
          required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${manyCompletions}`),
        );
      if ((parallelism ?? 0) > mostParallelOfMany)
        most("parallelism", mostParallelOfMany, `${mostParallelOfMany} ${words}`);
      most("maxFailedIndexes", mostFailedOfMany, `${mostFailedOfMany} ${words}`);
    }
  }
  if (mode === undefined || mode === "NonIndexed")
    for (const name of ["backoffLimitPerIndex", "maxFailedIndexes"] as const)
      if (spec[name] !== undefined)
        errors.push(invalid(`${path}.${name}`, spec[name], "requires indexed completion mode"));
  return errors;
}

function validateRestartPolicy(spec: Spec, field: string): FieldError[] {
  const policy: string = spec.template.spec?.restartPolicy ?? "";
  if (policy === "" || policy === "Always") return [required(field, 'valid values: "OnFailure", "Never"')];
  if (policy !== "OnFailure" && policy !== "Never") return [notSupported(field, policy, ["OnFailure", "Never"])];
  return spec.podFailurePolicy !== undefined && policy !== "Never"
    ? [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    : [];
}

function validateJobStatus(next: DeepReadonly<Job>): FieldError[] {
  const { status } = next;
  const errors = (["active", "succeeded", "failed", "ready", "terminating"] as const).flatMap((name) =>
    notNegative(status?.[name], `status.${name}`),
  );
  const seen = new Set<string>();
  for (const list of ["succeeded", "failed"] as const)
    for (const [index, uid] of (status?.uncountedTerminatedPods?.[list] ?? []).entries()) {
      const field = `status.uncountedTerminatedPods.${list}[${index}]`;
      if (uid === "") errors.push(invalid(field, uid, "must not be empty"));
      else if (seen.has(uid)) errors.push(duplicate(field, uid));
      seen.add(uid);
    }
  return errors;
}

function validateCronJob(cronJob: DeepReadonly<CronJob>): FieldError[] {
  const errors = validateCronJobUpdate(cronJob);
  // There may be none yet, which is said elsewhere.
  const name = cronJob.metadata.name ?? "";
  return name.length > 52 ? [...errors, invalid("metadata.name", name, "must be no more than 52 characters")] : errors;
}

function validateCronJobUpdate(next: DeepReadonly<CronJob>, old?: DeepReadonly<CronJob>): FieldError[] {
  const spec: Partial<DeepReadonly<CronJob>["spec"]> = next.spec;
  const { schedule = "", timeZone, jobTemplate = {} } = spec;
  const errors: FieldError[] = [];
  if (schedule === "") errors.push(required("spec.schedule"));
  else {
    const problem = scheduleProblem(schedule);
    if (problem !== undefined) errors.push(invalid("spec.schedule", schedule, problem));
    const had = old?.spec.schedule.includes("TZ") === true;
    const words = had
      ? "cannot use both timeZone field and TZ or CRON_TZ in schedule"
      : "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
    if (schedule.includes("TZ") && (!had || timeZone !== undefined))
      errors.push(invalid("spec.schedule", schedule, words));
  }
  errors.push(...notNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"));
  if (old === undefined || old.spec.timeZone !== timeZone) errors.push(...validateTimeZone(timeZone));
  errors.push(...oneOf(spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"], "spec.concurrencyPolicy"));
  const job = jobTemplate.spec ?? emptySpec;
  const path = "spec.jobTemplate.spec";
  errors.push(...validateJobSpec(job, path));
  if (job.selector !== undefined)
    errors.push(invalid(`${path}.selector`, job.selector, "`selector` will be auto-generated"));
  if (job.manualSelector === true) errors.push(notSupported(`${path}.manualSelector`, true, ["nil", "false"]));
  for (const name of ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] as const)
    errors.push(...notNegative(spec[name], `spec.${name}`));
  return errors;
}

function validateTimeZone(zone: string | undefined): FieldError[] {
  if (zone === undefined) return [];
  const problem = (detail: string): FieldError[] => [invalid("spec.timeZone", zone, detail)];
  if (zone === "") return problem("timeZone must be nil or non-empty string");
  const isName = (part: string): boolean =>
    part !== "." && part !== ".." && !part.startsWith("-") && /^[A-Za-z.\-_0-9+]{1,14}$/.test(part);
  if (!zone.split("/").every(isName)) return problem(`unknown time zone ${zone}`);
  const errors =
    zone.toLowerCase() === "local"
      ? problem("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
      : [];
  return isKnownZone(zone) ? errors : [...errors, ...problem(`unknown time zone ${zone}`)];
}

function isKnownZone(zone: string): boolean {
  if (zone === "Local" || zone === "UTC") return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone }).format(0);
    return true;
  } catch {
    return false; // the runtime's own tables do not have it
  }
}

export const batchRules: RuleTable = {
  "batch/v1.Job": {
    object: (job: DeepReadonly<Job>) => validateJob(job),
    update: validateJobUpdate,
    subresources: { status: validateJobStatus },
  },
  "batch/v1.CronJob": { object: validateCronJob, update: validateCronJobUpdate },
};
