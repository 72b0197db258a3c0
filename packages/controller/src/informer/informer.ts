// An informer: a copy of a collection that follows the API server, and tells what changes.
//
//   list (consistent) ──► watch from there ──► the stream ends: watch from the last version seen
//        ▲                      │
//        └──── 410 Gone ────────┘   list again; the difference is told as added, updated, deleted
//
// It begins with a consistent read, never with whatever a cache happens to hold, so that a restarted controller does not act
// on the past. Events may come twice, late, or not at all across a gap: an event that is not newer than what is known is
// dropped, and a list mends what was missed. There is no resync: who wants to look again wakes itself.
import { objectKey } from "@coxswain/apimachinery";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { isGone } from "@coxswain/client";
import type { ResourceClient } from "@coxswain/client";
import type { Clock, Random } from "@coxswain/clock";
import type { Log } from "../log.ts";
import { isAtLeast, newer } from "../resource-version.ts";
import { createCache } from "./cache.ts";
import type { Indexers } from "./cache.ts";
import { createSharing } from "./sharing.ts";

export type InformerSource<T extends ApiObject> = Pick<ResourceClient<T>, "descriptor" | "list" | "watch">;

export interface InformerOptions<T extends ApiObject> {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly indexers?: Indexers<T>;
  /** Cuts what nobody here reads (managed fields, say) before an object is kept. */
  readonly transform?: (object: T) => T;
  /** Keeps what objects have in common once (sharing.ts). The source must hand out objects that are nobody else's. */
  readonly sharing?: boolean;
}

export interface InformerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export type InformerEvent<T> =
  | { readonly type: "added"; readonly object: DeepReadonly<T> }
  | { readonly type: "updated"; readonly object: DeepReadonly<T>; readonly old: DeepReadonly<T> }
  | { readonly type: "deleted"; readonly object: DeepReadonly<T> };

/** Read-only sight of a followed collection: what a controller's decisions need. */
export interface Lister<T extends ApiObject> {
  /** By "namespace/name", or "name". */
  get(key: string): DeepReadonly<T> | undefined;
  list(): readonly DeepReadonly<T>[];
  byIndex(index: string, value: string): readonly DeepReadonly<T>[];
}

export interface Informer<T extends ApiObject> extends Lister<T> {
  /** Follows until the signal; then resolves. */
  run(signal: AbortSignal): Promise<void>;
  synced(): boolean;
  /** Resolves when the first list is in. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** Newest version of the collection that has been seen; "" before the first list. */
  resourceVersion(): string;
  /** Told of every change after it was made, in order; a subscriber that comes late is told first of all that is there. */
  subscribe(handler: (event: InformerEvent<T>) => void): () => void;
}

const pageSize = 1_000;
const firstBackoffMs = 200;
const longestBackoffMs = 10_000;
/** A watch that lasted this long counts as a success: the next failure starts again with the short wait. */
const healthyWatchMs = 10_000;

export function createInformer<T extends ApiObject>(
  source: InformerSource<T>,
  options: InformerOptions<T>,
  ports: InformerPorts,
): Informer<T> {
  const cache = createCache<T>(options.indexers ?? {});
  const handlers = new Set<(event: InformerEvent<T>) => void>();
  const selection = {
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  };
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  let version = "";
  const { resource } = source.descriptor;

  const tell = (event: InformerEvent<T>): void => {
    for (const handler of handlers) {
      try {
        handler(event);
      } catch (error) {
        ports.log.error({ err: error, resource, object: objectKey(event.object) }, "an informer's subscriber failed");
      }
    }
  };
  const sharing = options.sharing ? createSharing<T>() : undefined;
  const keep = (object: T, known: DeepReadonly<T> | undefined): DeepReadonly<T> => {
    const cut = options.transform ? options.transform(object) : object;
    return (sharing ? sharing.keep(cut, known) : cut) as DeepReadonly<T>;
  };

  const upsert = (object: T, key: string): void => {
    const known = cache.get(key);
    if (known !== undefined && known.metadata.resourceVersion === object.metadata.resourceVersion) return;
    const kept = keep(object, known);
    cache.put(kept);
    if (known === undefined) tell({ type: "added", object: kept });
    else if (known.metadata.uid === object.metadata.uid) tell({ type: "updated", object: kept, old: known });
    else {
      // Deleted and made anew while nobody looked: two things happened, and both are told.
      tell({ type: "deleted", object: known });
      tell({ type: "added", object: kept });
    }
  };

  const list = async (signal: AbortSignal): Promise<void> => {
    const { items, resourceVersion } = await listAll(source, selection, signal);
    const present = new Set<string>();
    for (const item of items) {
      const key = objectKey(item);
      present.add(key);
      upsert(item, key);
    }
    for (const object of cache.list()) {
      const key = objectKey(object);
      if (present.has(key)) continue;
      cache.remove(key);
      tell({ type: "deleted", object });
    }
    version = resourceVersion;
    if (!isSynced) {
      isSynced = true;
      synced.resolve();
    }
  };

  const observe = (type: string, object: T): void => {
    const seen = object.metadata.resourceVersion ?? "";
    if (type !== "BOOKMARK") {
      const key = objectKey(object);
      const known = cache.get(key);
      // What is not newer than what we know is a repetition, or late; also when we know that the object is gone.
      if (type === "DELETED") {
        if (known !== undefined && isAtLeast(seen, known.metadata.resourceVersion) !== false) {
          cache.remove(key);
          tell({ type: "deleted", object: keep(object, known) });
        }
      } else if (isAtLeast(known?.metadata.resourceVersion ?? version, seen) !== true) upsert(object, key);
    }
    if (seen !== "") version = newer(version, seen);
  };

  const follow = async (signal: AbortSignal): Promise<void> => {
    for await (const event of source.watch({
      ...selection,
      resourceVersion: version,
      allowWatchBookmarks: true,
      signal,
    })) {
      observe(event.type, event.object);
    }
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let backoffMs = firstBackoffMs;
    let mustList = version === "";
    while (!signal.aborted) {
      const startedAt = ports.clock.monotonic();
      try {
        if (mustList) {
          await list(signal);
          mustList = false;
        }
        await follow(signal);
        if (ports.clock.monotonic() - startedAt >= 1_000) {
          backoffMs = firstBackoffMs;
          continue; // the server ended the watch in its own time
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) {
          ports.log.debug({ resource }, "the watch is too far behind, listing again");
          mustList = true;
        } else ports.log.warn({ err: briefly(error), resource, backoffMs }, "following a resource failed");
      }
      if (ports.clock.monotonic() - startedAt >= healthyWatchMs) backoffMs = firstBackoffMs;
      await ports.clock.sleep(backoffMs * (0.5 + ports.random.next()), signal).catch(() => undefined); // only the signal rejects
      backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
    }
  };

  return {
    get: cache.get,
    list: cache.list,
    byIndex: cache.byIndex,
    run,
    synced: () => isSynced,
    resourceVersion: () => version,
    whenSynced: (signal) => orAborted(synced.promise, signal),
    subscribe(handler) {
      for (const object of cache.list()) handler({ type: "added", object });
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
  };
}

/** Pages through a collection; if the pages expire on the way, asks for all of it at once. */
async function listAll<T extends ApiObject>(
  source: InformerSource<T>,
  selection: {
    readonly namespace?: string | undefined;
    readonly labelSelector?: string | undefined;
    readonly fieldSelector?: string | undefined;
  },
  signal: AbortSignal,
): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> {
  const items: T[] = [];
  let continueFrom: string | undefined;
  for (;;) {
    try {
      const page = await source.list({ ...selection, limit: pageSize, continue: continueFrom, signal });
      for (const item of page.items) items.push(item);
      continueFrom = page.metadata.continue === "" ? undefined : page.metadata.continue;
      if (continueFrom === undefined) return { items, resourceVersion: page.metadata.resourceVersion ?? "" };
    } catch (error) {
      if (continueFrom === undefined || !isGone(error)) throw error;
      const all = await source.list({ ...selection, signal });
      return { items: all.items, resourceVersion: all.metadata.resourceVersion ?? "" };
    }
  }
}

function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const abandon = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", abandon, { once: true });
    void promise.then(() => {
      signal.removeEventListener("abort", abandon);
      resolve();
    });
  });
}

const briefly = (error: unknown): string => (error instanceof Error ? error.message : String(error));
