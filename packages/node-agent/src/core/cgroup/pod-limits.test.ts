// A pod's limits as a whole, by the kubelet's rules.
import { describe, expect, test } from "vitest";
import type { Container, Pod, PodSpec } from "@coxswain/api/core/v1";
import { burstableShares, podCgroupPath, podLimits } from "./pod-limits.ts";

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
const pods = {
  guaranteed: podWith([container(limited("100m", "16Mi")), container(limited("200m", "16Mi"))]),
  burstable: podWith([container({ requests: { cpu: "100m" } }), container(limited("200m", "16Mi"))]),
  bestEffort: podWith([container({})]),
};

describe("a pod's cgroup", () => {
  test.each([
    ["guaranteed", "/kubepods/podu", { cpuShares: 307, cpuQuotaUs: 30_000, memoryBytes: 40 * MiB }],
    // One container without a limit: none for the pod.
    ["burstable", "/kubepods/burstable/podu", { cpuShares: 307, cpuQuotaUs: undefined, memoryBytes: undefined }],
    ["bestEffort", "/kubepods/besteffort/podu", { cpuShares: 2, cpuQuotaUs: undefined, memoryBytes: undefined }],
  ] as const)("of class %s", (name, path, limits) => {
    expect([podCgroupPath("kubepods", pods[name]), podLimits(pods[name])]).toEqual([path, limits]);
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
    });
  });

  test("is as the pod says, where it says something about itself", () => {
    const resources = { requests: { cpu: "1", memory: "16Mi" }, limits: { memory: "64Mi" } };
    const pod = podWith([container({})], { resources });
    expect([podCgroupPath("kubepods", pod), podLimits(pod)]).toEqual([
      "/kubepods/burstable/podu",
      { cpuShares: 1024, cpuQuotaUs: undefined, memoryBytes: 64 * MiB },
    ]);
  });

  test("shares with those that have asked for as little", () => {
    expect(burstableShares(Object.values(pods))).toBe(307);
    expect(burstableShares([pods.bestEffort])).toBe(2);
  });
});
