// Keeps a watch cache full: lists the resource once, then follows the store's watch; lists again when history is lost.
// Started on first use, so that a resource nobody asks for costs nothing.
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { HistoryEvent, Storage } from "../../core/storage.ts";
import { prefixEnd, StorageError } from "../../core/storage.ts";
import type { Change } from "../../core/watch-cache/cache.ts";
import { WatchCache } from "../../core/watch-cache/cache.ts";
import type { SelectableFields } from "../../core/watch-cache/entry.ts";
import { createEntry } from "../../core/watch-cache/entry.ts";

export interface Feed {
  readonly cache: WatchCache;
  /** Resolves when the first list is in. */
  whenFilled(): Promise<void>;
  /**
   * Resolves true as soon as the cache knows everything up to `revision`, false when that takes too long, or, for a caller that can
   * read the store instead, when the store will not say how far it is.
   */
  whenAt(revision: number, timeoutMs: number, orElseRead?: boolean): Promise<boolean>;
  /** Changes after a revision that the cache's window has forgotten, or never knew, up to `until`; undefined when they are gone. */
  recall(afterRevision: number, until: number): Promise<readonly Change[] | undefined>;
}

const retryMs = 500;
/** A client further behind than this lists again. */
const mostRecalled = 20_000;

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
        if (error instanceof StorageError && (error.code === "compacted" || error.code === "future-revision"))
          listed = false;
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
    async recall(afterRevision, until) {
      try {
        const events = await storage.history(prefix, prefixEnd(prefix), afterRevision, until, mostRecalled);
        return events?.map((event) => changeOf(event, selectable));
      } catch (error) {
        if (error instanceof StorageError && error.code === "compacted") return undefined;
        throw error;
      }
    },
    cache,
    whenFilled: () => filled.promise,
    async whenAt(revision, timeoutMs, orElseRead = false) {
      await filled.promise;
      if (cache.revision >= revision) return true;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const waiter = { revision, resolve };
      waiting.add(waiter);
      const timer = clock.setTimeout(() => {
        waiting.delete(waiter);
        resolve(false);
      }, timeoutMs);
      // A store that does not answer shows itself to whoever reads it next.
      const asked = await storage.requestProgress().catch(() => false);
      // Nobody will tell: reading the store costs less than waiting for the next event.
      if (!asked && orElseRead && waiting.delete(waiter)) resolve(cache.revision >= revision);
      return promise.finally(() => timer.cancel());
    },
  };
}

function changeOf(event: HistoryEvent, selectable: SelectableFields | undefined): Change {
  const { before, key, value, revision } = event;
  return {
    revision,
    before: before && createEntry(before.key, before.value, before.revision, true, selectable),
    after: event.type === "put" ? createEntry(key, value, revision, before === undefined, selectable) : undefined,
    encoded: new Map(),
  };
}
