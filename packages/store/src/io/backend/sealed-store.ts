// A pair store that knows when it was damaged. level checks nothing of what it reads back from its own files, and forgets whole batches of
// a log that was flipped somewhere: so every value carries a checksum of itself and its key, and a *seal* over all pairs, how many, how
// large, and the sum of their checksums, is written with every batch.
//
//   value  | bytes … | crc32 of key and bytes |               wrong bytes are seen when they are read
//   ~seal  | format u8 | count u48 | bytes u48 | sum u48 |     missing pairs, and batches, are seen when the store is opened
//
// Tables are told apart by the first byte of a key. What `verify` has to read anyway at a start (mvcc reads the two large tables to build
// its index) is counted while it is read, and not read again.
import { crc32 } from "node:zlib";
import { StoreError } from "../../errors.ts";
import type { PairIterator, PairOperation, PairRange, PairStore } from "./pair-store.ts";

export interface SealedStore extends PairStore {
  /** Rejects with `StoreError` when a pair is missing, changed or too much. To be called before the first write. */
  verify(): Promise<void>;
  /** Bytes of all keys and values that are there. */
  liveBytes(): number;
}

interface Seal {
  count: number;
  bytes: number;
  sum: number;
}

/** How far a table has been read in order since the store was opened. */
interface Reading extends Seal {
  next: Buffer;
  done: boolean;
}

const format = 2;
const sealKey = Buffer.from("~seal");
const sealBytes = 19;
const crcBytes = 4;
const modulus = 2 ** 48;
const everything: PairRange = { gte: Buffer.alloc(0), lt: Buffer.from("~"), limit: 2 ** 31 - 1 };
const tables = ["k", "l", "m", "s", "x"];
/** Pairs of this table are never overwritten, only removed. */
const immutableTable = "k".charCodeAt(0);

/** `place` is for people: the directory. */
export function sealStore(store: PairStore, place: string): SealedStore {
  return new Sealed(store, place);
}

class Sealed implements SealedStore {
  readonly #store: PairStore;
  readonly #place: string;
  #seal: Seal;
  readonly #readings = new Map<string, Reading>();
  #verifies = true;

  constructor(store: PairStore, place: string) {
    this.#store = store;
    this.#place = place;
    this.#seal = this.#readSeal();
    this.#restart();
  }

  get(key: Buffer): Buffer | undefined {
    const stored = this.#stored(key);
    return stored && this.#open(key, stored);
  }

  async write(operations: readonly PairOperation[], sync: boolean): Promise<void> {
    this.#verifies = false;
    const seal = { ...this.#seal };
    /** What this batch says about keys that may be named again in it. */
    const before = new Map<string, Buffer | undefined>();
    const sealed = operations.map((operation): PairOperation => {
      const { key } = operation;
      const name = key.toString("latin1");
      const isNew = operation.type === "put" && key[0] === immutableTable;
      const old = before.has(name) ? before.get(name) : isNew ? undefined : this.#stored(key);
      if (old) addTo(seal, key.length + old.length - crcBytes, old.readUInt32LE(old.length - crcBytes), -1);
      before.set(name, undefined);
      if (operation.type === "del") return operation;
      const { value } = operation;
      const crc = checksum(key, value);
      addTo(seal, key.length + value.length, crc, 1);
      const bytes = Buffer.allocUnsafe(value.length + crcBytes);
      bytes.set(value);
      bytes.writeUInt32LE(crc, value.length);
      before.set(name, bytes);
      return { type: "put", key, value: bytes };
    });
    sealed.push({ type: "put", key: sealKey, value: encodeSeal(seal) });
    await this.#store.write(sealed, sync);
    this.#seal = seal;
  }

  iterate(range: PairRange = everything): PairIterator {
    const iterator = this.#store.iterate(range);
    const reading = this.#readingFor(range);
    let left = range.limit;
    return {
      nextv: async (size) => {
        const batch = await iterator.nextv(size).catch((error: unknown) => {
          throw this.#told(error);
        });
        left -= batch.length;
        const opened = batch.map(([key, stored]): [Buffer, Buffer] => {
          const value = this.#open(key, stored);
          if (reading) addTo(reading, key.length + value.length, stored.readUInt32LE(value.length), 1);
          return [key, value];
        });
        const last = batch.at(-1);
        if (reading && last) reading.next = Buffer.concat([last[0], Buffer.alloc(1)]);
        if (reading && !last && left > 0) reading.done = true;
        return opened;
      },
      close: () => iterator.close(),
    };
  }

  async verify(): Promise<void> {
    if (!this.#verifies) return;
    for (const [table, reading] of this.#readings) {
      if (reading.done) continue;
      const lt = Buffer.from(String.fromCharCode(table.charCodeAt(0) + 1));
      const iterator = this.iterate({ gte: reading.next, lt, limit: everything.limit });
      try {
        while ((await iterator.nextv(1000)).length > 0);
      } finally {
        await iterator.close();
      }
    }
    const found: Seal = { count: 0, bytes: 0, sum: 0 };
    for (const reading of this.#readings.values()) {
      found.count += reading.count;
      found.bytes += reading.bytes;
      found.sum = (found.sum + reading.sum) % modulus;
    }
    const { count, bytes, sum } = this.#seal;
    if (found.count !== count || found.bytes !== bytes || found.sum !== sum)
      throw this.#damaged(`expected ${count} pairs of ${bytes} bytes, found ${found.count} of ${found.bytes}`);
  }

  liveBytes(): number {
    return this.#seal.bytes;
  }

  async clear(): Promise<void> {
    await this.#store.clear();
    this.#seal = { count: 0, bytes: 0, sum: 0 };
    this.#verifies = false;
  }

  sizeBytes(): Promise<number> {
    return this.#store.sizeBytes();
  }

  compact(): Promise<void> {
    return this.#store.compact();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #restart(): void {
    for (const table of tables)
      this.#readings.set(table, { count: 0, bytes: 0, sum: 0, next: Buffer.from(table), done: false });
  }

  /** The table's reading, if this range goes on exactly where it stands. */
  #readingFor(range: PairRange): Reading | undefined {
    if (!this.#verifies) return undefined;
    const reading = this.#readings.get(String.fromCharCode(range.gte[0] ?? 0));
    return reading && !reading.done && reading.next.equals(range.gte) ? reading : undefined;
  }

  #readSeal(): Seal {
    const stored = this.#stored(sealKey);
    if (!stored) return { count: 0, bytes: 0, sum: 0 };
    if (stored[0] !== format)
      throw new StoreError(
        "backend-version",
        `${this.#place} has format version ${stored[0]}; this program reads version ${format}`,
      );
    if (stored.length !== sealBytes + crcBytes) throw this.#damaged("its seal is broken");
    const bytes = this.#open(sealKey, stored);
    return { count: bytes.readUIntLE(1, 6), bytes: bytes.readUIntLE(7, 6), sum: bytes.readUIntLE(13, 6) };
  }

  #stored(key: Buffer): Buffer | undefined {
    try {
      return this.#store.get(key);
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** What level finds broken in its own files is told as what it does not find. */
  #told(error: unknown): unknown {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return code === "LEVEL_CORRUPTION" ? this.#damaged(message, error) : error;
  }

  #open(key: Buffer, stored: Buffer): Buffer {
    const length = stored.length - crcBytes;
    if (length < 0 || checksum(key, stored.subarray(0, length)) !== stored.readUInt32LE(length))
      throw this.#damaged(`the pair under ${key.toString("hex")} has a wrong checksum`);
    return stored.subarray(0, length);
  }

  #damaged(what: string, cause?: unknown): StoreError {
    return new StoreError(
      "backend-damaged",
      `the backend in ${this.#place} is damaged: ${what}. Remove the member and add it again with an empty data directory: ` +
        `it is then sent everything by the others; or restore a snapshot`,
      { cause },
    );
  }
}

/** A stored value without its checksum, unchecked: for whoever watches what is written. */
export function unsealed(stored: Buffer): Buffer {
  return stored.subarray(0, stored.length - crcBytes);
}

function encodeSeal(seal: Seal): Buffer {
  const bytes = Buffer.alloc(sealBytes + crcBytes);
  bytes[0] = format;
  bytes.writeUIntLE(seal.count, 1, 6);
  bytes.writeUIntLE(seal.bytes, 7, 6);
  bytes.writeUIntLE(seal.sum, 13, 6);
  bytes.writeUInt32LE(checksum(sealKey, bytes.subarray(0, sealBytes)), sealBytes);
  return bytes;
}

function addTo(seal: Seal, bytes: number, crc: number, sign: 1 | -1): void {
  seal.count += sign;
  seal.bytes += sign * bytes;
  seal.sum = (seal.sum + (sign === 1 ? crc : modulus - crc)) % modulus;
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return crc32(value, crc32(key));
}
