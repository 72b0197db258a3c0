import type { ApiObject } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { autoscalerFromStored, autoscalerToStored } from "./conversion.ts";

const metadata = { name: "a" };
const scaleTargetRef = { kind: "Deployment", name: "d" };
const cpu = (averageUtilization: number): object => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const metric = { name: "m", selector: { matchLabels: { a: "b" } } };
const describedObject = { kind: "Service", name: "s", apiVersion: "v1" };

describe("an autoscaler of the second version, read as one of the first", () => {
  const spec = {
    scaleTargetRef,
    maxReplicas: 3,
    metrics: [
      { type: "Pods", pods: { metric, target: { type: "AverageValue", averageValue: "1k" } } },
      { type: "Object", object: { metric, describedObject, target: { type: "Value", value: "10" } } },
      { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "30" } } },
      {
        type: "ContainerResource",
        containerResource: { name: "cpu", container: "c", target: { type: "Utilization", averageUtilization: 5 } },
      },
      cpu(50),
    ],
    behavior: { scaleUp: { selectPolicy: "Max", policies: [{ type: "Pods", value: 4, periodSeconds: 60 }] } },
  };
  const status = {
    currentReplicas: 1,
    desiredReplicas: 2,
    currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 7 } } }],
    conditions: [{ type: "AbleToScale", status: "True" }],
  };
  const stored = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata, spec, status } as ApiObject;

  it("carries what that has no field for in annotations of Kubernetes' form", () => {
    const read = autoscalerFromStored(stored);
    const annotation = (name: string): unknown =>
      JSON.parse(read.metadata.annotations?.[`autoscaling.alpha.kubernetes.io/${name}`] ?? "");
    expect(annotation("metrics")).toEqual([
      { type: "Pods", pods: { metricName: "m", targetAverageValue: "1k", selector: metric.selector } },
      {
        type: "Object",
        object: { target: describedObject, metricName: "m", targetValue: "10", selector: metric.selector },
      },
      { type: "External", external: { metricName: "m", metricSelector: metric.selector, targetAverageValue: "30" } },
      { type: "ContainerResource", containerResource: { name: "cpu", targetAverageUtilization: 5, container: "c" } },
    ]);
    expect(annotation("current-metrics")).toEqual([
      { type: "Resource", resource: { name: "cpu", currentAverageUtilization: 7, currentAverageValue: "0" } },
    ]);
    expect(annotation("behavior")).toEqual({
      ScaleUp: {
        StabilizationWindowSeconds: null,
        SelectPolicy: "Max",
        Policies: [{ Type: "Pods", Value: 4, PeriodSeconds: 60 }],
        Tolerance: null,
      },
      ScaleDown: null,
    });
    expect(read).toMatchObject({
      spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
      status: { currentReplicas: 1, currentCPUUtilizationPercentage: 7 },
    });
  });

  it("is the same when it comes back", () => {
    expect(autoscalerToStored(autoscalerFromStored(stored))).toEqual({
      ...stored,
      status: {
        ...status,
        currentMetrics: [
          { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 7, averageValue: "0" } } },
        ],
      },
    });
  });
});

describe("an autoscaler of the first version", () => {
  const made = (annotations?: Record<string, string>): unknown =>
    autoscalerToStored({
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { ...metadata, ...(annotations && { annotations }) },
      spec: { scaleTargetRef, maxReplicas: 3 },
    } as ApiObject);

  it("aims at 80 percent of the processor when it names no metric", () => {
    expect(made()).toMatchObject({ spec: { metrics: [cpu(80)] } });
  });

  it("that carries a metric has no other, and annotations that are no JSON say nothing", () => {
    const pods = [{ type: "Pods", pods: { metricName: "m", targetAverageValue: "1" } }];
    expect(made({ "autoscaling.alpha.kubernetes.io/metrics": JSON.stringify(pods) })).toMatchObject({
      metadata: { name: "a" },
      spec: { metrics: [{ type: "Pods", pods: { metric: { name: "m" }, target: { type: "AverageValue" } } }] },
    });
    expect(made({ "autoscaling.alpha.kubernetes.io/metrics": "{" })).toMatchObject({ spec: { metrics: [cpu(80)] } });
  });
});
