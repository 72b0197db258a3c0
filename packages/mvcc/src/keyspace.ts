// Every kept change of every key: the index in memory, the records in the backend. It reads at any kept revision and
// appends changes; what a transaction is, who watches, and what leases hold, is decided around it.
import type { Backend } from "./backend.ts";
import { bytesOf, isSingleKey } from "./key.ts";
import type { Key, KeyRange } from "./key.ts";
import { KeyHistory } from "./key-index/key-history.ts";
import type { Found } from "./key-index/key-history.ts";
import { SortedMap } from "./key-index/sorted-map.ts";
import { decodeRecord, encodeRecord } from "./record.ts";
import type { KeyValue, RecordHead } from "./record.ts";
import { revisionBytes } from "./revision.ts";

interface Shortenable {
  readonly main: number;
  readonly history: KeyHistory;
}

const noBytes = new Uint8Array(0);

export class Keyspace {
  readonly #backend: Backend;
  readonly #index = new SortedMap<KeyHistory>();
  /** Histories that a compaction at `main` or later can shorten, in the order of `main`; those before `#swept` are done. */
  #shortenable: Shortenable[] = [];
  #swept = 0;
  /** Histories that only a compaction after `main` can shorten: their deletion at `main` was kept by one at `main`. */
  #shortenableAfter: Shortenable[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Keys with any kept revision, deleted ones included. */
  get size(): number {
    return this.#index.size;
  }

  /** The key's put visible at revision `at`, without its record. */
  find(key: Key, at: number): Found | undefined {
    return this.#index.get(key)?.find(at);
  }

  /** Whether any key existed at revision `at`. */
  populated(at: number): boolean {
    let found = false;
    this.visit({ start: "", end: undefined }, at, () => {
      found = true;
      return false;
    });
    return found;
  }

  read(key: Key, at: number): KeyValue | undefined {
    const found = this.find(key, at);
    return found === undefined ? undefined : this.record(found.main, found.sub);
  }

  record(main: number, sub: number): KeyValue {
    const bytes = this.#backend.get("key", revisionBytes(main, sub));
    if (bytes === undefined)
      throw new Error(`the record of revision ${main}/${sub} is in the index but not in the backend`);
    return decodeRecord(bytes);
  }

  /** Calls `visit` for each key of the range that existed at revision `at`, in order, until it answers false. */
  visit(range: KeyRange, at: number, visit: (found: Found, key: Key) => boolean | void): void {
    if (isSingleKey(range)) {
      const found = this.find(range.start, at);
      if (found !== undefined) visit(found, range.start);
      return;
    }
    this.#index.visit(range.start, range.end, (key, history) => {
      const found = history.find(at);
      return found === undefined ? undefined : visit(found, key);
    });
  }

  /** Every change of the range's keys between two revisions, both included, in the order of time. */
  changes(range: KeyRange, from: number, to: number): Change[] {
    const changes: Change[] = [];
    const collect = (history: KeyHistory): void => {
      if (history.modified >= from)
        history.visitBetween(from, to, (main, sub, tombstone) =>
          changes.push({ main, sub, tombstone, key: history.key }),
        );
    };
    if (isSingleKey(range)) {
      const history = this.#index.get(range.start);
      if (history !== undefined) collect(history);
    } else this.#index.visit(range.start, range.end, (_key, history) => collect(history));
    return changes.sort((a, b) => a.main - b.main || a.sub - b.sub);
  }

  put(key: Key, main: number, sub: number, value: Uint8Array, lease: bigint): KeyValue {
    const history = this.#history(key);
    const before = history.find(main);
    const kv: KeyValue = {
      key: bytesOf(key),
      createRevision: before?.createdMain ?? main,
      modRevision: main,
      version: (before?.version ?? 0) + 1,
      value,
      lease,
    };
    history.put(main, sub);
    if (before !== undefined) this.#shortenable.push({ main, history });
    this.#backend.put("key", revisionBytes(main, sub), encodeRecord(kv));
    return kv;
  }

  /** Deletes a key that exists. */
  tombstone(key: Key, main: number, sub: number): KeyValue {
    const history = this.#history(key);
    history.tombstone(main, sub);
    this.#shortenable.push({ main, history });
    const kv = deletion(key, main);
    this.#backend.put("key", revisionBytes(main, sub, true), encodeRecord({ ...kv, modRevision: 0 }));
    return kv;
  }

  /** Takes in a record found in the backend; they must come in the order of their revisions. */
  restore(main: number, sub: number, tombstone: boolean, head: RecordHead): void {
    const history = this.#history(head.key);
    if (tombstone || history.alive) this.#shortenable.push({ main, history });
    if (tombstone) history.tombstone(main, sub);
    else history.restore(main, sub, head.createRevision, head.version);
  }

  /** Shortens up to `limit` histories as far as a compaction at `at` allows. True when nothing is left to do. */
  sweep(at: number, limit: number): boolean {
    for (let count = 0; count < limit; count++) {
      const next = this.#takeShortenable(at);
      if (next === undefined) return true;
      if (this.#shorten(next.history, at)) this.#shortenableAfter.push({ main: at, history: next.history });
    }
    return false;
  }

  #takeShortenable(at: number): Shortenable | undefined {
    const [held] = this.#shortenableAfter;
    if (held !== undefined && held.main < at) return this.#shortenableAfter.shift();
    const next = this.#shortenable[this.#swept];
    if (next === undefined || next.main > at) return undefined;
    if (++this.#swept > 4096) {
      this.#shortenable = this.#shortenable.slice(this.#swept);
      this.#swept = 0;
    }
    return next;
  }

  /** True when a deletion at exactly `at` was kept. */
  #shorten(history: KeyHistory, at: number): boolean {
    const held = history.compact(at, (main, sub, tombstone) =>
      this.#backend.delete("key", revisionBytes(main, sub, tombstone)),
    );
    if (history.empty && this.#index.get(history.key) === history) this.#index.delete(history.key);
    return held;
  }

  #history(key: Key): KeyHistory {
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    const history = new KeyHistory(key);
    this.#index.set(key, history);
    return history;
  }
}

export interface Change {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
  readonly key: Key;
}

/** A deletion as watchers see it. */
export function deletion(key: Key, main: number): KeyValue {
  return { key: bytesOf(key), createRevision: 0, modRevision: main, version: 0, value: noBytes, lease: 0n };
}
