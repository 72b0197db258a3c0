// autoscaling/v1 knows one target, the processor's use; v2 (stored) a list of metrics. What v1 has no field for travels
// in the annotations that Kubernetes uses for it.
import type { ApiObject } from "@coxswain/apimachinery";
import type { Loose } from "../../strategy.ts";
import { memberOf } from "../../strategy.ts";

const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
const currentAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";

type Metric = Readonly<Record<string, unknown>>;

export function autoscalerToStored(object: ApiObject): ApiObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = memberOf(object, "spec");
  const { currentCPUUtilizationPercentage: current, ...status } = memberOf(object, "status");
  const annotations = { ...object.metadata.annotations };
  const take = (name: string): unknown => {
    const text = annotations[name];
    delete annotations[name];
    return text === undefined ? undefined : parse(text);
  };
  const others = (take(metricsAnnotation) as Metric[] | undefined) ?? [];
  const behavior = take(behaviorAnnotation);
  const otherCurrent = (take(currentAnnotation) as Metric[] | undefined) ?? [];
  const conditions = take(conditionsAnnotation);
  const metrics =
    target === undefined
      ? others
      : [processor({ target: { type: "Utilization", averageUtilization: target } }), ...others];
  const currentMetrics =
    current === undefined ? otherCurrent : [processor({ current: { averageUtilization: current } }), ...otherCurrent];
  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata: withAnnotations(object, annotations),
    spec: { ...spec, ...(metrics.length > 0 && { metrics }), ...(behavior !== undefined && { behavior }) },
    status: {
      desiredReplicas: 0,
      currentMetrics: null,
      ...status,
      ...(currentMetrics.length > 0 && { currentMetrics }),
      ...(conditions !== undefined && { conditions }),
    },
  } as Loose;
}

export function autoscalerFromStored(object: ApiObject): ApiObject {
  const { metrics = [], behavior, ...spec } = memberOf(object, "spec") as { metrics?: Metric[]; behavior?: unknown };
  const { currentMetrics, conditions, ...status } = memberOf(object, "status") as {
    currentMetrics?: Metric[] | null;
    conditions?: unknown[];
  };
  const annotations = { ...object.metadata.annotations };
  const main = metrics.find(isProcessor);
  const others = metrics.filter((metric) => metric !== main);
  if (others.length > 0) annotations[metricsAnnotation] = JSON.stringify(others);
  if (behavior !== undefined) annotations[behaviorAnnotation] = JSON.stringify(behavior);
  const currentMain = currentMetrics?.find(isProcessor);
  if (currentMetrics && currentMetrics.length > (currentMain ? 1 : 0))
    annotations[currentAnnotation] = JSON.stringify(currentMetrics.filter((metric) => metric !== currentMain));
  if (conditions && conditions.length > 0) annotations[conditionsAnnotation] = JSON.stringify(conditions);
  const target = memberOf(memberOf(main, "resource"), "target")["averageUtilization"];
  const current = memberOf(memberOf(currentMain, "resource"), "current")["averageUtilization"];
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

function withAnnotations(object: ApiObject, annotations: Record<string, string>): ApiObject["metadata"] {
  const { annotations: _before, ...metadata } = object.metadata;
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}

function processor(detail: object): Metric {
  return { type: "Resource", resource: { name: "cpu", ...detail } };
}

function isProcessor(metric: Metric): boolean {
  const resource = memberOf(metric, "resource");
  const utilization =
    memberOf(resource, "target")["averageUtilization"] ?? memberOf(resource, "current")["averageUtilization"];
  return metric["type"] === "Resource" && resource["name"] === "cpu" && utilization !== undefined;
}

/** An annotation that is not JSON was written by hand: it says nothing. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
