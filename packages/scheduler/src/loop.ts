// The scheduling loop: takes a pod, has it attempted, and goes on with the next while the first is bound. Writes overlap, up to
// a limit; attempts that ask extenders do not overlap, so that each sees what the one before has taken.
import { createAttempts } from "./attempt.ts";
import { createBinder } from "./binding.ts";
import type { SchedulerParts } from "./parts.ts";

export interface SchedulingLoop {
  /** Schedules until the signal; resolves when the bindings under way have ended. */
  run(signal: AbortSignal): Promise<void>;
  /** The queue may have something to give. */
  nudge(): void;
}

/** After so long the loop lets others run: watches must be read while thousands of pods are placed. */
const longestTurnMs = 10;

export function createSchedulingLoop(parts: SchedulerParts): SchedulingLoop {
  const { queue, cluster, clock, log, metrics, writes } = parts;
  let nudged: (() => void) | undefined;

  const nudge = (): void => {
    const wake = nudged;
    nudged = undefined;
    wake?.();
  };
  const attempts = createAttempts(parts, createBinder(parts, nudge), nudge);

  /** Until a nudge, the signal, or the queue's next pause ends. */
  const rest = async (signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return;
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

  const measure = (): void => {
    const { active, backoff, unschedulable, gated } = queue.counts();
    metrics.pending.set(active, { queue: "active" });
    metrics.pending.set(backoff, { queue: "backoff" });
    metrics.pending.set(unschedulable, { queue: "unschedulable" });
    metrics.pending.set(gated, { queue: "gated" });
    metrics.cacheSize.set(cluster.nodes.length, { type: "nodes" });
    metrics.cacheSize.set(cluster.podCount, { type: "pods" });
    metrics.cacheSize.set(cluster.assumedCount, { type: "assumed_pods" });
  };

  return {
    nudge,
    async run(signal) {
      const underWay = new Set<Promise<void>>();
      let turnStartedMs = clock.monotonic();
      while (!signal.aborted) {
        const queued = queue.pop(clock.now());
        if (queued === undefined) {
          measure();
          await rest(signal);
          turnStartedMs = clock.monotonic();
          continue;
        }
        const work = attempts
          .make(queued, signal)
          .catch((err: unknown) =>
            log.warn({ object: queued.key, err }, "the outcome of a scheduling attempt could not be written"),
          )
          .finally(() => underWay.delete(work));
        underWay.add(work);
        if (writes.isFull) await writes.whenFree();
        if (parts.extenders.length > 0) await attempts.decided();
        if (clock.monotonic() - turnStartedMs > longestTurnMs) {
          measure();
          await clock.sleep(0);
          turnStartedMs = clock.monotonic();
        }
      }
      await Promise.all(underWay);
    },
  };
}
