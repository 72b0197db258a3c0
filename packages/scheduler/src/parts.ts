// What the parts of a running scheduler share: its view, its tools, and a few words for telling people.
import type { Client } from "@coxswain/client";
import type { EventRecorder, Log } from "@coxswain/controller";
import type { Clock, Random } from "@coxswain/clock";
import type { Metrics } from "@coxswain/daemon";
import type { ClusterState } from "./core/cluster.ts";
import type { Evaluations } from "./core/evaluation.ts";
import type { DecisionLog } from "./core/explain.ts";
import type { Extender } from "./core/extender.ts";
import type { Preemptor } from "./core/preemption/preemption.ts";
import type { QueuedPod, SchedulingQueue } from "./core/queue.ts";
import type { Limit } from "./limit.ts";
import type { metricTable } from "./metrics.ts";
import type { PermitDesk } from "./waiting-pods.ts";

export interface SchedulerParts {
  readonly queue: SchedulingQueue;
  readonly cluster: ClusterState;
  readonly evaluations: Evaluations;
  readonly preemptor: Preemptor;
  readonly extenders: readonly Extender[];
  readonly decisions: DecisionLog;
  readonly recorder: EventRecorder;
  readonly permits: PermitDesk;
  /** Resolves when a claim or a volume has changed. */
  readonly volumeChange: (signal: AbortSignal) => Promise<void>;
  readonly writes: Limit;
  readonly client: Pick<Client, "resource">;
  readonly clock: Clock;
  readonly random: Pick<Random, "int">;
  readonly log: Log;
  readonly metrics: Metrics<typeof metricTable>;
}

export function eventObject(pod: QueuedPod["pod"]): Parameters<EventRecorder["record"]>[0] {
  return { apiVersion: "v1", kind: "Pod", metadata: pod.metadata };
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
