/** Validation of replication controllers, and of the counts that they and replica sets report. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { notNegative } from "../../../validation/values.ts";
import { validatePodTemplate } from "../pod/validation.ts";
import type { ReplicationController } from "../types.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

export function validateReplicationController(controller: DeepReadonly<ReplicationController>): FieldError[] {
  const { minReadySeconds, replicas, selector = {}, template } = controller.spec ?? {};
  const path = "spec.template";
  const errors = notNegative(minReadySeconds, "spec.minReadySeconds");
  if (Object.keys(selector).length === 0) errors.push(required("spec.selector"));
  errors.push(...notNegative(replicas, "spec.replicas"));
  if (template === undefined) return [...errors, required(path)];
  const labels = template.metadata?.labels;
  if (Object.entries(selector).some(([key, value]) => labels?.[key] !== value))
    errors.push(invalid(`${path}.metadata.labels`, labels, "`selector` does not match template `labels`"));
  return [
    ...errors,
    ...validatePodTemplate(template, path),
    ...validateEndless(template, "ReplicationController", path),
  ];
}

type Template = Parameters<typeof validatePodTemplate>[0];

/** What keeps its pods running restarts them, and has no deadline. */
export function validateEndless(template: Template, owner: string, path: string): FieldError[] {
  const policy = template.spec?.restartPolicy ?? "";
  return [
    ...(policy === "Always" ? [] : [notSupported(`${path}.spec.restartPolicy`, policy, ["Always"])]),
    ...(template.spec?.activeDeadlineSeconds === undefined
      ? []
      : [forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${owner} is not Supported`)]),
  ];
}

/** The counts of a status, in the order in which Kubernetes compares them. */
export function validateReplicaCounts(object: {
  readonly status?:
    | {
        readonly replicas?: number | undefined;
        readonly fullyLabeledReplicas?: number | undefined;
        readonly readyReplicas?: number | undefined;
        readonly availableReplicas?: number | undefined;
        readonly terminatingReplicas?: number | undefined;
        readonly observedGeneration?: number | undefined;
      }
    | undefined;
}): FieldError[] {
  const status = object.status ?? {};
  const { replicas = 0, readyReplicas: ready = 0, availableReplicas: available = 0 } = status;
  const errors = (
    [
      "replicas",
      "fullyLabeledReplicas",
      "readyReplicas",
      "availableReplicas",
      "observedGeneration",
      "terminatingReplicas",
    ] as const
  ).flatMap((name) => notNegative(status[name], `status.${name}`));
  for (const name of ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] as const) {
    const count = status[name] ?? 0;
    if (count > replicas) errors.push(invalid(`status.${name}`, count, "cannot be greater than status.replicas"));
  }
  if (available > ready)
    errors.push(invalid("status.availableReplicas", available, "cannot be greater than readyReplicas"));
  return errors;
}
