/** Validation of the workloads: selectors that match their templates, strategies, what an update must leave alone. */
import {
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  jsonEqual,
  labelSelectorMatcher,
  type LabelSelector,
  scaledAmount,
} from "@coxswain/apimachinery";
import type { PodTemplateSpec } from "../../core/v1/types.ts";
import { validatePodTemplate } from "../../core/v1/pod/validation.ts";
import { unchanged, validateLabelSelector } from "../../validation/metadata.ts";
import { countOrPercentage, notNegative, oneOf } from "../../validation/values.ts";
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "./types.ts";

export function validateDeployment(deployment: DeepReadonly<Deployment>): FieldError[] {
  const { spec } = deployment;
  if (spec === undefined) return [fieldErrors.required("spec.selector")];
  const errors = [
    ...notNegative(spec.replicas, "spec.replicas"),
    ...validateSelector(spec.selector, "deployment"),
    ...validateTemplate(spec.template, spec.selector, "Deployment"),
    ...validateDeploymentStrategy(spec.strategy ?? {}),
    ...notNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...notNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ...notNegative(spec.progressDeadlineSeconds, "spec.progressDeadlineSeconds"),
  ];
  if (spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
    errors.push(
      fieldErrors.invalid(
        "spec.progressDeadlineSeconds",
        spec.progressDeadlineSeconds,
        "must be greater than minReadySeconds",
      ),
    );
  }
  return errors;
}

export function validateReplicaSet(set: DeepReadonly<ReplicaSet>): FieldError[] {
  const { spec } = set;
  if (spec === undefined) return [fieldErrors.required("spec.selector")];
  return [
    ...notNegative(spec.replicas, "spec.replicas"),
    ...notNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateSelector(spec.selector, "deployment"),
    ...validateTemplate(spec.template ?? {}, spec.selector, "ReplicaSet"),
  ];
}

export function validateDaemonSet(set: DeepReadonly<DaemonSet>): FieldError[] {
  const { spec } = set;
  if (spec === undefined) return [fieldErrors.required("spec.selector")];
  const errors = [
    ...validateSelector(spec.selector, "daemonset"),
    ...validateTemplate(spec.template, spec.selector, "DaemonSet"),
    ...notNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...oneOf(spec.updateStrategy?.type, ["RollingUpdate", "OnDelete"], "spec.updateStrategy.type"),
  ];
  const { maxUnavailable, maxSurge } = spec.updateStrategy?.rollingUpdate ?? {};
  if (maxUnavailable !== undefined)
    errors.push(...countOrPercentage(maxUnavailable, "spec.updateStrategy.rollingUpdate.maxUnavailable"));
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(
      fieldErrors.required("spec.updateStrategy.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0"),
    );
  }
  return errors;
}

export function validateStatefulSet(set: DeepReadonly<StatefulSet>): FieldError[] {
  const { spec } = set;
  if (spec === undefined) return [fieldErrors.required("spec.selector")];
  return [
    ...oneOf(spec.podManagementPolicy, ["OrderedReady", "Parallel"], "spec.podManagementPolicy"),
    ...oneOf(spec.updateStrategy?.type, ["RollingUpdate", "OnDelete"], "spec.updateStrategy.type"),
    ...notNegative(spec.replicas, "spec.replicas"),
    ...notNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateSelector(spec.selector, "statefulset"),
    ...validateTemplate(spec.template, spec.selector, "StatefulSet"),
  ];
}

/** The selector of a deployment, replica set or daemon set never changes. */
export function validateSelectorUpdate(
  next: DeepReadonly<Deployment | ReplicaSet | DaemonSet>,
  old: DeepReadonly<Deployment | ReplicaSet | DaemonSet>,
): FieldError[] {
  return unchanged(next.spec?.selector, old.spec?.selector, "spec.selector");
}

const statefulSetFrozen =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSetUpdate(
  next: DeepReadonly<StatefulSet>,
  old: DeepReadonly<StatefulSet>,
): FieldError[] {
  const stable = ({ spec }: DeepReadonly<StatefulSet>): unknown => ({
    podManagementPolicy: spec?.podManagementPolicy,
    selector: spec?.selector,
    serviceName: spec?.serviceName,
    volumeClaimTemplates: spec?.volumeClaimTemplates,
  });
  return jsonEqual(stable(next), stable(old)) ? [] : [fieldErrors.forbidden("spec", statefulSetFrozen)];
}

function validateSelector(selector: DeepReadonly<LabelSelector> | undefined, owner: string): FieldError[] {
  if (selector === undefined) return [fieldErrors.required("spec.selector")];
  const errors = validateLabelSelector(selector, "spec.selector");
  const empty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
  if (empty) errors.push(fieldErrors.invalid("spec.selector", selector, `empty selector is invalid for ${owner}`));
  return errors;
}

function validateTemplate(
  template: DeepReadonly<PodTemplateSpec>,
  selector: DeepReadonly<LabelSelector> | undefined,
  owner: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const labels = template.metadata?.labels ?? {};
  if (
    selector !== undefined &&
    validateLabelSelector(selector, "").length === 0 &&
    !labelSelectorMatcher(selector).matches(labels)
  ) {
    errors.push(
      fieldErrors.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
    );
  }
  errors.push(...validatePodTemplate(template, "spec.template"));
  const policy = template.spec?.restartPolicy;
  if (policy !== undefined && policy !== "Always")
    errors.push(fieldErrors.notSupported("spec.template.spec.restartPolicy", policy, ["Always"]));
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    errors.push(
      fieldErrors.forbidden(
        "spec.template.spec.activeDeadlineSeconds",
        `activeDeadlineSeconds in ${owner} is not Supported`,
      ),
    );
  }
  return errors;
}

function validateDeploymentStrategy(
  strategy: DeepReadonly<NonNullable<NonNullable<Deployment["spec"]>["strategy"]>>,
): FieldError[] {
  const path = "spec.strategy";
  if (strategy.type === "Recreate") {
    return strategy.rollingUpdate === undefined
      ? []
      : [fieldErrors.forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (strategy.type !== "RollingUpdate")
    return [fieldErrors.notSupported(`${path}.type`, strategy.type ?? "", ["Recreate", "RollingUpdate"])];
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate ?? {};
  const errors: FieldError[] = [];
  if (maxUnavailable !== undefined)
    errors.push(...countOrPercentage(maxUnavailable, `${path}.rollingUpdate.maxUnavailable`));
  if (maxSurge !== undefined) errors.push(...countOrPercentage(maxSurge, `${path}.rollingUpdate.maxSurge`));
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(
      fieldErrors.invalid(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"),
    );
  }
  if (
    maxUnavailable !== undefined &&
    (scaledAmount(maxUnavailable, 100, "up") ?? 0) > 100 &&
    typeof maxUnavailable === "string"
  ) {
    errors.push(
      fieldErrors.invalid(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable, "must not be greater than 100%"),
    );
  }
  return errors;
}

function isZero(value: number | string | undefined): boolean {
  return value === 0 || value === "0%";
}
