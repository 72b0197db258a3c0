// Tells of every kill for want of memory: of a pod's container with the process and the limit, also when it was a child and the
// container lives on; of the machine as a whole as the kubelet does. The engine says that there was one, the kernel's log who.
import type { Clock } from "@coxswain/clock";
import { marks } from "@coxswain/container-runtime";
import type { Labels } from "@coxswain/container-runtime";
import { isPodCgroup } from "../../core/cgroup/names.ts";
import { containerOomMessage, oomKillIn } from "../../core/oom/kernel-line.ts";
import type { OomKill } from "../../core/oom/kernel-line.ts";
import type { ContainerUsage } from "../../core/stats/usage.ts";
import type { KernelLog } from "./kernel-log.ts";

export interface OomWatcher {
  /** The engine tells that a container was out of memory. */
  happened(event: { readonly id: string; readonly labels: Labels }): Promise<void>;
  /** Looks into the kernel's log now and then, for kills that no container's limit was the reason of. */
  run(signal: AbortSignal): Promise<void>;
}

const lookMs = 10_000;
/** Kills that nobody has asked about yet are kept, this many of them. */
const mostKept = 64;

export function createOomWatcher(ports: {
  readonly clock: Clock;
  readonly log: KernelLog;
  readonly containers: () => Promise<readonly ContainerUsage[]>;
  /** What the container may use at most, as its pod says. */
  readonly limitOf: (podUid: string, container: string) => number | undefined;
  readonly tellPod: (podUid: string, container: string, message: string) => void;
  readonly tellNode: (type: "Warning", reason: string, message: string) => void;
}): OomWatcher {
  const { clock } = ports;
  let kills: readonly (OomKill & { told?: true })[] = [];

  const read = (): void => {
    for (const kill of ports.log.readNew().flatMap((record) => oomKillIn(record) ?? [])) {
      kills = [...kills.slice(1 - mostKept), kill];
      if (kill.cgroup === undefined)
        ports.tellNode(
          "Warning",
          "SystemOOM",
          `System OOM encountered, victim process: ${kill.process}, pid: ${kill.pid}`,
        );
    }
  };

  return {
    async happened({ id, labels }) {
      const container = labels[marks.containerName];
      if (container === undefined) return;
      const usage = (await ports.containers()).find((candidate) => candidate.id === id)?.usage;
      read();
      const podUid = labels[marks.podUid] ?? "";
      const kill = kills.findLast((candidate) => !candidate.told && candidate.victimCgroup.includes(id));
      // Where the pod's own limit was hit, the engine tells it of all its containers; one of them was killed.
      if (!kill && kills.some(({ cgroup }) => cgroup !== undefined && isPodCgroup(cgroup, podUid))) return;
      if (kill) kill.told = true;
      const limit = usage?.memoryLimitBytes ?? ports.limitOf(podUid, container);
      ports.tellPod(podUid, container, containerOomMessage(container, kill, limit, usage?.mostMemoryBytes));
    },
    async run(signal) {
      while (!signal.aborted) {
        read();
        await clock.sleep(lookMs, signal).catch(() => undefined);
      }
      ports.log.close();
    },
  };
}
