// The loop around a controller's thinking: takes keys, calls, and tries again with back-off when that fails. Keeps a failure
// to the one key it concerns.
import { isConflict } from "@coxswain/client";
import type { Log } from "./log.ts";
import type { WorkQueue } from "./queue/work-queue.ts";

export interface ReconcilerOptions<K> {
  readonly name: string;
  /** How many keys are worked on at a time. */
  readonly concurrency: number;
  /** Looks and acts. Says when it wants to look again although nothing has changed. */
  readonly reconcile: (key: K, signal: AbortSignal) => Promise<ReconcileResult | void>;
}

export interface ReconcileResult {
  readonly wakeAfterMs?: number | undefined;
}

export interface Reconciler {
  /** Works until the signal; resolves when the last key under way is done. */
  run(signal: AbortSignal): Promise<void>;
}

export function createReconciler<K extends string | number>(
  options: ReconcilerOptions<K>,
  ports: { readonly queue: WorkQueue<K>; readonly log: Log },
): Reconciler {
  const { queue, log } = ports;

  const work = async (signal: AbortSignal): Promise<void> => {
    for (let key = await queue.get(signal); key !== undefined; key = await queue.get(signal)) {
      try {
        const result = await options.reconcile(key, signal);
        queue.forget(key);
        if (result?.wakeAfterMs !== undefined) queue.addAfter(key, result.wakeAfterMs);
      } catch (error) {
        if (signal.aborted) return;
        // Somebody wrote first: everyday, and the cache will bring what they wrote.
        if (isConflict(error)) log.debug({ controller: options.name, object: key }, "a conflict, trying again");
        else
          log.warn(
            { controller: options.name, object: key, err: error, failures: queue.failures(key) + 1 },
            "reconciling failed",
          );
        queue.addRateLimited(key);
      } finally {
        queue.done(key);
      }
    }
  };

  return {
    async run(signal) {
      await Promise.all(Array.from({ length: options.concurrency }, () => work(signal)));
    },
  };
}
