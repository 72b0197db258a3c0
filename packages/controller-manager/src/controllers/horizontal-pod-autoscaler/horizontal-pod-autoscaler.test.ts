// Autoscalers over an API server in memory that also answers for the metrics APIs.
import { describe, expect, it } from "vitest";
import { deployments } from "@coxswain/api/apps/v1";
import type { Deployment } from "@coxswain/api/apps/v1";
import { horizontalPodAutoscalers } from "@coxswain/api/autoscaling/v2";
import type { HorizontalPodAutoscaler, MetricSpec } from "@coxswain/api/autoscaling/v2";
import { events, pods } from "@coxswain/api/core/v1";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import type { ControllerPorts } from "../../loop/controller.ts";
import { createHorizontalPodAutoscalerController } from "./controller.ts";

const autoscaling = (ports: ControllerPorts) =>
  createHorizontalPodAutoscalerController(ports, {
    periodMs: 15_000,
    downWindowMs: 300_000,
    tolerance: 0.1,
    cpuInitializationMs: 300_000,
    readinessDelayMs: 30_000,
  });
const ref = { namespace: "default", name: "web" };
const percent = (averageUtilization: number): MetricSpec => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});

const autoscaler = (
  metrics: MetricSpec[],
  spec: Partial<HorizontalPodAutoscaler["spec"]> = {},
): HorizontalPodAutoscaler => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: ref,
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
    minReplicas: 1,
    maxReplicas: 10,
    metrics,
    ...spec,
  },
});

/** A Deployment, as many pods as it has replicas, and CPU that each of them uses. */
async function createTarget(world: World, replicas: number, cpu: string): Promise<void> {
  world.api.answers.set("/apis/apps/v1", {
    resources: [
      { name: "deployments", kind: "Deployment", namespaced: true },
      { name: "deployments/scale", kind: "Scale", namespaced: true },
    ],
  });
  const deployment: Deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: ref,
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "i" }] } },
    },
    status: { replicas },
  };
  await world.api.resource(deployments).create(deployment);
  for (let index = 0; index < replicas; index++) {
    await world.api.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `web-${index}`, namespace: "default", labels: { app: "web" } },
      spec: { containers: [{ name: "main", image: "i", resources: { requests: { cpu: "100m" } } }] },
      status: {
        phase: "Running",
        startTime: "2025-12-31T00:00:00Z",
        conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2025-12-31T00:00:10Z" }],
      },
    });
  }
  use(world, replicas, cpu);
}

function use(world: World, podCount: number, cpu: string): void {
  world.api.answers.set("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods", {
    items: Array.from({ length: podCount }, (_, index) => ({
      metadata: { name: `web-${index}` },
      timestamp: world.now(),
      window: "30s",
      containers: [{ name: "main", usage: { cpu, memory: "10Mi" } }],
    })),
  });
}

const sizeOf = (world: World): number | undefined => world.api.all(deployments)[0]?.spec?.replicas;
const statusOf = (world: World) => world.api.all(horizontalPodAutoscalers)[0]?.status;
const conditionsOf = (world: World) =>
  statusOf(world)?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
const told = (world: World) => world.api.all(events).map(({ reason, message }) => `${reason}: ${message}`);

describe("an autoscaler", () => {
  it("grows its target when pods use more than they should, and says so", async () => {
    const world = createWorld(1);
    await createTarget(world, 2, "150m");
    const manager = world.start(autoscaling);
    await world.api.resource(horizontalPodAutoscalers).create(autoscaler([percent(100)]));
    await world.settle(5);
    expect(sizeOf(world)).toBe(3);
    expect(conditionsOf(world)).toEqual([
      "AbleToScale=True SucceededRescale",
      "ScalingActive=True ValidMetricFound",
      "ScalingLimited=False DesiredWithinRange",
    ]);
    expect(statusOf(world)).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 3,
      currentMetrics: [
        { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 150, averageValue: "150m" } } },
      ],
    });
    expect(told(world)).toEqual([
      "SuccessfulRescale: New size: 3; reason: cpu resource utilization (percentage of request) above target",
    ]);
    await manager.stop();
  });

  it("shrinks it only after the window, and again at once when told to", async () => {
    const world = createWorld(2);
    await createTarget(world, 4, "100m");
    const manager = world.start(autoscaling);
    await world.api.resource(horizontalPodAutoscalers).create(autoscaler([percent(100)]));
    await world.settle(20);
    use(world, 4, "25m");
    await world.settle(200);
    expect(sizeOf(world)).toBe(4);
    expect(conditionsOf(world)?.[0]).toBe("AbleToScale=True ScaleDownStabilized");
    await world.settle(150);
    expect(sizeOf(world)).toBe(1);
    await manager.stop();
  });

  it("keeps a target within its bounds and leaves one alone that is switched off", async () => {
    for (const [replicas, expected, reason] of [
      [12, 10, "AbleToScale=True SucceededRescale"],
      [0, 0, "AbleToScale=True SucceededGetScale,ScalingActive=False ScalingDisabled"],
    ] as const) {
      const world = createWorld(3);
      await createTarget(world, replicas, "100m");
      const manager = world.start(autoscaling);
      await world.api.resource(horizontalPodAutoscalers).create(autoscaler([percent(100)]));
      await world.settle(3);
      expect(sizeOf(world)).toBe(expected);
      expect(conditionsOf(world)?.join()).toBe(reason);
      await manager.stop();
    }
  });

  it("says what stands in its way: no such target, no metrics, no request", async () => {
    const world = createWorld(4);
    const manager = world.start(autoscaling);
    await world.api.resource(horizontalPodAutoscalers).create(autoscaler([percent(50)]));
    await world.settle(3);
    expect(conditionsOf(world)).toEqual(["AbleToScale=False FailedGetScale"]);
    await createTarget(world, 1, "100m");
    world.api.answers.delete("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods");
    await world.settle(20);
    expect(conditionsOf(world)).toEqual([
      "AbleToScale=True SucceededGetScale",
      "ScalingActive=False FailedGetResourceMetric",
    ]);
    expect(statusOf(world)?.conditions?.[1]?.message).toBe(
      "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource",
    );
    expect(told(world)).toContain(
      "FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource",
    );
    await manager.stop();
  });

  it("follows the metric that asks for most: pods, objects and the world outside", async () => {
    const world = createWorld(5);
    await createTarget(world, 2, "100m");
    const item = (name: string, value: string) => ({ describedObject: { name }, timestamp: world.now(), value });
    world.api.answers.set("/apis/custom.metrics.k8s.io/v1beta2", { kind: "APIResourceList", resources: [] });
    world.api.answers.set("/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/requests", {
      items: [item("web-0", "30"), item("web-1", "30")],
    });
    world.api.answers.set("/api/v1", { resources: [{ name: "services", kind: "Service", namespaced: true }] });
    world.api.answers.set("/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/services/front/load", {
      items: [item("front", "8")],
    });
    world.api.answers.set("/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue", {
      items: [item("", "20"), item("", "15500m")],
    });
    const manager = world.start(autoscaling);
    const metrics: MetricSpec[] = [
      { type: "Pods", pods: { metric: { name: "requests" }, target: { type: "AverageValue", averageValue: "20" } } },
      {
        type: "Object",
        object: {
          metric: { name: "load" },
          describedObject: { kind: "Service", name: "front", apiVersion: "v1" },
          target: { type: "Value", value: "8" },
        },
      },
      {
        type: "External",
        external: {
          metric: { name: "queue", selector: { matchLabels: { of: "mail" } } },
          target: { type: "AverageValue", averageValue: "10" },
        },
      },
      {
        type: "ContainerResource",
        containerResource: {
          name: "memory",
          container: "main",
          target: { type: "AverageValue", averageValue: "20Mi" },
        },
      },
    ];
    await world.api.resource(horizontalPodAutoscalers).create(autoscaler(metrics));
    await world.settle(3);
    expect(sizeOf(world)).toBe(4);
    expect(statusOf(world)?.currentMetrics).toEqual([
      { type: "Pods", pods: { metric: { name: "requests" }, current: { averageValue: "30" } } },
      {
        type: "Object",
        object: {
          metric: { name: "load" },
          current: { value: "8" },
          describedObject: { kind: "Service", name: "front", apiVersion: "v1" },
        },
      },
      {
        type: "External",
        external: {
          metric: { name: "queue", selector: { matchLabels: { of: "mail" } } },
          current: { averageValue: "17750m" },
        },
      },
      {
        type: "ContainerResource",
        containerResource: { name: "memory", container: "main", current: { averageValue: "10485760" } },
      },
    ]);
    expect(told(world)).toEqual([
      "SuccessfulRescale: New size: 4; reason: external metric queue(&LabelSelector{MatchLabels:map[string]string{of: mail,},MatchExpressions:[]LabelSelectorRequirement{},}) above target",
    ]);
    await manager.stop();
  });

  it("does nothing when another one works on the same pods", async () => {
    const world = createWorld(6);
    await createTarget(world, 2, "300m");
    await world.api.resource(horizontalPodAutoscalers).create(autoscaler([percent(300)]));
    const rival = autoscaler([percent(10)]);
    const manager = world.start(autoscaling);
    await world.settle(2);
    await world.api.resource(horizontalPodAutoscalers).create({ ...rival, metadata: { ...ref, name: "rival" } });
    await world.settle(20);
    expect(sizeOf(world)).toBe(2);
    const reasons = world.api.all(horizontalPodAutoscalers).map(({ status }) => status?.conditions?.[1]?.message);
    expect(reasons).toEqual(
      Array.from(
        { length: 2 },
        () => "pods by selector app=web are controlled by multiple HPAs: [default/rival default/web]",
      ),
    );
    await manager.stop();
  });
});
