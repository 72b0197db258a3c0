// The scheduling loop: takes a pod, chooses, assumes, and binds while the next pod has its turn. The only place where core
// and io meet. Choosing is synchronous, so nothing changes under a cycle; bindings overlap, up to a limit.
import type { Client } from "@coxswain/client";
import type { EventRecorder, Log } from "@coxswain/controller";
import { rfc3339 } from "@coxswain/clock";
import type { Clock, Random } from "@coxswain/clock";
import type { Metrics } from "@coxswain/daemon";
import type { ClusterState } from "./core/cluster.ts";
import { choose } from "./core/cycle.ts";
import type { Choice } from "./core/cycle.ts";
import { because, unschedulableMessage } from "./core/explain.ts";
import type { DecisionLog } from "./core/explain.ts";
import type { Plugin } from "./core/plugin.ts";
import type { QueuedPod, SchedulingQueue } from "./core/queue.ts";
import { bindPod } from "./io/bind.ts";
import type { BindOutcome } from "./io/bind.ts";
import { reportUnscheduled } from "./io/condition.ts";
import type { metricTable } from "./metrics.ts";

export interface LoopParts {
  readonly queue: SchedulingQueue;
  readonly cluster: ClusterState;
  readonly plugins: readonly Plugin[];
  readonly decisions: DecisionLog;
  readonly recorder: EventRecorder;
  readonly schedulerName: string;
  readonly client: Pick<Client, "resource">;
  readonly clock: Clock;
  readonly random: Pick<Random, "int">;
  readonly log: Log;
  readonly metrics: Metrics<typeof metricTable>;
}

export interface SchedulingLoop {
  /** Schedules until the signal; resolves when the bindings under way have ended. */
  run(signal: AbortSignal): Promise<void>;
  /** The queue may have something to give. */
  nudge(): void;
}

/** Bindings that may be under way at once. */
const mostBindings = 64;
/** After so long the loop lets others run: watches must be read while thousands of pods are placed. */
const longestTurnMs = 10;

export function createSchedulingLoop(parts: LoopParts): SchedulingLoop {
  const { queue, cluster, clock, random, log, metrics } = parts;
  let nudged: (() => void) | undefined;
  let startAt = 0;

  const nudge = (): void => {
    const wake = nudged;
    nudged = undefined;
    wake?.();
  };
  /** Until a nudge, the signal, or the queue's next pause ends. */
  const rest = async (signal: AbortSignal): Promise<void> => {
    const wakeAt = queue.wakeAt();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = wakeAt === undefined ? undefined : clock.setTimeout(resolve, Math.max(0, wakeAt - clock.now()));
    const end = (): void => resolve();
    signal.addEventListener("abort", end, { once: true });
    nudged = resolve;
    await promise;
    timer?.cancel();
    signal.removeEventListener("abort", end);
  };

  const countPending = (): void => {
    const { active, backoff, unschedulable, gated } = queue.counts();
    metrics.pending.set(active, { queue: "active" });
    metrics.pending.set(backoff, { queue: "backoff" });
    metrics.pending.set(unschedulable, { queue: "unschedulable" });
    metrics.pending.set(gated, { queue: "gated" });
    metrics.assumed.set(cluster.assumedCount, { type: "assumed_pods" });
  };
  const attempted = (result: "scheduled" | "unschedulable" | "error", startedMs: number): void => {
    metrics.attempts.inc({ result, profile: parts.schedulerName });
    metrics.attemptSeconds.observe((clock.monotonic() - startedMs) / 1000, { result, profile: parts.schedulerName });
  };

  const conclude = async (
    queued: QueuedPod,
    nodeName: string,
    outcome: BindOutcome,
    startedMs: number,
  ): Promise<void> => {
    const { pod, key } = queued;
    switch (outcome.outcome) {
      case "bound":
        attempted("scheduled", startedMs);
        metrics.podSeconds.observe((clock.now() - queued.addedAtMs) / 1000, {
          attempts: Math.min(queued.attempts, 16),
        });
        parts.recorder.record(eventObject(pod), "Normal", "Scheduled", `Successfully assigned ${key} to ${nodeName}`);
        return;
      case "moot":
        cluster.forget(pod);
        queue.failed(key, clock.now());
        log.info({ object: key, node: nodeName, because: outcome.because }, "a binding was not needed any more");
        return;
      case "failed":
        attempted("error", startedMs);
        cluster.forget(pod);
        queue.failed(key, clock.now());
        nudge();
        log.warn({ object: key, node: nodeName, err: outcome.error }, "a binding failed; the pod is tried again");
        parts.recorder.record(
          eventObject(pod),
          "Warning",
          "FailedScheduling",
          `binding rejected: ${outcome.error instanceof Error ? outcome.error.message : String(outcome.error)}`,
        );
        return;
    }
  };

  const refuse = async (queued: QueuedPod, choice: Choice, startedMs: number, signal: AbortSignal): Promise<void> => {
    const message = unschedulableMessage(choice);
    attempted("unschedulable", startedMs);
    log.info({ object: queued.key, because: message }, "no node fits");
    parts.recorder.record(eventObject(queued.pod), "Warning", "FailedScheduling", message);
    await reportUnscheduled(parts.client, queued.pod, { reason: "Unschedulable", message }, clock.now(), signal);
  };

  /** Decides on one pod at once; the promise is what has to be written. */
  const schedule = (queued: QueuedPod, signal: AbortSignal): Promise<void> => {
    const { pod, key } = queued;
    const startedMs = clock.monotonic();
    const choice = choose({ pod, cluster, plugins: parts.plugins, startAt, draw: (below) => random.int(below) });
    metrics.algorithmSeconds.observe((clock.monotonic() - startedMs) / 1000);
    startAt = choice.nodeCount === 0 ? 0 : (startAt + choice.examined) % choice.nodeCount;
    const { node, nodeCount, examined, feasible, scored, rejected } = choice;
    const reason = because(choice);
    parts.decisions.add({
      pod: key,
      uid: pod.metadata.uid ?? "",
      time: rfc3339(clock.now()),
      attempt: queued.attempts,
      node,
      because: reason,
      nodeCount,
      examined,
      feasible,
      scored,
      rejected,
    });
    if (node === undefined) {
      queue.unschedulable(key, choice.rejectedBy, clock.now());
      return refuse(queued, choice, startedMs, signal);
    }
    cluster.assume(pod, node);
    log.info({ object: key, node, because: reason }, "binding");
    return bindPod(parts.client, pod, node, signal).then((outcome) => conclude(queued, node, outcome, startedMs));
  };

  return {
    nudge,
    async run(signal) {
      const underWay = new Set<Promise<void>>();
      let turnStartedMs = clock.monotonic();
      while (!signal.aborted) {
        const queued = queue.pop(clock.now());
        if (queued === undefined) {
          countPending();
          await rest(signal);
          turnStartedMs = clock.monotonic();
          continue;
        }
        const work = schedule(queued, signal)
          .catch((err: unknown) =>
            log.warn({ object: queued.key, err }, "the outcome of a scheduling attempt could not be written"),
          )
          .finally(() => underWay.delete(work));
        underWay.add(work);
        if (underWay.size >= mostBindings) await Promise.race(underWay);
        if (clock.monotonic() - turnStartedMs > longestTurnMs) {
          countPending();
          await clock.sleep(0);
          turnStartedMs = clock.monotonic();
        }
      }
      await Promise.all(underWay);
    },
  };
}

function eventObject(pod: QueuedPod["pod"]): Parameters<EventRecorder["record"]>[0] {
  return { apiVersion: "v1", kind: "Pod", metadata: pod.metadata };
}

/** Whether a pod is this scheduler's to place. */
export function awaitsNode(pod: QueuedPod["pod"], schedulerName: string): boolean {
  const { nodeName = "", schedulerName: asked = "default-scheduler" } = pod.spec ?? {};
  const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  return nodeName === "" && asked === schedulerName && pod.metadata.deletionTimestamp === undefined && !ended;
}
