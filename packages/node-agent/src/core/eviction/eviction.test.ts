import type { Pod } from "@coxswain/api/core/v1";
import { expect, test } from "vitest";
import { storageExcess } from "./local-storage.ts";
import { planEviction } from "./plan.ts";
import type { EvictionView } from "./plan.ts";
import type { PodUse } from "./rank.ts";
import { parseStatements, parseThresholdValue, valueIn } from "./thresholds.ts";
import type { Threshold } from "./thresholds.ts";

const mi = 2 ** 20;
const podOf = (name: string, priority: number, memory?: string, spec: Partial<NonNullable<Pod["spec"]>> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, uid: name },
  spec: {
    priority,
    containers: [{ name: "c", ...(memory ? { resources: { requests: { memory } } } : {}) }],
    ...spec,
  },
});
const use = (pod: Pod, memoryMi: number, diskBytes = 0): PodUse => ({
  pod,
  memoryBytes: memoryMi * mi,
  diskBytes,
  inodes: 0,
  processes: 1,
  containers: [{ name: "c", memoryBytes: memoryMi * mi, diskBytes }],
  volumes: new Map(),
});
const hard: Threshold = {
  signal: "memory.available",
  value: { amount: 100 * mi },
  graceMs: 0,
  isHard: true,
  minReclaim: { amount: 50 * mi },
};
const view = (availableMi: number, over: Partial<EvictionView> = {}): EvictionView => ({
  thresholds: [hard],
  observations: new Map([["memory.available", { available: availableMi * mi, capacity: 1_000 * mi }]]),
  pods: [],
  metSince: new Map(),
  pressedAt: new Map(),
  transitionMs: 300_000,
  maxGraceSeconds: 10,
  nowMs: 1_000_000,
  ...over,
});

test("statements are read in the kubelet's syntax, and refused in one sentence", () => {
  expect([...parseStatements(["memory.available<100Mi", "nodefs.available<10%", ""], "<")]).toEqual([
    ["memory.available", "100Mi"],
    ["nodefs.available", "10%"],
  ]);
  expect(valueIn(parseThresholdValue("10%"), 1_000)).toBe(100);
  expect(valueIn(parseThresholdValue("100Mi"), 1_000)).toBe(100 * mi);
  expect(() => parseStatements(["memory<1"], "<")).toThrow(
    /^expected SIGNAL<VALUE with a signal of memory.available, /,
  );
  expect(() => parseStatements(["pid.available<1", "pid.available<2"], "<")).toThrow("pid.available is said twice");
  expect(() => parseThresholdValue("much")).toThrow('expected a quantity or a percentage, found "much"');
});

test("who uses more than was asked for goes first, then the least important, then the greediest; critical pods stay", () => {
  const pods = [
    use(podOf("modest", 0, "500Mi"), 400),
    use(podOf("important", 10), 900),
    use(podOf("greedy", 0), 300),
    use(podOf("small", 0), 100),
    use(podOf("critical", 2_000_000_000), 5_000),
  ];
  const { evict, pressures, resource } = planEviction(view(80, { pods }));
  expect({ ...evict, pod: evict?.pod.metadata.name, pressures, resource }).toEqual({
    pod: "greedy",
    graceSeconds: 1,
    pressures: ["MemoryPressure"],
    resource: "memory",
    message:
      "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. Container c was using 300Mi, request is 0, has larger consumption of memory. ",
  });
});

test("pressure ends after its time and when its minimum is reclaimed; a soft threshold waits for its grace", () => {
  const first = planEviction(view(80));
  // Above the threshold, but not by the minimum.
  const second = planEviction(view(120, { ...first, nowMs: 1_010_000 }));
  const third = planEviction(view(160, { ...second, nowMs: 1_020_000 }));
  const last = planEviction(view(160, { ...third, nowMs: 1_020_000 + 300_000 }));
  expect([first, second, third, last].map(({ resource, pressures }) => [resource, ...pressures])).toEqual([
    ["memory", "MemoryPressure"],
    ["memory", "MemoryPressure"],
    [undefined, "MemoryPressure"],
    [undefined],
  ]);
  const soft = { thresholds: [{ ...hard, isHard: false, graceMs: 30_000 }], pods: [use(podOf("p", 0), 1)] };
  const before = planEviction(view(80, soft));
  const after = planEviction(view(80, { ...soft, ...before, nowMs: 1_030_000 }));
  expect([before.evict, after.evict?.graceSeconds]).toEqual([undefined, 10]);
});

test("limits of the disk are kept per emptyDir, pod and container, in the kubelet's words", () => {
  const limited = podOf("p", 0, undefined, {
    volumes: [{ name: "cache", emptyDir: { sizeLimit: "10Mi" } }],
    containers: [{ name: "c", resources: { limits: { "ephemeral-storage": "20Mi" } } }, { name: "d" }],
  });
  const excess = (diskMi: number, volumeMi: number): string | undefined =>
    storageExcess({ ...use(limited, 0, diskMi * mi), volumes: new Map([["cache", volumeMi * mi]]) });
  expect([excess(1, 1), excess(1, 11), excess(21, 1)]).toEqual([
    undefined,
    'Usage of EmptyDir volume "cache" exceeds the limit "10Mi". ',
    'Container c exceeded its local ephemeral storage limit "20Mi". ',
  ]);
  const alone = { ...limited, spec: { containers: [limited.spec!.containers[0]!] } };
  expect(storageExcess(use(alone, 0, 30 * mi))).toBe(
    "Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. ",
  );
});
