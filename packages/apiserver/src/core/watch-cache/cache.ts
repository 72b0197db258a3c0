// All objects of one resource in memory, with a window of their latest changes, fed by one watch of the store and fanned
// out to any number of watchers. Bytes are kept as they are sent and shared by all.
//
//   store ── batch ──► apply ──► entries (by key, sorted on demand)
//                        │──► window  [ change … change ]   resume from a revision in here, otherwise "expired"
//                        └──► watchers ── notify(change) ──► their own bounded queues
//
// It is a plain machine: no clock, no I/O. Feeding it and waiting for it is `io/storage/feed.ts`.
import type { ApiObject } from "@coxswain/apimachinery";
import type { StorageEvent, StoredValue } from "../storage.ts";
import type { Entry, SelectableFields } from "./entry.ts";
import { createEntry, readEntry } from "./entry.ts";

/** One change: from nothing, to nothing, or both. Line buffers made for it are shared by all watchers. */
export interface Change {
  readonly revision: number;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
  /** Encodings of this change by whoever needs them, once each. */
  readonly encoded: Map<string, Buffer>;
}

export interface CacheListener {
  /** Called in order for every change of the resource. `object` is what was put, decoded: shared, and gone after the call. */
  changed(change: Change, object: ApiObject | undefined): void;
  /** A batch is over: nothing up to `revision` is missing. */
  flush(revision: number): void;
  /** The history was lost and the cache filled anew: what comes next does not follow. */
  interrupted(): void;
}

export interface WindowLimits {
  readonly changes: number;
  readonly bytes: number;
}

export const defaultWindow: WindowLimits = { changes: 5000, bytes: 16 * 1024 * 1024 };

/** So many forgotten changes are cut off at once. */
const mostOverdue = 1000;

export class WatchCache {
  /** Nothing up to here is missing from `entries`. 0: not filled yet. */
  revision = 0;
  /** A watcher may resume after any revision from here on. */
  #oldestResume = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #window: Change[] = [];
  /** The first of the window that still counts; what stands before it waits to be cut off with others. */
  #windowStart = 0;
  #windowBytes = 0;
  /** In the order of keys, so that a namespace is a run of neighbours. */
  #sorted: Entry[] = [];
  #bytes = 0;
  readonly #expected = new Map<string, { readonly value: Buffer; readonly object: ApiObject }>();
  readonly #listeners = new Set<CacheListener>();
  readonly #selectable: SelectableFields | undefined;
  readonly #limits: WindowLimits;

  constructor(selectable: SelectableFields | undefined, limits: WindowLimits = defaultWindow) {
    this.#selectable = selectable;
    this.#limits = limits;
  }

  /** Fills the cache. A second fill (after lost history) ends every watcher that relied on the first. */
  replace(values: readonly StoredValue[], revision: number): void {
    const refill = this.revision > 0;
    this.#entries.clear();
    this.#window.length = 0;
    this.#windowStart = 0;
    this.#expected.clear();
    this.#windowBytes = 0;
    this.#bytes = 0;
    for (const { key, value, revision: own } of values) {
      const entry = createEntry(key, value, own, true, this.#selectable);
      this.#entries.set(key, entry);
      this.#bytes += entry.line.length;
    }
    this.#sorted = [...this.#entries.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.revision = revision;
    this.#oldestResume = revision;
    if (refill) for (const listener of Array.from(this.#listeners)) listener.interrupted();
  }

  /** One batch of the store's watch, in order. */
  apply(events: readonly StorageEvent[], revision: number): void {
    for (const event of events) {
      if (event.revision <= this.revision) {
        this.#expected.delete(event.key);
        continue;
      }
      const before = this.#entries.get(event.key);
      const read = event.type === "put" ? this.#read(event, before === undefined) : undefined;
      const after = read?.entry;
      if (after) this.#set(after, before);
      else if (before) this.#delete(before);
      else continue;
      const change: Change = { revision: event.revision, before, after, encoded: new Map() };
      this.#remember(change);
      for (const listener of this.#listeners) listener.changed(change, read?.object);
    }
    this.revision = Math.max(this.revision, revision);
    for (const listener of this.#listeners) listener.flush(this.revision);
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Bytes of all objects. */
  get bytes(): number {
    return this.#bytes;
  }

  /** In the order of keys; of one namespace, or all for "". The array is the caller's. */
  list(namespace: string): readonly Entry[] {
    if (namespace === "") return this.#sorted.slice();
    const [first] = this.#sorted;
    if (!first) return [];
    const prefix = first.key.slice(0, first.key.length - `${first.namespace}/${first.name}`.length);
    return this.#sorted.slice(this.#place(`${prefix}${namespace}/`), this.#place(`${prefix}${namespace}0`));
  }

  /** The changes after a revision; undefined when the window no longer reaches back so far. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#oldestResume) return undefined;
    let low = this.#windowStart;
    let high = this.#window.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#window[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#window.slice(low);
  }

  /** The oldest revision that `since` answers. */
  get oldestResume(): number {
    return this.#oldestResume;
  }

  listen(listener: CacheListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Says what is being written, before it is: an event that brings these very bytes needs no decoding. The object belongs to the cache
   * from here on. Returns the way to take it back when nothing was written.
   */
  expect(key: string, value: Buffer, object: ApiObject): () => void {
    const expectation = { value, object };
    this.#expected.set(key, expectation);
    return () => {
      if (this.#expected.get(key) === expectation) this.#expected.delete(key);
    };
  }

  #read(event: StorageEvent, created: boolean): { readonly entry: Entry; readonly object: ApiObject } {
    const expected = this.#expected.get(event.key);
    if (expected) this.#expected.delete(event.key);
    const object = expected?.value.equals(event.value) ? expected.object : undefined;
    return readEntry(event.key, event.value, event.revision, created, this.#selectable, object);
  }

  #remember(change: Change): void {
    this.#window.push(change);
    this.#windowBytes += change.after?.line.length ?? 0;
    while (this.#window.length - this.#windowStart > this.#limits.changes || this.#windowBytes > this.#limits.bytes) {
      const oldest = this.#window[this.#windowStart];
      if (!oldest) break;
      this.#windowStart += 1;
      this.#windowBytes -= oldest.after?.line.length ?? 0;
      this.#oldestResume = oldest.revision;
    }
    // Shifting one by one would cost the whole window each time.
    if (this.#windowStart < mostOverdue) return;
    this.#window.splice(0, this.#windowStart);
    this.#windowStart = 0;
  }

  #set(entry: Entry, before: Entry | undefined): void {
    const at = this.#place(entry.key);
    if (before) this.#sorted[at] = entry;
    else this.#sorted.splice(at, 0, entry);
    this.#entries.set(entry.key, entry);
    this.#bytes += entry.line.length - (before?.line.length ?? 0);
  }

  #delete(entry: Entry): void {
    this.#sorted.splice(this.#place(entry.key), 1);
    this.#entries.delete(entry.key);
    this.#bytes -= entry.line.length;
  }

  /** Where a key stands among the sorted, or would. */
  #place(key: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.key ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
