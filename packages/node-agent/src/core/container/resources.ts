// Requests and limits as the cgroup's numbers, and the order in which the kernel would kill, as the kubelet has them.
import type { Container, Pod, ResourceRequirements } from "@coxswain/api/core/v1";
import type { ContainerResources } from "@coxswain/container-runtime";
import { amountOf } from "./amount.ts";

const cpuPeriodUs = 100_000;
const leastQuotaUs = 1_000;
export const leastShares = 2;
const mostShares = 262_144;

/** `system-node-critical`. */
const nodeCriticalPriority = 2_000_001_000;
const protectedScore = -997;

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** `mayProtect`: the machine lets us give scores below zero. */
export function containerResources(
  pod: Pod,
  container: Container,
  nodeMemoryBytes: number,
  mayProtect = false,
): ContainerResources {
  const { requests, limits } = container.resources ?? {};
  const cpuRequest = amountOf(requests?.cpu) ?? amountOf(limits?.cpu) ?? 0;
  const cpuLimit = amountOf(limits?.cpu) ?? 0;
  const memoryLimit = amountOf(limits?.memory) ?? 0;
  const cpuQuotaUs = cpuQuotaOf(cpuLimit);
  return {
    cpuShares: cpuSharesOf(cpuRequest),
    ...(cpuQuotaUs === undefined ? {} : { cpuPeriodUs, cpuQuotaUs }),
    ...(memoryLimit > 0 ? { memoryBytes: Math.floor(memoryLimit) } : {}),
    oomScoreAdj: oomScoreAdj(pod, container, nodeMemoryBytes, mayProtect),
  };
}

export function cpuSharesOf(cpus: number): number {
  return Math.min(mostShares, Math.max(leastShares, Math.floor(cpus * 1024)));
}

/** For a period of 100 ms; undefined without a limit. */
export function cpuQuotaOf(cpus: number | undefined): number | undefined {
  return cpus ? Math.max(leastQuotaUs, Math.round(cpus * cpuPeriodUs)) : undefined;
}

/**
 * Guaranteed pods and the node's own critical ones die last, best-effort ones first. Where the machine has no CAP_SYS_RESOURCE
 * for us, the kubelet's -997 cannot be set, and 0 is still before everything else of the cluster.
 */
function oomScoreAdj(pod: Pod, container: Container, nodeMemoryBytes: number, mayProtect: boolean): number {
  const qos = qosOf(pod);
  if (qos === "Guaranteed" || (pod.spec?.priority ?? 0) >= nodeCriticalPriority) return mayProtect ? protectedScore : 0;
  if (qos === "BestEffort") return 1000;
  const request = amountOf(container.resources?.requests?.memory) ?? 0;
  return Math.min(999, Math.max(3, Math.floor(1000 - (1000 * request) / nodeMemoryBytes)));
}

export function qosOf(pod: Pod): QosClass {
  const { initContainers = [], containers = [], resources: ofPod } = pod.spec ?? {};
  const resources = isSet(ofPod) ? [ofPod] : [...initContainers, ...containers].map((container) => container.resources);
  const amounts = resources.map((one) =>
    ["cpu", "memory"].map((name) => {
      const limit = amountOf(one?.limits?.[name]) ?? 0;
      return { limit, request: amountOf(one?.requests?.[name]) ?? limit };
    }),
  );
  if (amounts.flat().every(({ limit, request }) => limit === 0 && request === 0)) return "BestEffort";
  return amounts.flat().every(({ limit, request }) => limit > 0 && request === limit) ? "Guaranteed" : "Burstable";
}

function isSet(resources: ResourceRequirements | undefined): boolean {
  return Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;
}
