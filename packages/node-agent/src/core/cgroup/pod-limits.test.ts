// A pod's limits as a whole, by the kubelet's rules.
import { describe, expect, test } from "vitest";
import type { Container, Pod, PodSpec } from "@coxswain/api/core/v1";
import { cgroupNames, isPodCgroup } from "./names.ts";
import { burstableShares, podLimits } from "./pod-limits.ts";
import { cpuWeightOf, limitsIn, sliceProperties, unifiedFiles } from "./unified.ts";

const MiB = 2 ** 20;
type Resources = NonNullable<Container["resources"]>;
const container = (resources: Resources, more: Partial<Container> = {}): Container => ({
  name: "c",
  resources,
  ...more,
});
const podWith = (containers: readonly Container[], more: Partial<PodSpec> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "default", uid: "u" },
  spec: { containers: [...containers], ...more },
});
const limited = (cpu: string, memory: string): Resources => ({ limits: { cpu, memory } });
const { pathOf } = cgroupNames("cgroupfs", "kubepods");
const pods = {
  guaranteed: podWith([container(limited("100m", "16Mi")), container(limited("200m", "16Mi"))]),
  burstable: podWith([container({ requests: { cpu: "100m" } }), container(limited("200m", "16Mi"))]),
  bestEffort: podWith([container({})]),
};

const none = { hugePages: new Map(), processes: undefined };

describe("a pod's cgroup", () => {
  test.each([
    ["guaranteed", "/kubepods/podu", { cpuShares: 307, cpuQuotaUs: 30_000, memoryBytes: 40 * MiB }],
    // One container without a limit: none for the pod.
    ["burstable", "/kubepods/burstable/podu", { cpuShares: 307, cpuQuotaUs: undefined, memoryBytes: undefined }],
    ["bestEffort", "/kubepods/besteffort/podu", { cpuShares: 2, cpuQuotaUs: undefined, memoryBytes: undefined }],
  ] as const)("of class %s", (name, path, limits) => {
    expect([pathOf(pods[name]), podLimits(pods[name])]).toEqual([path, { ...limits, ...none }]);
  });

  test("makes room for the hungriest init container on top of the sidecars before it", () => {
    const initContainers = [
      container(limited("100m", "16Mi"), { restartPolicy: "Always" }),
      container(limited("500m", "64Mi")),
    ];
    expect(podLimits(podWith([container(limited("200m", "16Mi"))], { initContainers }))).toEqual({
      cpuShares: 614,
      cpuQuotaUs: 60_000,
      memoryBytes: 88 * MiB,
      ...none,
    });
  });

  test("has the node's number of processes, and huge pages of the sizes that are asked for", () => {
    const huge = (amount: string): Resources => ({ limits: { cpu: "1", memory: "16Mi", "hugepages-2Mi": amount } });
    const hungry = container(huge("8Mi"));
    const asked = podWith([container(huge("2Mi")), container(limited("1", "16Mi"))], { initContainers: [hungry] });
    expect(podLimits(asked, 100)).toMatchObject({ processes: 100, hugePages: new Map([[2 * MiB, 8 * MiB]]) });
    const own = { limits: { "hugepages-1Gi": "2Gi", memory: "1Gi" } };
    expect(podLimits(podWith([container(huge("2Mi"))], { resources: own })).hugePages).toEqual(
      new Map([
        [2 ** 30, 2 ** 31],
        [2 * MiB, 2 * MiB],
      ]),
    );
  });

  test("is as the pod says, where it says something about itself", () => {
    const resources = { requests: { cpu: "1", memory: "16Mi" }, limits: { memory: "64Mi" } };
    const pod = podWith([container({})], { resources });
    expect([pathOf(pod), podLimits(pod)]).toEqual([
      "/kubepods/burstable/podu",
      { cpuShares: 1024, cpuQuotaUs: undefined, memoryBytes: 64 * MiB, ...none },
    ]);
  });

  test("shares with those that have asked for as little", () => {
    expect(burstableShares(Object.values(pods))).toBe(307);
    expect(burstableShares([pods.bestEffort])).toBe(2);
  });
});

describe("with systemd a pod's cgroup is a slice", () => {
  const uid = "0f1e-2d";
  const names = cgroupNames("systemd", "kubepods_my-cluster");
  const of = (pod: Pod) => {
    const known = { ...pod, metadata: { ...pod.metadata, uid } };
    return [names.pathOf(known), names.parentOf(known)];
  };
  const top = "kubepods_my_cluster";

  test("whose name repeats those above it", () => {
    expect(Object.values(pods).map(of)).toEqual([
      [`/${top}.slice/${top}-pod0f1e_2d.slice`, `${top}-pod0f1e_2d.slice`],
      [`/${top}.slice/${top}-burstable.slice/${top}-burstable-pod0f1e_2d.slice`, `${top}-burstable-pod0f1e_2d.slice`],
      [
        `/${top}.slice/${top}-besteffort.slice/${top}-besteffort-pod0f1e_2d.slice`,
        `${top}-besteffort-pod0f1e_2d.slice`,
      ],
    ]);
  });

  test("and is known by the pod's uid wherever it lies", () => {
    const directories = [...names.placesOf(uid), names.all, names.burstable].map(
      (path) => path.split("/").at(-1) ?? "",
    );
    expect(directories.map((name) => names.uidOf(name))).toEqual([uid, uid, uid, undefined, undefined]);
    expect(names.placesOf(uid).map((path) => isPodCgroup(path, uid))).toEqual([true, true, true]);
    expect(isPodCgroup(names.burstable, uid)).toBe(false);
  });
});

describe("in version 2", () => {
  test.each([
    [2, 1],
    [102, 4],
    [1024, 39],
    [262_144, 10_000],
  ])("%i shares weigh %i", (shares, weight) => {
    expect(cpuWeightOf(shares)).toBe(weight);
  });

  test("limits are other files, and other properties of a slice", () => {
    const some = { cpuShares: 307, cpuQuotaUs: 30_000, memoryBytes: 40 * MiB + 1, processes: 100 };
    const unheld = { cpuShares: 2, cpuQuotaUs: undefined, memoryBytes: undefined };
    expect([some, unheld].map(unifiedFiles)).toEqual([
      { "cpu.weight": "12", "cpu.max": "30000 100000", "memory.max": `${40 * MiB}`, "pids.max": "100" },
      { "cpu.weight": "1", "cpu.max": "max 100000", "memory.max": "max", "pids.max": "max" },
    ]);
    expect([some, unheld].map(sliceProperties)).toEqual([
      [
        ["CPUWeight", "t", "12"],
        ["CPUQuotaPerSecUSec", "t", "300000"],
        ["MemoryMax", "t", `${40 * MiB + 1}`],
        ["TasksMax", "t", "100"],
      ],
      [
        ["CPUWeight", "t", "1"],
        ["CPUQuotaPerSecUSec", "t", "18446744073709551615"],
        ["MemoryMax", "t", "18446744073709551615"],
        ["TasksMax", "t", "18446744073709551615"],
      ],
    ]);
  });

  test("limits are read back, for other periods, too", () => {
    const read = (files: Readonly<Record<string, string>>) => limitsIn((name) => files[name] ?? "");
    expect([
      read({ "cpu.max": "30000 100000\n", "memory.max": "4096\n" }),
      read({ "cpu.max": "10000 20000\n", "memory.max": "max\n" }),
      read({ "cpu.max": "max 100000\n" }),
    ]).toEqual([
      { cpuQuotaUs: 30_000, memoryBytes: 4096 },
      { cpuQuotaUs: 50_000, memoryBytes: undefined },
      { cpuQuotaUs: undefined, memoryBytes: undefined },
    ]);
  });
});
