// mvcc's tables and the store's own in one level database. Writes gather in memory and go to level as one atomic batch, with the
// applied index among them, so that what is on disk is always the state after some entry of the log. Those batches are not synced:
// the log is the durability point, and a segment of it is released only after `sync`.
//
//   put ──► pending ──flush──► flushing ──► level          get looks from left to right
import { ClassicLevel } from "classic-level";
import type { Backend, Entry, Table } from "@coxswain/mvcc";
import { StoreError } from "../../errors.ts";
import type { PairIterator, PairOperation, PairStore } from "./pair-store.ts";
import { sealStore } from "./sealed-store.ts";
import type { SealedStore } from "./sealed-store.ts";

/** What the store keeps beside mvcc's tables. */
export type OwnName = "applied" | "membership" | "members" | "removed" | "alarms" | "auth" | "identity";

export interface StoreBackend extends Backend {
  getOwn(name: OwnName): Uint8Array | undefined;
  putOwn(name: OwnName, value: Uint8Array): void;
  /** Resolves when what was written before the call is in level (not necessarily on disk), whole. */
  flush(): Promise<void>;
  /** Resolves when it is on disk. */
  sync(): Promise<void>;
  /** Bytes not yet given to level. */
  pendingBytes(): number;
  /** On disk, about. */
  sizeBytes(): Promise<number>;
  /** Of that, what is not garbage. */
  liveBytes(): number;
  /** Rejects with `StoreError` when something is missing or was changed. Before the first write; best after mvcc has read it all. */
  verify(): Promise<void>;
  /** Gives space back to the file system. */
  compact(): Promise<void>;
  /** Everything as it is when this resolves, in order, whatever is written afterwards. Nothing may be written until it does. */
  copy(): Promise<AsyncIterable<readonly [Uint8Array, Uint8Array]>>;
  /** The same, table by table, for two passes. To be closed. Nothing may be written until it resolves. */
  view(): Promise<BackendView>;
  /** Replaces everything by a received copy, durably. */
  replace(pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>): Promise<void>;
  close(): Promise<void>;
}

type StoredTable = Table | "own" | "extra";

/** The state as it was at one moment, whatever is written meanwhile. */
export interface BackendView {
  /** The pairs of one table without its prefix, in order. Each table may be read twice. `extra`: see `rawKey`. */
  pairs(table: StoredTable): AsyncIterable<readonly [Uint8Array, Uint8Array]>;
  /** The same in portions. */
  pages(table: StoredTable): AsyncIterable<readonly Entry[]>;
  close(): Promise<void>;
}

const prefixes: Readonly<Record<StoredTable, string>> = { key: "k", lease: "l", meta: "m", own: "s", extra: "x" };

/**
 * A key as it stands in copies and in `replace`: its table's letter in front. `extra` holds what a file of etcd had and this store has
 * no use for, so that it can be given back: bucket, a zero byte, key.
 */
export function rawKey(table: StoredTable, key: Uint8Array): Buffer {
  return Buffer.concat([bytesOf(prefixes[table]), key]);
}

const viewPasses = 2;
const noLimit = 2 ** 31 - 1;
const scanStep = 1000;
/** What level reads ahead in one go: each costs a trip to another thread. */
const readAheadBytes = 256 * 1024;

/** Opening takes level's lock: a second process on the same directory is refused here. */
export async function openLevelBackend(directory: string): Promise<StoreBackend> {
  const db = new ClassicLevel<Buffer, Buffer>(directory, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    compression: false,
    cacheSize: 8 * 1024 * 1024,
    writeBufferSize: 4 * 1024 * 1024,
  });
  try {
    await db.open();
  } catch (cause) {
    const code = ((cause as Error).cause as { code?: string } | undefined)?.code;
    if (code === "LEVEL_LOCKED")
      throw new StoreError("data-dir-in-use", `the data directory is in use by another process: ${directory}`, {
        cause,
      });
    throw new StoreError(
      "disk-failed",
      `cannot open ${directory}: ${((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message}`,
      { cause },
    );
  }
  const store: PairStore = {
    get: (key) => db.getSync(key),
    write: (operations, sync) => db.batch([...operations], { sync }),
    iterate: (range) => db.iterator({ ...range, highWaterMarkBytes: readAheadBytes }),
    clear: () => db.clear(),
    sizeBytes: () => db.approximateSize(Buffer.from([0]), Buffer.from([255])),
    compact: () => db.compactRange(Buffer.from([0]), Buffer.from([255])),
    close: () => db.close(),
  };
  try {
    return createBackend(store, directory);
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** `place`: where it is, for people. */
export function createBackend(db: PairStore, place: string): StoreBackend {
  return new LevelBackend(sealStore(db, place));
}

type Pending = Map<string, Uint8Array | undefined>;

class LevelBackend implements StoreBackend {
  readonly #db: SealedStore;
  #pending: Pending = new Map();
  #pendingBytes = 0;
  #flushing: Pending = new Map();
  #flushingBytes = 0;
  /** Flushes one after the other. */
  #tail: Promise<void> = Promise.resolve();

  constructor(db: SealedStore) {
    this.#db = db;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#get(prefixes[table] + latin1(key));
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.#put(prefixes[table] + latin1(key), value);
  }

  delete(table: Table, key: Uint8Array): void {
    this.#put(prefixes[table] + latin1(key), undefined);
  }

  getOwn(name: OwnName): Uint8Array | undefined {
    return this.#get(prefixes.own + name);
  }

  putOwn(name: OwnName, value: Uint8Array): void {
    this.#put(prefixes.own + name, value);
  }

  async scan(table: Table, from: Uint8Array, limit: number): Promise<readonly Entry[]> {
    const prefix = prefixes[table];
    const start = prefix + latin1(from);
    // Everything level has, with what it does not have yet laid over it. The overlay is taken after the read, so nothing is missed.
    const stored = await this.#read(start, nextPrefix(prefix), limit);
    // At a start, which reads everything, there is nothing to lay over it.
    if (this.#flushing.size === 0 && this.#pending.size === 0)
      return stored.map(([key, value]): Entry => ({ key: key.subarray(1), value }));
    const exhausted = stored.length < limit;
    const lastKey = stored.at(-1)?.[0];
    const last = lastKey && latin1(lastKey);
    const merged = new Map<string, Uint8Array | undefined>(stored.map(([key, value]) => [latin1(key), value]));
    for (const overlay of [this.#flushing, this.#pending]) {
      for (const [key, value] of overlay) {
        if (key >= start && key.startsWith(prefix) && (exhausted || (last !== undefined && key <= last)))
          merged.set(key, value);
      }
    }
    const entries = Array.from(merged).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    const found = entries.slice(0, limit).map(({ key, value }): Entry => ({ key: bytesOf(key.slice(1)), value }));
    if (found.length < limit && !exhausted)
      return [...found, ...(await this.scan(table, after(last ?? start), limit - found.length))];
    return found;
  }

  flush(): Promise<void> {
    return this.#write(false);
  }

  sync(): Promise<void> {
    return this.#write(true);
  }

  pendingBytes(): number {
    return this.#pendingBytes;
  }

  async sizeBytes(): Promise<number> {
    // level does not count what it has in memory only: what is there counts in any case.
    const storedBytes = await this.#db.sizeBytes();
    return Math.max(storedBytes, this.#db.liveBytes()) + this.#flushingBytes + this.#pendingBytes;
  }

  liveBytes(): number {
    return this.#db.liveBytes() + this.#flushingBytes + this.#pendingBytes;
  }

  verify(): Promise<void> {
    return this.#db.verify();
  }

  async compact(): Promise<void> {
    await this.flush();
    await this.#db.compact();
  }

  async copy(): Promise<AsyncIterable<readonly [Uint8Array, Uint8Array]>> {
    await this.flush();
    // An iterator reads from the moment it was made.
    return pairsOf(this.#db.iterate());
  }

  async view(): Promise<BackendView> {
    await this.flush();
    // All iterators are made now, so that all see the same state.
    const made = new Map<string, PairIterator[]>();
    for (const prefix of Object.values(prefixes)) {
      const range = { gte: bytesOf(prefix), lt: bytesOf(nextPrefix(prefix)), limit: noLimit };
      made.set(
        prefix,
        Array.from({ length: viewPasses }, () => this.#db.iterate(range)),
      );
    }
    async function* pages(table: StoredTable): AsyncGenerator<readonly Entry[]> {
      const iterator = made.get(prefixes[table])?.pop();
      if (!iterator) throw new RangeError(`the view of ${table} was already read ${viewPasses} times`);
      for await (const page of batchesOf(iterator)) yield page.map(([key, value]) => ({ key: key.subarray(1), value }));
    }
    return {
      pages,
      async *pairs(table) {
        for await (const page of pages(table)) for (const { key, value } of page) yield [key, value] as const;
      },
      async close() {
        for (const iterator of [...made.values()].flat()) await iterator.close();
        made.clear();
      },
    };
  }

  async replace(pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>): Promise<void> {
    await this.flush();
    await this.#db.clear();
    let batch: PairOperation[] = [];
    let bytes = 0;
    let applied: PairOperation | undefined;
    for await (const [key, value] of pairs) {
      const operation = { type: "put", key: Buffer.from(key), value: Buffer.from(value) } as const;
      // The applied index comes last of all: a copy that was cut off by a crash is seen to be none.
      if (latin1(key) === `${prefixes.own}applied`) applied = operation;
      else batch.push(operation);
      bytes += key.length + value.length;
      if (bytes < 1024 * 1024) continue;
      await this.#db.write(batch, false);
      batch = [];
      bytes = 0;
    }
    await this.#db.write(batch, false);
    await this.#db.write(applied ? [applied] : [], true);
  }

  async close(): Promise<void> {
    await this.sync();
    await this.#db.close();
  }

  #get(key: string): Uint8Array | undefined {
    const pending = this.#pending.get(key);
    if (pending !== undefined || this.#pending.has(key)) return pending;
    const flushing = this.#flushing.get(key);
    if (flushing !== undefined || this.#flushing.has(key)) return flushing;
    return this.#db.get(bytesOf(key));
  }

  #put(key: string, value: Uint8Array | undefined): void {
    this.#pending.set(key, value);
    this.#pendingBytes += key.length + (value?.length ?? 0);
  }

  #write(sync: boolean): Promise<void> {
    const write = async (): Promise<void> => {
      if (this.#pending.size === 0 && !sync) return;
      this.#flushing = this.#pending;
      this.#flushingBytes = this.#pendingBytes;
      this.#pending = new Map();
      this.#pendingBytes = 0;
      const batch = Array.from(this.#flushing, ([key, value]): PairOperation =>
        value === undefined
          ? { type: "del", key: bytesOf(key) }
          : { type: "put", key: bytesOf(key), value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) },
      );
      if (batch.length === 0) batch.push({ type: "del", key: Buffer.from("~") });
      await this.#db.write(batch, sync);
      this.#flushing = new Map();
      this.#flushingBytes = 0;
    };
    this.#tail = this.#tail.then(write);
    return this.#tail;
  }

  async #read(start: string, end: string, limit: number): Promise<[Buffer, Buffer][]> {
    const found: [Buffer, Buffer][] = [];
    const iterator = this.#db.iterate({ gte: bytesOf(start), lt: bytesOf(end), limit });
    try {
      for (let batch = await iterator.nextv(scanStep); batch.length > 0; batch = await iterator.nextv(scanStep)) {
        for (const pair of batch) found.push(pair);
      }
    } finally {
      await iterator.close();
    }
    return found;
  }
}

async function* pairsOf(iterator: PairIterator): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
  for await (const batch of batchesOf(iterator)) yield* batch;
}

async function* batchesOf(iterator: PairIterator): AsyncGenerator<[Buffer, Buffer][]> {
  try {
    for (let batch = await iterator.nextv(scanStep); batch.length > 0; batch = await iterator.nextv(scanStep))
      yield batch;
  } finally {
    await iterator.close();
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function bytesOf(key: string): Buffer {
  return Buffer.from(key, "latin1");
}

function nextPrefix(prefix: string): string {
  return String.fromCharCode(prefix.charCodeAt(0) + 1);
}

/** The smallest key above, without the table's prefix. */
function after(key: string): Buffer {
  return bytesOf(`${key.slice(1)}\0`);
}
