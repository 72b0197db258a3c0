// A snapshot as a file: etcd's database and, unless it was copied out of a data directory, its SHA-256 behind it.
import { createHash } from "node:crypto";
import { StoreError } from "../errors.ts";
import { openDatabase } from "../io/bbolt/reader.ts";
import type { Database } from "../io/bbolt/reader.ts";
import type { Disk, DiskReader } from "../io/disk/disk.ts";

export interface SnapshotFile extends AsyncDisposable {
  readonly database: Database;
}

const hashBytes = 32;
/** A database is whole sectors; what is more is the hash. */
const sectorBytes = 512;
const stepBytes = 1024 * 1024;

/** Refuses a file whose hash is wrong; one without a hash, too, unless `hash` is "ignored". */
export async function openSnapshot(path: string, disk: Disk, hash: "required" | "ignored"): Promise<SnapshotFile> {
  const file = await disk.openReader(path);
  try {
    const hasHash = file.sizeBytes % sectorBytes === hashBytes;
    const sizeBytes = file.sizeBytes - (hasHash ? hashBytes : 0);
    if (hash === "required") {
      if (!hasHash) throw new StoreError("snapshot-unusable", "snapshot missing hash but --skip-hash-check=false");
      const expected = await file.read(sizeBytes, hashBytes);
      const found = await hashOf(file, sizeBytes);
      if (!found.equals(expected))
        throw new StoreError(
          "snapshot-damaged",
          `${path} is damaged: expected sha256 ${expected.toString("hex")}, got ${found.toString("hex")}`,
        );
    }
    const database = await openDatabase(truncated(file, sizeBytes), path);
    return { database, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function hashOf(file: DiskReader, sizeBytes: number): Promise<Buffer> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < sizeBytes; offset += stepBytes)
    hash.update(await file.read(offset, Math.min(stepBytes, sizeBytes - offset)));
  return hash.digest();
}

function truncated(file: DiskReader, sizeBytes: number): DiskReader {
  return {
    sizeBytes,
    read: (offset, length) => file.read(offset, Math.max(0, Math.min(length, sizeBytes - offset))),
    close: () => file.close(),
  };
}
