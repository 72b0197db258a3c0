// Keeps a watch cache full: lists the resource once, then follows the store's watch; lists again when history is lost.
// Started on first use, so that a resource nobody asks for costs nothing.
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { Storage } from "../../core/storage.ts";
import { prefixEnd, StorageError } from "../../core/storage.ts";
import { WatchCache } from "../../core/watch-cache/cache.ts";
import type { SelectableFields } from "../../core/watch-cache/entry.ts";

export interface Feed {
  readonly cache: WatchCache;
  /** Resolves when the first list is in. */
  whenFilled(): Promise<void>;
  /** Resolves true as soon as the cache knows everything up to `revision`, false when that takes too long. */
  whenAt(revision: number, timeoutMs: number): Promise<boolean>;
}

const retryMs = 500;

export function startFeed(
  prefix: string,
  selectable: SelectableFields | undefined,
  ports: { readonly storage: Storage; readonly clock: Clock; readonly log: Logger; readonly signal: AbortSignal },
): Feed {
  const { storage, clock, log, signal } = ports;
  const cache = new WatchCache(selectable);
  const filled = Promise.withResolvers<void>();
  const waiting = new Set<{ readonly revision: number; readonly resolve: (reached: boolean) => void }>();

  const wake = (): void => {
    for (const waiter of waiting) {
      if (cache.revision < waiter.revision) continue;
      waiting.delete(waiter);
      waiter.resolve(true);
    }
  };

  const run = async (): Promise<void> => {
    let listed = false;
    while (!signal.aborted) {
      try {
        if (!listed) {
          const page = await storage.page({ from: prefix, to: prefixEnd(prefix), limit: 0 });
          cache.replace(page.values, page.revision);
          listed = true;
          filled.resolve();
          wake();
        }
        for await (const batch of storage.watch(prefix, prefixEnd(prefix), cache.revision, signal)) {
          cache.apply(batch.events, batch.revision);
          if (waiting.size > 0) wake();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StorageError && (error.code === "compacted" || error.code === "future-revision")) listed = false;
        else if (!(error instanceof StorageError)) throw error;
        log.warn({ err: error, prefix }, "the watch of the store ended; it is started again");
        await clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  };
  run().catch((error: unknown) => {
    log.error({ err: error, prefix }, "a watch cache broke");
    filled.reject(error);
  });
  filled.promise.catch(() => undefined);

  return {
    cache,
    whenFilled: () => filled.promise,
    async whenAt(revision, timeoutMs) {
      await filled.promise;
      if (cache.revision >= revision) return true;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const waiter = { revision, resolve };
      waiting.add(waiter);
      const timer = clock.setTimeout(() => {
        waiting.delete(waiter);
        resolve(false);
      }, timeoutMs);
      storage.requestProgress();
      return promise.finally(() => timer.cancel());
    },
  };
}
