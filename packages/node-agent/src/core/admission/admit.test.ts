import type { Pod } from "@coxswain/api/core/v1";
import { expect, test } from "vitest";
import { rejectionOf } from "./admit.ts";
import type { AdmissionView } from "./admit.ts";

const pod = (spec: Partial<NonNullable<Pod["spec"]>> = {}, requests: Record<string, string> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec: { containers: [{ name: "c", resources: { requests } }], ...spec },
});
const view: AdmissionView = {
  allocatable: { cpu: "2", memory: "1Gi", pods: "3", "example.com/gpu": "1" },
  labels: { disk: "ssd" },
  taints: [],
  pressures: [],
  others: [pod({}, { cpu: "500m" }), pod({}, { memory: "512Mi" })],
};

test("what does not fit is refused with the kubelet's reasons and words", () => {
  const of = (one: Pod, over: Partial<AdmissionView> = {}) => rejectionOf(one, { ...view, ...over });
  expect([
    of(pod({}, { cpu: "1500m", memory: "512Mi", "example.com/gpu": "1" })),
    of(pod({}, { cpu: "2" })),
    of(pod({}, { memory: "600Mi" })),
    of(pod({}, { "example.com/fpga": "1" })),
    of(pod(), { others: [pod(), pod(), pod()] }),
    of(pod({ nodeSelector: { disk: "hdd" } })),
    of(pod({ containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80 }] }] }), {
      others: [pod({ containers: [{ name: "o", ports: [{ containerPort: 2, hostPort: 80 }] }] })],
    }),
    of(pod(), { taints: [{ key: "k", effect: "NoExecute" }] }),
    of(pod(), { pressures: ["MemoryPressure"] }),
    of(pod({}, { memory: "1Mi" }), { pressures: ["MemoryPressure"] }),
    of(pod({ priority: 2_000_000_000 }), { pressures: ["DiskPressure"] }),
  ]).toEqual([
    undefined,
    {
      reason: "OutOfcpu",
      message: "Node didn't have enough resource: cpu, requested: 2000, used: 500, capacity: 2000",
    },
    {
      reason: "OutOfmemory",
      message: "Node didn't have enough resource: memory, requested: 629145600, used: 536870912, capacity: 1073741824",
    },
    {
      reason: "OutOfexample.com/fpga",
      message: "Node didn't have enough resource: example.com/fpga, requested: 1, used: 0, capacity: 0",
    },
    { reason: "OutOfpods", message: "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3" },
    {
      reason: "NodeAffinity",
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    },
    {
      reason: "NodePorts",
      message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    },
    {
      reason: "TaintToleration",
      message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
    },
    { reason: "Evicted", message: "The node had condition: [MemoryPressure]. " },
    undefined,
    undefined,
  ]);
});

test("what a pod asks for as a whole counts instead of what its containers do", () => {
  const whole = (cpu: string) => pod({ resources: { requests: { cpu } } }, { cpu: "100m" });
  expect([whole("1500m"), whole("1501m")].map((one) => rejectionOf(one, view)?.reason)).toEqual([
    undefined,
    "OutOfcpu",
  ]);
});

test("init containers count by their hungriest moment beside the sidecars before them", () => {
  const container = (name: string, cpu: string, restartPolicy?: "Always") => ({
    ...{ name, resources: { requests: { cpu } } },
    ...(restartPolicy ? { restartPolicy } : {}),
  });
  const hungry = pod({
    initContainers: [container("side", "500m", "Always"), container("init", "1")],
    containers: [container("c", "200m")],
  });
  expect(rejectionOf(hungry, { ...view, others: [] })).toBe(undefined);
  expect(rejectionOf(hungry, { ...view, others: [pod({}, { cpu: "501m" })] })?.message).toBe(
    "Node didn't have enough resource: cpu, requested: 1500, used: 501, capacity: 2000",
  );
});
