// The node's own object: labels and taints at registration, capacity, addresses and conditions in its status. Pure.
import type { ThresholdValue } from "../eviction/thresholds.ts";
import { valueIn } from "../eviction/thresholds.ts";
import type { Node, NodeCondition, NodeStatus, Taint } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { fencingMarks } from "../fencing.ts";

export interface MachineFacts {
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly hugePages: readonly { readonly sizeBytes: number; readonly count: number }[];
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly runtimeVersion: string;
  readonly machineId: string;
  readonly bootId: string;
  /** Undefined while they are not known: what was said of them before holds. */
  readonly images?: readonly HeldImage[] | undefined;
}

/** An image that the engine has. */
export interface HeldImage {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
}

export interface NodeSettings {
  readonly fenceAfterMs: number;
  /** How long the node's lease lasts without a renewal. */
  readonly leaseSeconds: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly podCidr: string | undefined;
  readonly maxPods: number;
  readonly port: number;
  /** Kept back from pods, by resource: cpu in cores, the others as they are. */
  readonly reserved: Readonly<Record<string, number>>;
  /** What hard eviction thresholds keep free, so that pods cannot fill it by asking for it. */
  readonly evictionReserve: { readonly memory: ThresholdValue | undefined; readonly disk: ThresholdValue | undefined };
}

/** The kubelet's --node-status-max-images and MaxNamesPerImageInNodeStatus: the scheduler looks for large ones. */
const [mostImages, mostNames] = [50, 5];

export const agentVersion = "v1.36.0-coxswain";

/** `missing` as below: a node that cannot run pods yet is not Ready for a moment either. */
export function newNode(settings: NodeSettings, facts: MachineFacts, missing: readonly string[], nowMs: number): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: settings.name, labels: nodeLabels(settings, facts), annotations: nodeAnnotations(settings) },
    spec: {
      ...(settings.podCidr === undefined ? {} : { podCIDR: settings.podCidr, podCIDRs: [settings.podCidr] }),
      ...(settings.taints.length > 0 ? { taints: [...settings.taints] } : {}),
    },
    status: nodeStatus(settings, facts, undefined, missing, nowMs),
  };
}

/** What the control plane must know of this agent's settings. */
export function nodeAnnotations(settings: NodeSettings): Record<string, string> {
  // A node that never fences promises nothing.
  return settings.fenceAfterMs > 0 ? { [fencingMarks.afterSeconds]: String(settings.fenceAfterMs / 1000) } : {};
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
  pressures: readonly string[] = [],
): NodeStatus {
  // Others may offer resources of their own on the node: they write its capacity, and we say that pods may have it.
  const capacity: Record<string, string> = {
    ...previous?.capacity,
    cpu: String(facts.cpus),
    memory: kibi(facts.memoryBytes),
    pods: String(settings.maxPods),
    "ephemeral-storage": kibi(facts.diskBytes),
    ...Object.fromEntries(
      facts.hugePages.map(({ sizeBytes, count }) => [`hugepages-${pageSize(sizeBytes)}`, pageSize(sizeBytes * count)]),
    ),
  };
  const { milliCpus, memoryBytes, ephemeralBytes } = allocatableOf(facts, settings);
  return {
    capacity,
    allocatable: {
      ...Object.fromEntries(
        Object.entries(previous?.allocatable ?? {}).filter(([name]) => name in capacity || !name.includes("/")),
      ),
      ...capacity,
      cpu: milliCpus % 1000 === 0 ? String(milliCpus / 1000) : `${milliCpus}m`,
      memory: kibi(memoryBytes),
      "ephemeral-storage": String(ephemeralBytes),
    },
    addresses: [
      ...facts.addresses.map((address) => ({ type: "InternalIP" as const, address })),
      { type: "Hostname" as const, address: settings.name },
    ],
    conditions: conditionsOf(pressures, previous?.conditions ?? [], missing, nowMs),
    ...imagesOf(facts.images, previous),
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

function imagesOf(
  held: readonly HeldImage[] | undefined,
  previous: NodeStatus | undefined,
): Pick<NodeStatus, "images"> {
  if (held === undefined) return previous?.images ? { images: previous.images } : {};
  const images = held
    .map(({ tags, digests, sizeBytes }) => ({ names: [...digests, ...tags].slice(0, mostNames), sizeBytes }))
    .filter(({ names }) => names.length > 0)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.names[0] ?? "").localeCompare(b.names[0] ?? ""))
    .slice(0, mostImages);
  return { images };
}

function conditionsOf(
  pressures: readonly string[],
  previous: readonly NodeCondition[],
  missing: readonly string[],
  nowMs: number,
): NodeCondition[] {
  const memory = pressures.includes("MemoryPressure");
  const disk = pressures.includes("DiskPressure");
  const pids = pressures.includes("PIDPressure");
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
      status?.images,
      (status?.conditions ?? [])
        .map((condition) => [condition.type, condition.status, condition.reason, condition.message])
        .toSorted(),
    ]);
  return without(a) !== without(b);
}

/** "2Mi", "1Gi": sizes of pages are powers of two. */
function pageSize(bytes: number): string {
  return bytes === 0 ? "0" : bytes % 2 ** 30 === 0 ? `${bytes / 2 ** 30}Gi` : `${bytes / 2 ** 20}Mi`;
}

/** What is the pods': all that there is, less what is reserved and what hard thresholds keep free. */
export function allocatableOf(
  facts: Pick<MachineFacts, "cpus" | "memoryBytes" | "diskBytes" | "hugePages">,
  { reserved, evictionReserve }: Pick<NodeSettings, "reserved" | "evictionReserve">,
): { readonly milliCpus: number; readonly memoryBytes: number; readonly ephemeralBytes: number } {
  const less = (name: string, amount: number, reserve: ThresholdValue | undefined): number =>
    Math.max(0, Math.floor(amount - (reserved[name] ?? 0) - (reserve ? valueIn(reserve, amount) : 0)));
  const huge = facts.hugePages.reduce((sum, { sizeBytes, count }) => sum + sizeBytes * count, 0);
  return {
    milliCpus: Math.max(0, facts.cpus * 1000 - Math.round((reserved["cpu"] ?? 0) * 1000)),
    memoryBytes: less("memory", facts.memoryBytes - huge, evictionReserve.memory),
    ephemeralBytes: less("ephemeral-storage", facts.diskBytes, evictionReserve.disk),
  };
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
