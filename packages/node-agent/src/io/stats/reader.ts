// All that the agent can tell of usage, in one place: what the collector reads of cgroups, joined with disks and pods.
import { join } from "node:path";
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import { parseRfc3339 } from "@coxswain/clock";
import type { ContainerInspection, ContainerRuntime, RuntimeVersion } from "@coxswain/container-runtime";
import type { PodFacts, SummaryView } from "../../core/stats/summary.ts";
import type { ContainerUsage, NodeUsage } from "../../core/stats/usage.ts";
import { createUsageCollector } from "./collector.ts";
import type { UsageCollector } from "./collector.ts";
import { fileSystemOf } from "./disk.ts";
import type { DiskMeter } from "./disk.ts";

export interface UsageReader {
  readonly facts: { readonly kernelVersion: string; readonly osVersion: string; readonly version: string };
  /** Prometheus text of what probes have found. */
  probes(): string;
  node(): NodeUsage;
  containers(withDisks?: boolean): Promise<readonly ContainerUsage[]>;
  summary(): Promise<SummaryView>;
  readonly collector: UsageCollector;
}

export function createUsageReader(
  settings: { readonly nodeName: string; readonly rootDirectory: string; readonly runtime: RuntimeVersion },
  ports: {
    readonly clock: Clock;
    readonly runtime: Pick<ContainerRuntime, "list" | "inspect">;
    readonly disk: DiskMeter;
    readonly pods: () => readonly Pod[];
    readonly probes: () => string;
  },
): UsageReader {
  const { clock, disk } = ports;
  const startedAtMs = clock.now();
  const collector = createUsageCollector({
    ...{ clock, runtime: ports.runtime },
    disk: (container) => writtenBy(container, disk),
  });
  return {
    collector,
    facts: {
      kernelVersion: settings.runtime.kernelVersion,
      osVersion: settings.runtime.operatingSystem,
      version: settings.runtime.version,
    },
    probes: ports.probes,
    node: () => collector.node(),
    containers: (withDisks) => collector.containers(withDisks),
    async summary() {
      const [containers, nodeFs, imageFs] = await Promise.all([
        collector.containers(true),
        fileSystemOf(settings.rootDirectory, clock),
        fileSystemOf(settings.runtime.rootDirectory, clock),
      ]);
      const { user, system } = process.cpuUsage();
      return {
        ...{ nodeName: settings.nodeName, node: collector.node(), nodeFs, imageFs, imagesBytes: undefined, containers },
        pods: ports.pods().map((pod) => podFacts(pod, settings.rootDirectory, disk)),
        agent: { startedAtMs, cpuNanoseconds: (user + system) * 1000, rssBytes: process.memoryUsage.rss() },
      };
    },
  };
}

/** What a container itself has written: its layer and its log. */
export function writtenBy(container: ContainerInspection, disk: DiskMeter): Pick<ContainerUsage, "rootfs" | "logs"> {
  const { writableLayer, logPath, kind } = container;
  if (kind === "sandbox") return { rootfs: undefined, logs: undefined };
  return {
    rootfs: writableLayer === undefined ? undefined : disk.recent(writableLayer),
    logs: logPath === undefined ? undefined : disk.recent(logPath),
  };
}

/** Directories of the pod on the node's own disk, by the volume's name. */
export function localVolumePath(rootDirectory: string, podUid: string, volume: string): string {
  return join(rootDirectory, "pods", podUid, "volumes", "kubernetes.io~empty-dir", volume);
}

function podFacts(pod: Pod, rootDirectory: string, disk: DiskMeter): PodFacts {
  const { uid = "", name, namespace = "" } = pod.metadata;
  return {
    ...{ uid, name, namespace },
    startedAtMs: parseRfc3339(pod.status?.startTime ?? "") ?? 0,
    volumes: (pod.spec?.volumes ?? [])
      .filter((volume) => volume.emptyDir)
      .map((volume) => ({
        name: volume.name,
        usage: disk.recent(localVolumePath(rootDirectory, uid, volume.name)),
      })),
  };
}
