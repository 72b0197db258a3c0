// `/stats/summary`: the kubelet's JSON (k8s.io/kubelet/pkg/apis/stats/v1alpha1) written from usages. Pure.
import { rfc3339 } from "@coxswain/clock";
import type { ContainerUsage, DiskUsage, FileSystemUsage, InterfaceUsage, NodeUsage } from "./usage.ts";

export interface SummaryView {
  readonly nodeName: string;
  readonly node: NodeUsage;
  readonly nodeFs: FileSystemUsage;
  readonly imageFs: FileSystemUsage;
  readonly imagesBytes: number | undefined;
  readonly containers: readonly ContainerUsage[];
  readonly pods: readonly PodFacts[];
  /** The agent's own process. */
  readonly agent: { readonly startedAtMs: number; readonly cpuNanoseconds: number; readonly rssBytes: number };
}

export interface PodFacts {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly startedAtMs: number;
  readonly volumes: readonly {
    readonly name: string;
    readonly usage: DiskUsage | undefined;
    readonly claim?: string;
  }[];
}

export function summaryOf(view: SummaryView, onlyCpuAndMemory: boolean): unknown {
  const { node, nodeFs, imageFs } = view;
  const time = rfc3339(node.readAtMs);
  const used = view.containers;
  const all = {
    cpu: cpuOf(time, node.nanoCores, node.cpuNanoseconds),
    memory: {
      time,
      availableBytes: node.availableBytes,
      usageBytes: node.usedBytes,
      workingSetBytes: node.workingSetBytes,
      rssBytes: node.rssBytes,
      pageFaults: node.pageFaults,
      majorPageFaults: node.majorPageFaults,
    },
  };
  return {
    node: {
      nodeName: view.nodeName,
      systemContainers: [
        {
          name: "pods",
          startTime: rfc3339(node.bootedAtMs),
          cpu: sumCpu(time, used),
          memory: { ...sumMemory(time, used), availableBytes: node.availableBytes },
        },
        {
          name: "kubelet",
          startTime: rfc3339(view.agent.startedAtMs),
          cpu: cpuOf(time, undefined, view.agent.cpuNanoseconds),
          memory: { time, rssBytes: view.agent.rssBytes, workingSetBytes: view.agent.rssBytes },
        },
      ],
      startTime: rfc3339(node.bootedAtMs),
      ...all,
      ...(onlyCpuAndMemory
        ? {}
        : {
            network: networkOf(time, node.interfaces),
            fs: fsOf(nodeFs, nodeFs.usedBytes),
            runtime: {
              imageFs: fsOf(imageFs, view.imagesBytes ?? imageFs.usedBytes),
              containerFs: fsOf(
                imageFs,
                sum(used, (one) => one.rootfs?.usedBytes ?? 0),
              ),
            },
            rlimit: { time, maxpid: node.mostProcesses, curproc: node.processes },
          }),
      swap: {
        time,
        swapAvailableBytes: node.swapFreeBytes,
        swapUsageBytes: node.swapTotalBytes - node.swapFreeBytes,
      },
    },
    pods: view.pods.flatMap((pod) => {
      const own = used.filter((container) => container.podUid === pod.uid);
      return own.length === 0 ? [] : [podOf(view, pod, own, onlyCpuAndMemory)];
    }),
  };
}

function podOf(view: SummaryView, pod: PodFacts, own: readonly ContainerUsage[], onlyCpuAndMemory: boolean): unknown {
  const readAtMs = Math.max(...own.map((container) => container.readAtMs));
  const time = rfc3339(readAtMs);
  const sandbox = own.find((container) => container.name === "POD");
  const containers = own.filter((container) => container !== sandbox);
  const local = [
    ...containers.flatMap(({ rootfs, logs }) => [rootfs, logs]),
    ...pod.volumes.filter((volume) => volume.claim === undefined).map((volume) => volume.usage),
  ].filter((usage) => usage !== undefined);
  return {
    podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
    startTime: rfc3339(pod.startedAtMs),
    containers: containers.map((container) => containerOf(view, container, onlyCpuAndMemory)),
    cpu: sumCpu(time, own),
    memory: sumMemory(time, own),
    ...(onlyCpuAndMemory
      ? {}
      : {
          ...(sandbox && sandbox.interfaces.length > 0 ? { network: networkOf(time, sandbox.interfaces) } : {}),
          volume: pod.volumes.flatMap(({ name, usage, claim }) =>
            usage
              ? [
                  {
                    ...fsPart(view.nodeFs, usage),
                    name,
                    ...(claim === undefined ? {} : { pvcRef: { name: claim, namespace: pod.namespace } }),
                  },
                ]
              : [],
          ),
          "ephemeral-storage": {
            ...fsOf(
              view.nodeFs,
              sum(local, (usage) => usage.usedBytes),
            ),
            inodesUsed: sum(local, (usage) => usage.inodesUsed),
          },
          process_stats: { process_count: sum(own, (container) => container.usage.processes) },
        }),
    swap: { time, swapUsageBytes: sum(own, (container) => container.usage.swapBytes) },
  };
}

function containerOf(view: SummaryView, container: ContainerUsage, onlyCpuAndMemory: boolean): unknown {
  const time = rfc3339(container.readAtMs);
  const { rootfs, logs } = container;
  return {
    name: container.name,
    startTime: rfc3339(container.startedAtMs),
    cpu: cpuOf(time, container.nanoCores, container.usage.cpuNanoseconds),
    memory: sumMemory(time, [container]),
    ...(!onlyCpuAndMemory && rootfs ? { rootfs: fsPart(view.imageFs, rootfs) } : {}),
    ...(!onlyCpuAndMemory && logs ? { logs: fsPart(view.imageFs, logs) } : {}),
    swap: { time, swapUsageBytes: container.usage.swapBytes },
  };
}

function cpuOf(time: string, nanoCores: number | undefined, cpuNanoseconds: number): unknown {
  return {
    time,
    ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
    usageCoreNanoSeconds: cpuNanoseconds,
  };
}

function sumCpu(time: string, containers: readonly ContainerUsage[]): unknown {
  const rates = containers.map((container) => container.nanoCores);
  const nanoCores = rates.includes(undefined) ? undefined : sum(rates, (rate) => rate ?? 0);
  return cpuOf(
    time,
    nanoCores,
    sum(containers, (container) => container.usage.cpuNanoseconds),
  );
}

function sumMemory(time: string, containers: readonly ContainerUsage[]): Record<string, unknown> {
  const [first] = containers;
  const limit = containers.length === 1 ? first?.usage.memoryLimitBytes : undefined;
  return {
    time,
    ...(limit === undefined || !first ? {} : { availableBytes: Math.max(0, limit - first.usage.workingSetBytes) }),
    usageBytes: sum(containers, ({ usage }) => usage.memoryBytes),
    workingSetBytes: sum(containers, ({ usage }) => usage.workingSetBytes),
    rssBytes: sum(containers, ({ usage }) => usage.rssBytes),
    pageFaults: sum(containers, ({ usage }) => usage.pageFaults),
    majorPageFaults: sum(containers, ({ usage }) => usage.majorPageFaults),
  };
}

function networkOf(time: string, interfaces: readonly InterfaceUsage[]): unknown {
  const values = interfaces.map((one) => ({
    name: one.name,
    rxBytes: one.receivedBytes,
    rxErrors: one.receiveErrors,
    txBytes: one.sentBytes,
    txErrors: one.sendErrors,
  }));
  return { time, ...values[0], interfaces: values };
}

function fsOf(fs: FileSystemUsage, usedBytes: number): Record<string, unknown> {
  return {
    time: rfc3339(fs.atMs),
    availableBytes: fs.availableBytes,
    capacityBytes: fs.capacityBytes,
    usedBytes,
    ...(fs.inodes === undefined || fs.inodesFree === undefined
      ? {}
      : { inodesFree: fs.inodesFree, inodes: fs.inodes, inodesUsed: fs.inodes - fs.inodesFree }),
  };
}

/** A directory's part of the file system that it is on. */
function fsPart(fs: FileSystemUsage, part: DiskUsage): Record<string, unknown> {
  return { ...fsOf(fs, part.usedBytes), time: rfc3339(part.atMs), inodesUsed: part.inodesUsed };
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
