// Looks every ten seconds whether the node runs short, has unused images cleared away, ends pods one at a time. What to do is
// planned in `core/eviction/`; conditions of the node are read from here.
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import { hasStorageLimit, storageExcess } from "../../core/eviction/local-storage.ts";
import { planEviction } from "../../core/eviction/plan.ts";
import type { EvictionPlan, Pressure } from "../../core/eviction/plan.ts";
import type { PodUse } from "../../core/eviction/rank.ts";
import type { Observation, Signal, Threshold } from "../../core/eviction/thresholds.ts";
import type { ContainerUsage, FileSystemUsage, NodeUsage } from "../../core/stats/usage.ts";
import type { PodEnding } from "../../core/pod/view.ts";
import type { DiskMeter } from "../stats/disk.ts";

export interface EvictionManager {
  run(signal: AbortSignal): Promise<void>;
  /** Conditions of pressure that hold now. */
  pressures(): readonly Pressure[];
}

export interface EvictionPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: () => NodeUsage;
  readonly containers: (withDisks: boolean) => Promise<readonly ContainerUsage[]>;
  readonly nodeFs: () => Promise<FileSystemUsage>;
  readonly imageFs: () => Promise<FileSystemUsage>;
  readonly disk: DiskMeter;
  /** Pods that have not ended. */
  readonly pods: () => readonly Pod[];
  /** Where the pod's emptyDir is. */
  readonly volumePath: (podUid: string, volume: string) => string;
  readonly end: (pod: Pod, ending: PodEnding) => void;
  /** Removes all images that nobody uses; resolves with how many bytes that were. */
  readonly reclaimImages: (signal: AbortSignal) => Promise<number>;
  readonly tellNode: (type: "Normal" | "Warning", reason: string, message: string) => void;
  readonly changed: () => void;
}

const lookMs = 10_000;

export function createEvictionManager(
  settings: {
    readonly thresholds: readonly Threshold[];
    readonly maxGraceSeconds: number;
    readonly transitionMs: number;
  },
  ports: EvictionPorts,
): EvictionManager {
  const { clock, log } = ports;
  let memory: Pick<EvictionPlan, "metSince" | "pressedAt"> = { metSince: new Map(), pressedAt: new Map() };
  let pressures: readonly Pressure[] = [];

  const usesOf = async (pods: readonly Pod[], exactly: boolean): Promise<readonly PodUse[]> => {
    const containers = await ports.containers(true);
    return Promise.all(pods.map((pod) => useOf(pod, containers, ports, exactly)));
  };

  const enforceLimits = async (): Promise<void> => {
    const limited = ports.pods().filter(hasStorageLimit);
    if (limited.length === 0) return;
    for (const use of await usesOf(limited, true)) {
      const message = storageExcess(use);
      if (message === undefined) continue;
      log.warn({ object: use.pod.metadata.name, because: message }, "a pod is evicted");
      ports.end(use.pod, { reason: "Evicted", message, graceSeconds: 1, isDisruption: true });
    }
  };

  /** Who uses what is asked only when somebody must go. */
  const plan = async (): Promise<EvictionPlan> => {
    const view = { ...settings, ...memory, observations: await observe(ports), pods: [], nowMs: clock.now() };
    const first = planEviction(view);
    return first.resource === undefined ? first : planEviction({ ...view, pods: await usesOf(ports.pods(), false) });
  };

  const look = async (signal: AbortSignal): Promise<void> => {
    await enforceLimits();
    let planned = await plan();
    memory = planned;
    if (planned.resource !== undefined) {
      ports.tellNode("Warning", "EvictionThresholdMet", `Attempting to reclaim ${planned.resource}`);
      log.warn({ resource: planned.resource, because: planned.because }, "the node runs short");
    }
    if (planned.reclaimDisk && (await ports.reclaimImages(signal)) > 0) {
      planned = await plan();
      memory = planned;
    }
    const before = pressures.join();
    pressures = planned.pressures;
    if (pressures.join() !== before) ports.changed();
    const { evict } = planned;
    if (!evict) return;
    log.warn({ object: evict.pod.metadata.name, because: evict.message }, "a pod is evicted");
    ports.end(evict.pod, {
      ...{ reason: "Evicted", message: evict.message, graceSeconds: evict.graceSeconds },
      isDisruption: true,
    });
  };

  return {
    pressures: () => pressures,
    async run(signal) {
      while (!signal.aborted) {
        try {
          await look(signal);
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ err: error }, "the node's resources could not be looked at");
        }
        await clock.sleep(lookMs, signal).catch(() => undefined);
      }
    },
  };
}

async function observe(ports: EvictionPorts): Promise<ReadonlyMap<Signal, Observation>> {
  const node = ports.node();
  const [nodeFs, imageFs] = await Promise.all([ports.nodeFs(), ports.imageFs()]);
  const observed = new Map<Signal, Observation>([
    ["memory.available", { available: node.availableBytes, capacity: node.memoryBytes }],
    ["pid.available", { available: node.mostProcesses - node.processes, capacity: node.mostProcesses }],
  ]);
  for (const [name, fs] of [
    ["nodefs", nodeFs],
    ["imagefs", imageFs],
  ] as const) {
    observed.set(`${name}.available`, { available: fs.availableBytes, capacity: fs.capacityBytes });
    if (fs.inodes !== undefined && fs.inodesFree !== undefined)
      observed.set(`${name}.inodesFree`, { available: fs.inodesFree, capacity: fs.inodes });
  }
  return observed;
}

/** `exactly`: emptyDirs are walked now, not believed from a minute ago. */
async function useOf(
  pod: Pod,
  all: readonly ContainerUsage[],
  { disk, volumePath }: EvictionPorts,
  exactly: boolean,
): Promise<PodUse> {
  const uid = pod.metadata.uid ?? "";
  const own = all.filter((container) => container.podUid === uid);
  const sum = (of: (container: ContainerUsage) => number): number => own.reduce((total, one) => total + of(one), 0);
  const bytes = ({ rootfs, logs }: ContainerUsage): number => (rootfs?.usedBytes ?? 0) + (logs?.usedBytes ?? 0);
  const volumes = await Promise.all(
    (pod.spec?.volumes ?? [])
      .filter((volume) => volume.emptyDir && volume.emptyDir.medium !== "Memory")
      .map(async ({ name }) => {
        const path = volumePath(uid, name);
        const usage = exactly ? await disk.measured(path, lookMs) : disk.recent(path);
        return { name, bytes: usage?.usedBytes ?? 0, inodes: usage?.inodesUsed ?? 0 };
      }),
  );
  return {
    pod,
    memoryBytes: sum(({ usage }) => usage.workingSetBytes),
    diskBytes: sum(bytes) + volumes.reduce((total, volume) => total + volume.bytes, 0),
    inodes: sum(({ rootfs }) => rootfs?.inodesUsed ?? 0) + volumes.reduce((total, volume) => total + volume.inodes, 0),
    processes: sum(({ usage }) => usage.processes),
    containers: own.map((container) => ({
      name: container.name,
      memoryBytes: container.usage.workingSetBytes,
      diskBytes: bytes(container),
    })),
    volumes: new Map(volumes.map((volume) => [volume.name, volume.bytes])),
  };
}
