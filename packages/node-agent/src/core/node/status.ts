// The node's own object: labels and taints at registration, capacity, addresses and conditions in its status. Pure.
import type { Node, NodeCondition, NodeStatus, Taint } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { fencingMarks } from "../fencing.ts";

export interface MachineFacts {
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly memoryAvailableBytes: number;
  readonly diskBytes: number;
  readonly diskAvailableBytes: number;
  readonly inodesFree: number;
  readonly pidsFree: number;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly runtimeVersion: string;
  readonly machineId: string;
  readonly bootId: string;
}

export interface NodeSettings {
  readonly fenceAfterMs: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly podCidr: string | undefined;
  readonly maxPods: number;
  readonly port: number;
  readonly reservedMemoryBytes: number;
  readonly reservedCpu: number;
}

/** Below these a condition of pressure holds; the kubelet's hard eviction thresholds. */
const leastMemoryBytes = 100 * 2 ** 20;
const leastDiskFraction = 0.1;
const leastInodes = 1_000;
const leastPids = 500;
export const agentVersion = "v1.36.0-coxswain";

export function newNode(settings: NodeSettings, facts: MachineFacts, nowMs: number): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: settings.name, labels: nodeLabels(settings, facts), annotations: nodeAnnotations(settings) },
    spec: {
      ...(settings.podCidr === undefined ? {} : { podCIDR: settings.podCidr, podCIDRs: [settings.podCidr] }),
      ...(settings.taints.length > 0 ? { taints: [...settings.taints] } : {}),
    },
    status: nodeStatus(settings, facts, undefined, [], nowMs),
  };
}

/** What the control plane must know of this agent's settings. */
export function nodeAnnotations(settings: NodeSettings): Record<string, string> {
  return { [fencingMarks.afterSeconds]: String(settings.fenceAfterMs / 1000) };
}

export function nodeLabels(settings: NodeSettings, facts: MachineFacts): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": facts.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": facts.architecture,
    "kubernetes.io/hostname": settings.name,
    "kubernetes.io/os": "linux",
    ...settings.labels,
  };
}

/** `missing`: why the node cannot run pods; empty makes it Ready. */
export function nodeStatus(
  settings: NodeSettings,
  facts: MachineFacts,
  previous: NodeStatus | undefined,
  missing: readonly string[],
  nowMs: number,
): NodeStatus {
  const capacity = {
    cpu: String(facts.cpus),
    memory: kibi(facts.memoryBytes),
    pods: String(settings.maxPods),
    "ephemeral-storage": kibi(facts.diskBytes),
  };
  const memory = Math.max(0, facts.memoryBytes - settings.reservedMemoryBytes - leastMemoryBytes);
  const cpu = Math.max(0, facts.cpus * 1000 - Math.round(settings.reservedCpu * 1000));
  return {
    capacity: { ...previous?.capacity, ...capacity },
    allocatable: {
      ...previous?.allocatable,
      ...capacity,
      cpu: cpu % 1000 === 0 ? String(cpu / 1000) : `${cpu}m`,
      memory: kibi(memory),
      "ephemeral-storage": String(Math.floor(facts.diskBytes * (1 - leastDiskFraction))),
    },
    addresses: [
      ...facts.addresses.map((address) => ({ type: "InternalIP" as const, address })),
      { type: "Hostname" as const, address: settings.name },
    ],
    conditions: conditionsOf(facts, previous?.conditions ?? [], missing, nowMs),
    daemonEndpoints: { kubeletEndpoint: { Port: settings.port } },
    nodeInfo: {
      architecture: facts.architecture,
      bootID: facts.bootId,
      containerRuntimeVersion: facts.runtimeVersion,
      kernelVersion: facts.kernelVersion,
      kubeProxyVersion: "",
      kubeletVersion: agentVersion,
      machineID: facts.machineId,
      operatingSystem: "linux",
      osImage: facts.osImage,
      systemUUID: facts.machineId,
    },
  };
}

function conditionsOf(
  facts: MachineFacts,
  previous: readonly NodeCondition[],
  missing: readonly string[],
  nowMs: number,
): NodeCondition[] {
  const memory = facts.memoryAvailableBytes < leastMemoryBytes;
  const disk = facts.diskAvailableBytes < facts.diskBytes * leastDiskFraction || facts.inodesFree < leastInodes;
  const pids = facts.pidsFree < leastPids;
  const ready = missing.length === 0;
  const made: readonly (readonly [string, boolean, string, string])[] = [
    memory
      ? ["MemoryPressure", true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"]
      : ["MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    disk
      ? ["DiskPressure", true, "KubeletHasDiskPressure", "kubelet has disk pressure"]
      : ["DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    pids
      ? ["PIDPressure", true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available"]
      : ["PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
    [
      "Ready",
      ready,
      ready ? "KubeletReady" : "KubeletNotReady",
      ready ? "kubelet is posting ready status" : missing.join("; "),
    ],
  ];
  const ours = made.map(([type, holds, reason, message]): NodeCondition => {
    const status = holds ? "True" : "False";
    const old = previous.find((condition) => condition.type === type);
    return {
      type,
      status,
      reason,
      message,
      lastHeartbeatTime: rfc3339(nowMs),
      lastTransitionTime: old?.status === status && old.lastTransitionTime ? old.lastTransitionTime : rfc3339(nowMs),
    };
  });
  return [...previous.filter((condition) => !ours.some((own) => own.type === condition.type)), ...ours];
}

/** Whether a new status says anything but "I am still here". */
export function differs(a: NodeStatus | undefined, b: NodeStatus): boolean {
  const without = (status: NodeStatus | undefined): string =>
    JSON.stringify([
      status?.capacity,
      status?.allocatable,
      status?.addresses,
      status?.nodeInfo,
      (status?.conditions ?? [])
        .map((condition) => [condition.type, condition.status, condition.reason, condition.message])
        .toSorted(),
    ]);
  return without(a) !== without(b);
}

function kibi(bytes: number): string {
  return `${Math.floor(bytes / 1024)}Ki`;
}

/** "key=value:Effect" or "key:Effect". */
export function parseTaint(text: string): Taint | undefined {
  const [, key, value, effect] = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text) ?? [];
  if (key === undefined || effect === undefined) return undefined;
  return { key, ...(value ? { value } : {}), effect: effect as Taint["effect"] };
}
