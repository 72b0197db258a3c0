// A received copy of the backend on its way in: parts first, the manifest last, so that a copy is either whole or not there. It is kept
// until the log says that it was installed; a crash in between installs it again.
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Snapshot } from "raft-ts";
import { StoreError } from "../../errors.ts";
import type { Disk } from "../disk/disk.ts";
import { decodeSnapshot, encodeSnapshot } from "../peer/codec.ts";
import { decodePairs, encodePair } from "../peer/frame.ts";

type Pairs = AsyncIterable<readonly [Uint8Array, Uint8Array]>;

export interface Spool {
  /**
   * Resolves when the copy is on disk, whole. Copies up to `installedIndex` are of no more use and go. Others may still be wanted: the next
   * snapshot, of another leader for one, may come while the last one is being installed.
   */
  receive(snapshot: Snapshot, pairs: Pairs, installedIndex: number): Promise<void>;
  open(snapshot: Snapshot): Pairs;
  /** The newest whole copy, if any. Rejects with `StoreError` when it is damaged. */
  newest(): Promise<Snapshot | undefined>;
  clear(): Promise<void>;
}

const partBytes = 32 * 1024 * 1024;

export function createSpool(directory: string, disk: Disk): Spool {
  /** By index: the name of a whole copy's files. No two receptions share one, so that none can spoil another. */
  const copies = new Map<number, string>();
  let receptions = 0;
  const manifestOf = (copy: string): string => join(directory, `${copy}.snapshot`);
  const partOf = (copy: string, part: number): string =>
    join(directory, `${copy}-${part.toString().padStart(6, "0")}.part`);

  const write = async (path: string, bytes: Uint8Array): Promise<void> => {
    const file = await disk.open(path);
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  };
  const clear = async (): Promise<void> => {
    copies.clear();
    const names = await disk.list(directory);
    for (const name of names.filter((each) => each.endsWith(".snapshot"))) await disk.remove(join(directory, name));
    for (const name of names.filter((each) => !each.endsWith(".snapshot"))) await disk.remove(join(directory, name));
  };

  const manifest = async (copy: string): Promise<{ snapshot: Snapshot; sums: readonly number[] }> => {
    const found = decodeManifest(await disk.read(manifestOf(copy)));
    if (!found) throw damaged(manifestOf(copy));
    return found;
  };
  const part = async (copy: string, position: number, sum: number): Promise<Buffer> => {
    const bytes = await disk.read(partOf(copy, position)).catch((cause: unknown) => {
      throw new StoreError("snapshot-damaged", `${partOf(copy, position)} cannot be read`, { cause });
    });
    if (crc32(bytes) !== sum) throw damaged(partOf(copy, position));
    return bytes;
  };
  /** The manifest goes first: without it the rest is nothing. */
  const remove = async (copy: string): Promise<void> => {
    const names = (await disk.list(directory)).filter((name) => name.startsWith(copy));
    for (const name of names.filter((each) => each.endsWith(".snapshot"))) await disk.remove(join(directory, name));
    for (const name of names.filter((each) => !each.endsWith(".snapshot"))) await disk.remove(join(directory, name));
  };
  const receive = async (copy: string, snapshot: Snapshot, pairs: Pairs): Promise<void> => {
    const sums: number[] = [];
    let batch: Buffer[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      const bytesOfPart = Buffer.concat(batch);
      await write(partOf(copy, sums.length), bytesOfPart);
      sums.push(crc32(bytesOfPart));
      batch = [];
      bytes = 0;
    };
    for await (const [key, value] of pairs) {
      batch.push(encodePair(key, value));
      bytes += key.length + value.length + 8;
      if (bytes >= partBytes) await flush();
    }
    await flush();
    const temporary = `${manifestOf(copy)}.tmp`;
    await write(temporary, encodeManifest(snapshot, sums));
    await disk.rename(temporary, manifestOf(copy));
    await disk.syncDirectory(directory);
  };

  return {
    clear,
    async receive(snapshot, pairs, installedIndex) {
      await disk.makeDirectory(directory);
      for (const [index, copy] of [...copies]) {
        if (index > installedIndex) continue;
        copies.delete(index);
        await remove(copy);
      }
      const copy = `${snapshot.index.toString(16).padStart(16, "0")}-${(++receptions).toString().padStart(6, "0")}`;
      try {
        await receive(copy, snapshot, pairs);
      } catch (error) {
        await remove(copy);
        throw error;
      }
      copies.set(snapshot.index, copy);
    },
    async *open(snapshot) {
      const copy = copies.get(snapshot.index);
      if (copy === undefined) throw new Error(`no copy of the backend as of entry ${snapshot.index} was received`);
      const { sums } = await manifest(copy);
      for (const [position, sum] of sums.entries()) yield* decodePairs(await part(copy, position, sum));
    },
    async newest() {
      const name = (await disk.list(directory)).findLast((each) => each.endsWith(".snapshot"));
      if (name === undefined) return undefined;
      // The process may have died between naming the manifest and syncing that: what is installed from it must not lose it half-way.
      await disk.syncDirectory(directory);
      const copy = name.replace(/\.snapshot$/, "");
      const { snapshot, sums } = await manifest(copy);
      // Before anything is replaced by it.
      for (const [position, sum] of sums.entries()) await part(copy, position, sum);
      copies.set(snapshot.index, copy);
      return snapshot;
    },
  };
}

/** | crc32 of the rest u32 | parts u32 | crc32 of each part u32 … | snapshot | */
function encodeManifest(snapshot: Snapshot, sums: readonly number[]): Buffer {
  const head = Buffer.alloc(8 + sums.length * 4);
  head.writeUInt32LE(sums.length, 4);
  for (const [position, sum] of sums.entries()) head.writeUInt32LE(sum, 8 + position * 4);
  const bytes = Buffer.concat([head, encodeSnapshot(snapshot)]);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

function decodeManifest(bytes: Buffer): { snapshot: Snapshot; sums: readonly number[] } | undefined {
  if (bytes.length < 8 || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const count = bytes.readUInt32LE(4);
  return {
    snapshot: decodeSnapshot(bytes.subarray(8 + count * 4)),
    sums: Array.from({ length: count }, (_, position) => bytes.readUInt32LE(8 + position * 4)),
  };
}

function damaged(file: string): StoreError {
  return new StoreError(
    "snapshot-damaged",
    `${file}, part of a received snapshot, is damaged: remove the member and add it again with an empty data directory`,
  );
}
