// What machine, pods and containers use, as values: the one shape that every format (summary, Prometheus, the metrics API)
// is written from. Counters grow from the start of their container.

export interface CgroupUsage {
  readonly cpuNanoseconds: number;
  readonly cpuUserNanoseconds: number;
  readonly cpuSystemNanoseconds: number;
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNanoseconds: number;
  readonly memoryBytes: number;
  /** Usage less what the kernel could drop at once (inactive file pages): what the node really needs for it. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly mappedFileBytes: number;
  readonly swapBytes: number;
  readonly mostMemoryBytes: number;
  /** Undefined: no limit. */
  readonly memoryLimitBytes: number | undefined;
  readonly limitHits: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly oomKills: number;
  readonly processes: number;
}

export interface CpuLimits {
  readonly shares: number;
  readonly quotaUs: number;
  readonly periodUs: number;
}

export interface InterfaceUsage {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDropped: number;
}

export interface DiskUsage {
  readonly atMs: number;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

/** A file system as a whole. */
export interface FileSystemUsage {
  readonly atMs: number;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  /** Undefined: the file system has no fixed number of inodes. */
  readonly inodes: number | undefined;
  readonly inodesFree: number | undefined;
}

export interface ContainerUsage {
  readonly id: string;
  /** "POD" for the sandbox. */
  readonly name: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  readonly image: string;
  readonly cgroupPath: string;
  readonly startedAtMs: number;
  readonly readAtMs: number;
  readonly usage: CgroupUsage;
  readonly limits: CpuLimits;
  /** Cores in use, in billionths, over the last window; undefined before a second look. */
  readonly nanoCores: number | undefined;
  /** Only of a sandbox with a network of its own. */
  readonly interfaces: readonly InterfaceUsage[];
  readonly rootfs: DiskUsage | undefined;
  readonly logs: DiskUsage | undefined;
}

export interface NodeUsage {
  readonly readAtMs: number;
  readonly bootedAtMs: number;
  readonly cpus: number;
  readonly cpuNanoseconds: number;
  readonly nanoCores: number | undefined;
  readonly memoryBytes: number;
  readonly usedBytes: number;
  readonly availableBytes: number;
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
  readonly interfaces: readonly InterfaceUsage[];
  readonly mostProcesses: number;
  readonly processes: number;
}

/** Cores in use between two looks, in billionths; undefined when they are too near each other or the counter began anew. */
export function nanoCoresBetween(
  before: { readonly atMs: number; readonly cpuNanoseconds: number } | undefined,
  after: { readonly atMs: number; readonly cpuNanoseconds: number },
): number | undefined {
  if (!before || after.atMs - before.atMs < 100 || after.cpuNanoseconds < before.cpuNanoseconds) return undefined;
  return Math.round(((after.cpuNanoseconds - before.cpuNanoseconds) / (after.atMs - before.atMs)) * 1000);
}
