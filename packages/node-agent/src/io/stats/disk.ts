// What is on the disks: file systems as a whole, at once; and how much single directories hold, which means walking them.
// Walks are few: one at a time, one of a directory in a minute, and readers get what the last walk found.
import { lstat, readdir, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "@coxswain/clock";
import type { DiskUsage, FileSystemUsage } from "../../core/stats/usage.ts";

export interface DiskMeter {
  /** What the last walk found; undefined before the first. Begins a walk when that is older than `maxAgeMs`. */
  recent(path: string, maxAgeMs?: number): DiskUsage | undefined;
  /** As `recent`, but waits for a walk when there is none young enough. */
  measured(path: string, maxAgeMs?: number): Promise<DiskUsage>;
}

const defaultAgeMs = 60_000;
/** Paths that nobody has asked about for this long are forgotten. */
const forgottenMs = 300_000;

export function createDiskMeter(clock: Clock): DiskMeter {
  const kept = new Map<
    string,
    { usage: DiskUsage | undefined; askedAtMs: number; walk: Promise<DiskUsage> | undefined }
  >();
  let line: Promise<unknown> = Promise.resolve();

  const entryOf = (path: string) => {
    const nowMs = clock.monotonic();
    for (const [other, entry] of kept) if (nowMs - entry.askedAtMs > forgottenMs) kept.delete(other);
    const entry = kept.get(path) ?? { usage: undefined, askedAtMs: nowMs, walk: undefined };
    entry.askedAtMs = nowMs;
    kept.set(path, entry);
    return entry;
  };
  const isYoung = (usage: DiskUsage | undefined, maxAgeMs: number): boolean =>
    usage !== undefined && clock.now() - usage.atMs < maxAgeMs;
  const walk = (path: string): Promise<DiskUsage> => {
    const entry = entryOf(path);
    if (entry.walk) return entry.walk;
    const begun = line.then(() => diskUsageOf(path, clock));
    line = begun.catch(() => undefined);
    entry.walk = begun.finally(() => (entry.walk = undefined));
    begun.then(
      (usage) => void (entry.usage = usage),
      () => undefined,
    );
    return entry.walk;
  };

  return {
    recent(path, maxAgeMs = defaultAgeMs) {
      const { usage } = entryOf(path);
      // Whoever reads next time learns of a failure by there being no value.
      if (!isYoung(usage, maxAgeMs)) walk(path).catch(() => undefined);
      return usage;
    },
    async measured(path, maxAgeMs = defaultAgeMs) {
      const { usage } = entryOf(path);
      return usage && isYoung(usage, maxAgeMs) ? usage : walk(path);
    },
  };
}

/** As `du -x` counts: blocks, a file with several names once. What disappears meanwhile is not there. */
async function diskUsageOf(path: string, clock: Clock): Promise<DiskUsage> {
  const seen = new Set<bigint | number>();
  let usedBytes = 0;
  const waiting = [path];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const facts = await ifThere(lstat(at));
    if (!facts || seen.has(facts.ino)) continue;
    seen.add(facts.ino);
    usedBytes += facts.blocks * 512;
    if (!facts.isDirectory()) continue;
    for (const name of (await ifThere(readdir(at))) ?? []) waiting.push(join(at, name));
  }
  return { atMs: clock.now(), usedBytes, inodesUsed: seen.size };
}

/** The file system that holds the path. */
export async function fileSystemOf(path: string, clock: Clock): Promise<FileSystemUsage> {
  const found = await ifThere(statfs(path));
  if (!found) return fileSystemOf(dirname(path), clock);
  const { blocks, bfree, bavail, bsize, files, ffree } = found;
  return {
    atMs: clock.now(),
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    // File systems without a fixed number of inodes say 0 of 0.
    inodes: files === 0 ? undefined : files,
    inodesFree: files === 0 ? undefined : ffree,
  };
}

async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
