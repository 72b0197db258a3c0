// Keeps an eye on what containers use without asking the engine about each: the engine is asked which containers there are
// after it has told of a change, each new one is looked up once, and everything else comes from the kernel's files.
import type { Clock } from "@coxswain/clock";
import { marks } from "@coxswain/container-runtime";
import type { ContainerInspection, ContainerRuntime } from "@coxswain/container-runtime";
import { interfacesIn, nodeUsageIn } from "../../core/stats/proc-text.ts";
import { nanoCoresBetween } from "../../core/stats/usage.ts";
import type { ContainerUsage, DiskUsage, NodeUsage } from "../../core/stats/usage.ts";
import { locateCgroup, readCgroup, readCpuNanoseconds, readIfThere } from "../cgroup/cgroups.ts";
import type { CgroupPlace } from "../cgroup/cgroups.ts";

export interface UsageCollector {
  /** Looks at cpu counters now and then, so that rates have a window. Until the signal. */
  run(signal: AbortSignal): Promise<void>;
  /** The engine has told of a change among our containers. */
  changed(): void;
  /** Running containers and sandboxes, read now (or within the last moment). */
  /** With what they have written to disk only when asked, since directories must be walked for that. */
  containers(withDisks?: boolean): Promise<readonly ContainerUsage[]>;
  node(): NodeUsage;
  /** What is known of running containers, without reading. */
  known(): Promise<readonly KnownContainer[]>;
}

export interface KnownContainer {
  readonly inspection: ContainerInspection;
  readonly place: CgroupPlace;
}

interface Tracked extends KnownContainer {
  /** The last looks at the counter, oldest first. */
  samples: readonly Sample[];
}

interface Sample {
  readonly atMs: number;
  readonly cpuNanoseconds: number;
}

/** The kubelet's housekeeping interval; rates are over one to two of these. */
const sampleMs = 10_000;
/** The sampler waits for this long a quiet before it asks the engine what is new. */
const quietMs = 5_000;
/** Readers that come together share one reading. */
const freshMs = 500;

export function createUsageCollector(ports: {
  readonly clock: Clock;
  readonly runtime: Pick<ContainerRuntime, "list" | "inspect">;
  /** What a container has written; from memory. */
  readonly disk: (container: ContainerInspection) => {
    readonly rootfs: DiskUsage | undefined;
    readonly logs: DiskUsage | undefined;
  };
}): UsageCollector {
  const { clock, runtime } = ports;
  const tracked = new Map<string, Tracked>();
  let stale = true;
  let changedAtMs = clock.monotonic();
  let listing: Promise<void> | undefined;
  let nodeSamples: readonly Sample[] = [];
  let recent: { readonly atMs: number; readonly usages: readonly ContainerUsage[] } | undefined;

  const relist = async (): Promise<void> => {
    stale = false;
    try {
      const running = (await runtime.list()).filter((summary) => summary.state === "running");
      const ids = new Set(running.map((summary) => summary.id));
      for (const id of tracked.keys()) if (!ids.has(id)) tracked.delete(id);
      for (const { id } of running) {
        if (tracked.has(id)) continue;
        const inspection = await runtime.inspect(id);
        const place = inspection && inspection.pid > 0 ? locateCgroup(inspection.pid) : undefined;
        if (inspection && place) tracked.set(id, { inspection, place, samples: [] });
      }
    } catch (error) {
      stale = true;
      throw error;
    }
  };
  const current = async (): Promise<readonly Tracked[]> => {
    while (stale) {
      listing ??= relist().finally(() => (listing = undefined));
      await listing;
    }
    return [...tracked.values()];
  };

  const sample = (): void => {
    for (const container of tracked.values()) {
      const cpuNanoseconds = readCpuNanoseconds(container.place);
      if (cpuNanoseconds !== undefined)
        container.samples = [...container.samples.slice(-1), { atMs: clock.monotonic(), cpuNanoseconds }];
    }
    const { cpuNanoseconds } = readNode();
    nodeSamples = [...nodeSamples.slice(-1), { atMs: clock.monotonic(), cpuNanoseconds }];
  };

  const readNode = (): Omit<NodeUsage, "nanoCores"> =>
    nodeUsageIn(
      {
        stat: readIfThere("/proc/stat"),
        meminfo: readIfThere("/proc/meminfo"),
        vmstat: readIfThere("/proc/vmstat"),
        netDev: readIfThere("/proc/net/dev"),
        loadavg: readIfThere("/proc/loadavg"),
        pidMax: readIfThere("/proc/sys/kernel/pid_max"),
      },
      clock.now(),
    );

  const usageOf = ({ inspection, place, samples }: Tracked): ContainerUsage | undefined => {
    const read = readCgroup(place);
    if (!read) return undefined;
    const { labels, id, pid, kind, image, startedAtMs = 0 } = inspection;
    const now = { atMs: clock.monotonic(), cpuNanoseconds: read.usage.cpuNanoseconds };
    return {
      id,
      name: kind === "sandbox" ? "POD" : (labels[marks.containerName] ?? ""),
      podName: labels[marks.podName] ?? "",
      podNamespace: labels[marks.podNamespace] ?? "",
      podUid: labels[marks.podUid] ?? "",
      image,
      cgroupPath: place.path,
      startedAtMs,
      readAtMs: clock.now(),
      ...read,
      nanoCores: nanoCoresBetween(baseOf(samples, now.atMs), now),
      interfaces:
        kind === "sandbox" && !inspection.hostNetwork ? interfacesIn(readIfThere(`/proc/${pid}/net/dev`)) : [],
      ...{ rootfs: undefined, logs: undefined },
    };
  };

  return {
    changed() {
      stale = true;
      changedAtMs = clock.monotonic();
    },
    known: current,
    async containers(withDisks = false) {
      if (!recent || clock.monotonic() - recent.atMs >= freshMs) {
        const usages = (await current()).flatMap((container) => usageOf(container) ?? []);
        recent = { atMs: clock.monotonic(), usages };
      }
      if (!withDisks) return recent.usages;
      return recent.usages.map((container) => {
        const known = tracked.get(container.id);
        return known ? { ...container, ...ports.disk(known.inspection) } : container;
      });
    },
    node() {
      const read = readNode();
      const now = { atMs: clock.monotonic(), cpuNanoseconds: read.cpuNanoseconds };
      return { ...read, nanoCores: nanoCoresBetween(baseOf(nodeSamples, now.atMs), now) };
    },
    async run(signal) {
      while (!signal.aborted) {
        // While pods start, the engine has better things to do than to be asked.
        if (stale && clock.monotonic() - changedAtMs > quietMs) await current().catch(() => undefined);
        sample();
        await clock.sleep(sampleMs, signal).catch(() => undefined);
      }
    },
  };
}

/** The newest look that is old enough for a window, else the oldest. */
function baseOf(samples: readonly Sample[], nowMs: number): Sample | undefined {
  return samples.findLast((sample) => nowMs - sample.atMs >= sampleMs / 2) ?? samples[0];
}
