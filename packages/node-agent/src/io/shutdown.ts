// The end of the node in order: while the machine goes down, pods are given their time, ordinary ones first and critical ones
// last, as the kubelet's shutdown manager has it. That the machine goes down is what a stop of the agent means when this is on.
import type { Pod } from "@coxswain/api/core/v1";
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import { marks } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { isCritical } from "../core/admission/admit.ts";
import type { PodWorker } from "./pods/worker.ts";

export interface ShutdownSettings {
  /** For all pods together; 0 turns it off. */
  readonly graceMs: number;
  /** The part of it that is kept for critical pods. */
  readonly criticalGraceMs: number;
}

export const shutdownRejection = {
  reason: "NodeShutdown",
  message: "Pod was rejected as the node is shutting down.",
};
const ending = { reason: "Terminated", message: "Pod was terminated in response to imminent node shutdown." };
const lookMs = 100;

/** Resolves when nothing runs any more, or the time is over. */
export async function endPodsInOrder(
  { graceMs, criticalGraceMs }: ShutdownSettings,
  ports: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly runtime: Pick<ContainerRuntime, "list">;
    readonly workers: () => readonly PodWorker[];
  },
): Promise<void> {
  const { clock, log } = ports;
  const living = ports.workers().filter((worker) => !isOver(worker.pod()));
  const groups = [
    { workers: living.filter((worker) => !isCritical(worker.pod())), forMs: graceMs - criticalGraceMs },
    { workers: living.filter((worker) => isCritical(worker.pod())), forMs: criticalGraceMs },
  ];
  for (const { workers, forMs } of groups) {
    if (workers.length === 0) continue;
    log.info({ pods: workers.length, forMs }, "the node shuts down: pods are ended");
    for (const worker of workers) {
      const own = worker.pod().spec?.terminationGracePeriodSeconds ?? 30;
      worker.end({ ...ending, graceSeconds: Math.min(own, Math.floor(forMs / 1000)), isDisruption: true });
    }
    const uids = new Set(workers.map((worker) => worker.pod().metadata.uid));
    const untilMs = clock.monotonic() + forMs;
    while (clock.monotonic() < untilMs) {
      const running = (await ports.runtime.list()).some(
        ({ state, kind, labels }) => state === "running" && kind === "container" && uids.has(labels[marks.podUid]),
      );
      if (!running) break;
      await clock.sleep(lookMs);
    }
  }
}

function isOver({ status }: Pod): boolean {
  return status?.phase === "Failed" || status?.phase === "Succeeded";
}
