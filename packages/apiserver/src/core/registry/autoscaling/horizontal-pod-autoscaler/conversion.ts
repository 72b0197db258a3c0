// autoscaling/v1 knows one target, the processor's use; v2 (stored) a list of metrics. What v1 has no field for travels in the annotations
// that Kubernetes uses for it, in the same form: metrics as v1 has them, behaviour in the names of Go's fields.
import type { MetricSpec, MetricStatus } from "@coxswain/api/autoscaling/v2";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose } from "../../strategy.ts";
import { memberOf } from "../../strategy.ts";
import { metricFromV1, metricToV1, statusFromV1, statusToV1 } from "./metric-forms.ts";

const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
const currentAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";

/** What is aimed at when nothing is said, in percent. */
const usualUtilization = 80;

export function autoscalerToStored(object: ApiObject): ApiObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = memberOf(object, "spec");
  const { currentCPUUtilizationPercentage: current, ...status } = memberOf(object, "status");
  const { kept, taken } = withoutOwn(object);
  const metrics = listOf(taken[metricsAnnotation]).map(metricFromV1);
  const utilization = target ?? (metrics.length === 0 ? usualUtilization : undefined);
  if (utilization !== undefined)
    metrics.push(processor({ target: { type: "Utilization", averageUtilization: utilization } }) as MetricSpec);
  const behavior = renamed(parsed(taken[behaviorAnnotation]), (name) => name.slice(0, 1).toLowerCase() + name.slice(1));
  const own = current === undefined ? [] : [processor({ current: { averageUtilization: current } }) as MetricStatus];
  const more = parsed(taken[currentAnnotation]);
  const currentMetrics = Array.isArray(more) ? listOf(taken[currentAnnotation]).map(statusFromV1) : own;
  const conditions = parsed(taken[conditionsAnnotation]);
  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata: withAnnotations(object, kept),
    spec: { ...spec, metrics, ...(isObject(behavior) && Object.keys(behavior).length > 0 && { behavior }) },
    status: {
      desiredReplicas: 0,
      currentMetrics: null,
      ...status,
      ...(currentMetrics.length > 0 && { currentMetrics }),
      ...(Array.isArray(conditions) && { conditions }),
    },
  } as Loose;
}

export function autoscalerFromStored(object: ApiObject): ApiObject {
  const {
    metrics = [],
    behavior,
    ...spec
  } = memberOf(object, "spec") as {
    metrics?: MetricSpec[];
    behavior?: unknown;
  };
  const { currentMetrics, conditions, ...status } = memberOf(object, "status") as {
    currentMetrics?: MetricStatus[] | null;
    conditions?: unknown[];
  };
  const { kept: annotations } = withoutOwn(object);
  const others = metrics.filter((metric) => processorUse(metric) === undefined);
  if (others.length > 0) annotations[metricsAnnotation] = JSON.stringify(others.map(metricToV1));
  if (currentMetrics && currentMetrics.length > 0)
    annotations[currentAnnotation] = JSON.stringify(currentMetrics.map(statusToV1));
  if (behavior !== undefined) annotations[behaviorAnnotation] = JSON.stringify(behaviorInGo(behavior));
  if (conditions && conditions.length > 0) annotations[conditionsAnnotation] = JSON.stringify(conditions);
  const target = processorUse(metrics.find(isProcessor));
  const current = currentMetrics?.map(processorUse).findLast((use) => use !== undefined);
  return {
    ...object,
    apiVersion: "autoscaling/v1",
    metadata: withAnnotations(object, annotations),
    spec: { ...spec, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: {
      currentReplicas: 0,
      desiredReplicas: 0,
      ...status,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
    },
  } as Loose;
}

/** An object's annotations, apart from those that only carry what v1 has no field for. */
function withoutOwn(object: ApiObject): { kept: Record<string, string>; taken: Record<string, string> } {
  const kept = { ...object.metadata.annotations };
  const taken: Record<string, string> = {};
  for (const name of [metricsAnnotation, behaviorAnnotation, currentAnnotation, conditionsAnnotation]) {
    if (kept[name] !== undefined) taken[name] = kept[name];
    delete kept[name];
  }
  return { kept, taken };
}

function withAnnotations(object: ApiObject, annotations: Record<string, string>): ApiObject["metadata"] {
  const { annotations: _before, ...metadata } = object.metadata;
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}

function processor(detail: object): object {
  return { type: "Resource", resource: { name: "cpu", ...detail } };
}

function isProcessor(metric: MetricSpec | MetricStatus): boolean {
  return metric.type === "Resource" && metric.resource?.name === "cpu";
}

/** The processor's use that a metric is about, in percent; undefined for any other metric. */
function processorUse(metric: MetricSpec | MetricStatus | undefined): number | undefined {
  if (metric === undefined || !isProcessor(metric)) return undefined;
  const { target, current } = (metric.resource ?? {}) as Record<string, { averageUtilization?: number } | undefined>;
  return target?.averageUtilization ?? current?.averageUtilization;
}

/** Behaviour as Go writes the type it has inside: every field, under its own name. */
function behaviorInGo(behavior: unknown): unknown {
  const rules = (name: string): unknown => {
    const { stabilizationWindowSeconds, selectPolicy, policies, tolerance } = memberOf(behavior, name);
    if (!isObject((behavior as Record<string, unknown>)[name])) return null;
    return {
      StabilizationWindowSeconds: stabilizationWindowSeconds ?? null,
      SelectPolicy: selectPolicy ?? null,
      Policies: renamed(policies ?? null, (field) => field.slice(0, 1).toUpperCase() + field.slice(1)),
      Tolerance: tolerance ?? null,
    };
  };
  return { ScaleUp: rules("scaleUp"), ScaleDown: rules("scaleDown") };
}

/** A value whose members have other names, those that are null left out. */
function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [rename(name), renamed(member, rename)]));
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function listOf(text: string | undefined): object[] {
  const value = parsed(text);
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** An annotation that is not JSON was written by hand: it says nothing. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
