/** Validation of autoscalers: bounds, the target, metrics and how fast to follow them. */
import {
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  parseQuantity,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import { containerResourceName } from "../../core/v1/resource-validation.ts";
import { validateLabelSelector } from "../../validation/metadata.ts";
import type { RuleTable } from "../../validation/rules.ts";
import type { HorizontalPodAutoscaler as FirstAutoscaler } from "../v1/types.ts";
import { dnsLabel, named, notNegative, supported, wrong } from "../../validation/values.ts";
import type {
  HorizontalPodAutoscaler,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "./types.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;
const sources = ["object", "external", "pods", "resource", "containerResource"] as const;
type Source = (typeof sources)[number];
const sourceTypes = ["ContainerResource", "External", "Object", "Pods", "Resource"];
const [longestWindow, longestPeriod] = [3600, 1800];

function validateAutoscaler(autoscaler: DeepReadonly<HorizontalPodAutoscaler>, lowest = 1): FieldError[] {
  const spec: Partial<DeepReadonly<HorizontalPodAutoscaler>["spec"]> = autoscaler.spec;
  const { minReplicas: min, maxReplicas: max = 0, scaleTargetRef: target = { kind: "", name: "" } } = spec;
  const errors: FieldError[] = [];
  if (min !== undefined && min < lowest)
    errors.push(invalid("spec.minReplicas", min, `must be greater than or equal to ${lowest}`));
  if (max < 1) errors.push(invalid("spec.maxReplicas", max, "must be greater than 0"));
  if (min !== undefined && max < min)
    errors.push(invalid("spec.maxReplicas", max, "must be greater than or equal to `minReplicas`"));
  errors.push(...validateReference(target, "spec.scaleTargetRef"));
  const metrics = spec.metrics ?? [];
  for (const [index, metric] of metrics.entries()) errors.push(...validateMetric(metric, `spec.metrics[${index}]`));
  if (min === 0 && !metrics.some(({ type }) => type === "Object" || type === "External")) {
    const words = "must specify at least one Object or External metric to support scaling to zero replicas";
    errors.push(forbidden("spec.metrics", words));
  }
  for (const name of ["scaleUp", "scaleDown"] as const) {
    const rules = spec.behavior?.[name];
    if (rules !== undefined) errors.push(...validateRules(rules, `spec.behavior.${name}`));
  }
  return errors;
}

function validateReference(target: { readonly kind: string; readonly name: string }, path: string): FieldError[] {
  return [
    ...named(target.kind, pathSegmentErrors, `${path}.kind`),
    ...named(target.name, pathSegmentErrors, `${path}.name`),
  ];
}

function validateMetric(metric: DeepReadonly<MetricSpec>, path: string): FieldError[] {
  const { type } = metric;
  const errors = type === "" ? [required(`${path}.type`, "must specify a metric source type")] : [];
  const isKnown = sourceTypes.includes(type);
  if (!isKnown) errors.push(notSupported(`${path}.type`, type, sourceTypes));
  const present = sources.filter((name) => metric[name] !== undefined);
  const [first] = present;
  if (first !== undefined) errors.push(...validateSource(metric, first, `${path}.${first}`));
  const expected = `${type.slice(0, 1).toLowerCase()}${type.slice(1)}`;
  if (!isKnown) errors.push(notSupported(`${path}.type`, type, sourceTypes));
  else if (!present.some((name) => name === expected))
    errors.push(required(`${path}.${expected}`, "must populate information for the given metric source"));
  if (present.length !== 1)
    for (const name of present)
      if (name !== expected) errors.push(forbidden(`${path}.${name}`, "must populate the given metric source only"));
  return errors;
}

function validateSource(metric: DeepReadonly<MetricSpec>, name: Source, path: string): FieldError[] {
  const { object, external, pods, resource, containerResource } = metric;
  const target = metric[name]?.target ?? { type: "" };
  const errors: FieldError[] = [];
  const missing = (field: keyof MetricTarget, detail: string): void =>
    void errors.push(required(`${path}.target.${field}`, detail));
  if (name === "object" && object !== undefined)
    errors.push(...validateReference(object.describedObject, `${path}.describedObject`));
  const identifier = { object, external, pods }[name as "object" | "external" | "pods"]?.metric;
  if (identifier !== undefined) errors.push(...validateIdentifier(identifier, `${path}.metric`));
  const own = name === "resource" ? resource : name === "containerResource" ? containerResource : undefined;
  if (own !== undefined) {
    if (own.name === "") errors.push(required(`${path}.name`, "must specify a resource name"));
    else if (name === "containerResource") errors.push(...containerResourceName(own.name, `${path}.name`));
    else errors.push(...containerResourceName(own.name, `${path}.name`));
  }
  if (name === "containerResource" && containerResource !== undefined)
    errors.push(
      ...(containerResource.container === ""
        ? [required(`${path}.container`, "must specify a container")]
        : dnsLabel(containerResource.container, `${path}.container`)),
    );
  errors.push(...validateTarget(target, `${path}.target`));
  const { value, averageValue: average, averageUtilization: use } = target;
  if (name === "object" && value === undefined && average === undefined)
    missing("averageValue", "must set either a target value or averageValue");
  if (name === "external") {
    if (value === undefined && average === undefined)
      missing("averageValue", "must set either a target value for metric or a per-pod target");
    if (value !== undefined && average !== undefined)
      errors.push(forbidden(`${path}.target.value`, "may not set both a target value for metric and a per-pod target"));
  }
  if (name === "pods" && average === undefined) missing("averageValue", "must specify a positive target averageValue");
  if (own !== undefined) {
    if (use === undefined && average === undefined)
      missing("averageUtilization", "must set either a target raw value or a target utilization");
    if (use !== undefined && average !== undefined)
      errors.push(
        forbidden(`${path}.target.averageValue`, "may not set both a target raw value and a target utilization"),
      );
  }
  return errors;
}

function validateIdentifier({ name, selector }: DeepReadonly<MetricIdentifier>, path: string): FieldError[] {
  return [
    ...(name === ""
      ? [required(`${path}.name`, "must specify a metric name")]
      : wrong(`${path}.name`, name, pathSegmentErrors(name))),
    ...validateLabelSelector(selector, `${path}.selector`),
  ];
}

function validateTarget(target: DeepReadonly<MetricTarget>, path: string): FieldError[] {
  const { type, value, averageValue: average, averageUtilization: use } = target;
  const types = ["Utilization", "Value", "AverageValue"];
  const errors = type === "" ? [required(`${path}.type`, "must specify a metric target type")] : [];
  if (!types.includes(type))
    errors.push(invalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"));
  const isPositive = (amount: string): boolean => parseQuantity(amount).nano > 0n;
  if (value !== undefined && !isPositive(value)) errors.push(invalid(`${path}.value`, value, "must be positive"));
  if (average !== undefined && !isPositive(average))
    errors.push(invalid(`${path}.averageValue`, average, "must be positive"));
  if (use !== undefined && use < 1) errors.push(invalid(`${path}.averageUtilization`, use, "must be greater than 0"));
  return errors;
}

function validateRules(rules: DeepReadonly<HPAScalingRules>, path: string): FieldError[] {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const field = `${path}.stabilizationWindowSeconds`;
  const errors: FieldError[] = [];
  if (window !== undefined && window < 0) errors.push(invalid(field, window, "must be greater than or equal to zero"));
  if (window !== undefined && window > longestWindow)
    errors.push(invalid(field, window, `must be less than or equal to ${longestWindow}`));
  errors.push(...supported(selectPolicy, ["Disabled", "Max", "Min"], `${path}.selectPolicy`));
  if (policies.length === 0) errors.push(required(`${path}.policies`, "must specify at least one Policy"));
  for (const [index, policy] of policies.entries())
    errors.push(...validatePolicy(policy, `${path}.policies[${index}]`));
  if (tolerance !== undefined && parseQuantity(tolerance).nano < 0n)
    errors.push(invalid(`${path}.tolerance`, tolerance, "must be greater than or equal to 0"));
  return errors;
}

function validatePolicy(
  { type, value, periodSeconds: period }: DeepReadonly<HPAScalingPolicy>,
  path: string,
): FieldError[] {
  const errors = type === "Pods" || type === "Percent" ? [] : [notSupported(`${path}.type`, type, ["Percent", "Pods"])];
  if (value <= 0) errors.push(invalid(`${path}.value`, value, "must be greater than zero"));
  if (period <= 0) errors.push(invalid(`${path}.periodSeconds`, period, "must be greater than zero"));
  if (period > longestPeriod)
    errors.push(invalid(`${path}.periodSeconds`, period, `must be less than or equal to ${longestPeriod}`));
  return errors;
}

function validateUpdate(
  next: DeepReadonly<HorizontalPodAutoscaler>,
  old: DeepReadonly<HorizontalPodAutoscaler>,
): FieldError[] {
  return validateAutoscaler(next, old.spec.minReplicas === 0 ? 0 : 1);
}

function validateStatus(next: DeepReadonly<HorizontalPodAutoscaler>): FieldError[] {
  return (["currentReplicas", "desiredReplicas"] as const).flatMap((name) =>
    notNegative(next.status?.[name], `status.${name}`),
  );
}

const object = (next: DeepReadonly<HorizontalPodAutoscaler>): FieldError[] => validateAutoscaler(next);

type First = DeepReadonly<FirstAutoscaler>;

/** Version 1 is judged in this form: its fields have the same names, apart from the one metric it knows. */
function asSecond(autoscaler: First): DeepReadonly<HorizontalPodAutoscaler> {
  const { targetCPUUtilizationPercentage: averageUtilization, ...spec } = autoscaler.spec;
  const target = { type: "Utilization" as const, averageUtilization };
  const metrics =
    averageUtilization === undefined ? [] : [{ type: "Resource" as const, resource: { name: "cpu", target } }];
  const { currentCPUUtilizationPercentage: _current, ...status } = autoscaler.status ?? { desiredReplicas: 0 };
  return { ...autoscaler, apiVersion: "autoscaling/v2", spec: { ...spec, metrics }, status };
}

export const autoscalingRules: RuleTable = {
  "autoscaling/v2.HorizontalPodAutoscaler": {
    object,
    update: validateUpdate,
    subresources: { status: validateStatus },
  },
  "autoscaling/v1.HorizontalPodAutoscaler": {
    object: (next: First) => object(asSecond(next)),
    update: (next: First, old: First) => validateUpdate(asSecond(next), asSecond(old)),
    subresources: { status: (next: First) => validateStatus(asSecond(next)) },
  },
};
