// A container's log read from the engine's own files (json-file), which is some ten times as fast as through its API. Files are begun anew
// at a size: NAME is the present one, NAME.1 the one before, and so on. A reader keeps its file open over that, and goes on with the next.
import { watch } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Clock } from "@coxswain/clock";
import type { LogChunk, LogRequest } from "../runtime.ts";
import { createRowReader } from "./log-rows.ts";

const blockBytes = 256 << 10;
const mostFiles = 1_000;
/** So many names without a file, one after the other, are the end of them. */
const mostMissing = 3;
/** When the machine has no more watches to give, or between the end of a file's name and the next one's. */
const retryMs = 100;

interface LogFile {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly size: number;
}

/** `isThere`: whether there are such files that we may read. */
export async function isReadable(path: string): Promise<boolean> {
  try {
    await (await open(path, "r")).close();
    return true;
  } catch {
    return false;
  }
}

/** `ended` resolves when the container runs no more and has said everything; only a follower asks for it. */
export async function* readLogFiles(
  path: string,
  request: LogRequest,
  ports: { readonly clock: Clock; readonly ended: () => Promise<void> },
  signal: AbortSignal,
): AsyncIterable<LogChunk> {
  const files = await openAll(path);
  const rows = createRowReader({ timestamps: request.timestamps, sinceMs: request.sinceMs });
  const block = Buffer.allocUnsafe(blockBytes);
  try {
    const start = await tailStart(files, request.tailLines);
    for (const [index, file] of files.entries()) {
      if (index < start.file) continue;
      rows.reset();
      let at = index === start.file ? start.offset : 0;
      // What is written meanwhile is a follower's business: a reader comes to an end.
      while (at < file.size && !signal.aborted) {
        const { bytesRead } = await file.handle.read(block, 0, Math.min(blockBytes, file.size - at), at);
        if (bytesRead === 0) break;
        at += bytesRead;
        yield* rows.push(block.subarray(0, bytesRead));
      }
    }
    if (!request.follow || signal.aborted) return;
    const newest = files.at(-1);
    if (!newest) return;
    await closeAll(files.splice(0, files.length - 1));
    let current: LogFile = newest;
    let over = false;
    const done = new AbortController();
    void ports.ended().then(() => {
      over = true;
      done.abort();
    });
    let at = current.size;
    while (!signal.aborted) {
      const wasOver = over;
      const next: LogFile | undefined = await fileAfter(path, current.inode);
      if (next) files.push(next);
      const { bytesRead } = await current.handle.read(block, 0, blockBytes, at);
      at += bytesRead;
      if (next && bytesRead === 0) {
        // Nothing more comes into a file that has a successor.
        await closeAll(files.splice(0, 1));
        [current, at] = [next, 0];
        rows.reset();
        continue;
      }
      // It is looked for anew: by then it may have a successor itself, or be gone.
      await closeAll(files.splice(1));
      if (bytesRead > 0) yield* rows.push(block.subarray(0, bytesRead));
      else if (wasOver) return;
      else await changed(path, { ...current, size: at }, ports.clock, AbortSignal.any([signal, done.signal]));
    }
  } finally {
    await closeAll(files);
  }
}

async function closeAll(files: LogFile[]): Promise<void> {
  await Promise.all(files.splice(0).map(({ handle }) => handle.close()));
}

/** From the oldest to the newest. */
async function openAll(path: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  for (const inode of (await inodesOf(path)).toReversed()) {
    const file = await openInode(path, inode);
    if (file) files.push(file);
  }
  return files;
}

/** The file that follows the given one; the oldest when that is no more; undefined when it is the newest. */
async function fileAfter(path: string, inode: number): Promise<LogFile | undefined> {
  while ((await inodeAt(path, 0)) !== inode) {
    const inodes = await inodesOf(path);
    const wanted = inodes.at(inodes.includes(inode) ? inodes.indexOf(inode) - 1 : -1);
    if (inodes.indexOf(inode) === 0 || wanted === undefined) return undefined;
    const file = await openInode(path, wanted);
    if (file) return file;
  }
  return undefined;
}

/**
 * The files, from the newest to the oldest, while names may move on: NAME.2 becomes NAME.3, then NAME.1 NAME.2, then NAME NAME.1. Names are looked at
 * upwards, as files move: none is passed over, and who is met twice was overtaken by those met in between, so the last time counts. A name
 * without a file is one that is being moved, or was when the engine was killed.
 */
async function inodesOf(path: string): Promise<readonly number[]> {
  const met = new Set<number>();
  for (let [number, missing] = [0, 0]; number < mostFiles && missing < mostMissing; number++) {
    const inode = await inodeAt(path, number);
    missing = inode === undefined ? missing + 1 : 0;
    if (inode === undefined) continue;
    met.delete(inode);
    met.add(inode);
  }
  return [...met];
}

/** Wherever its name has moved to; undefined when it has been removed. */
async function openInode(path: string, inode: number): Promise<LogFile | undefined> {
  for (let number = 0, missing = 0; number < mostFiles && missing < mostMissing; number++) {
    const found = await inodeAt(path, number);
    missing = found === undefined ? missing + 1 : 0;
    if (found !== inode) continue;
    const file = await openFile(nameAt(path, number));
    if (file?.inode === inode) return file;
    // Moved on in between, and not met yet.
    await file?.handle.close();
  }
  return undefined;
}

async function openFile(path: string): Promise<LogFile | undefined> {
  const handle = await open(path, "r").catch(() => undefined);
  if (!handle) return undefined;
  const { ino, size } = await handle.stat();
  return { handle, inode: ino, size };
}

async function inodeAt(path: string, number: number): Promise<number | undefined> {
  return (await stat(nameAt(path, number)).catch(() => undefined))?.ino;
}

const nameAt = (path: string, number: number): string => (number === 0 ? path : `${path}.${number}`);

/** Resolves when there may be more to read. */
async function changed(path: string, seen: LogFile, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  try {
    const watcher = watch(path, () => resolve());
    watcher.on("error", () => resolve());
    const leave = (): void => resolve();
    signal.addEventListener("abort", leave, { once: true });
    try {
      // What came before the watch was there is not told of.
      const [now, { size }] = await Promise.all([stat(path).catch(() => undefined), seen.handle.stat()]);
      if (now?.ino === seen.inode && size === seen.size) await promise;
    } finally {
      signal.removeEventListener("abort", leave);
      watcher.close();
    }
  } catch {
    await clock.sleep(retryMs, signal).catch(() => undefined);
  }
}

/** Where the last so many lines begin. A line that came in pieces is one. */
async function tailStart(
  files: readonly LogFile[],
  tailLines: number | undefined,
): Promise<{ readonly file: number; readonly offset: number }> {
  if (tailLines === undefined) return { file: 0, offset: 0 };
  if (tailLines === 0) return { file: files.length, offset: 0 };
  let left = tailLines;
  const finished = Buffer.from('\\n","stream":"');
  /** The line at the very end counts whether it is finished or not. */
  let isLast = true;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index];
    if (!file) break;
    let [rest, until]: [Buffer, number] = [Buffer.alloc(0), file.size];
    while (until > 0) {
      const from = Math.max(0, until - blockBytes);
      const block = Buffer.allocUnsafe(until - from);
      await file.handle.read(block, 0, block.length, from);
      const buffer = Buffer.concat([block, rest]);
      let end = buffer.length;
      // Rows that begin in this buffer, the last first.
      for (;;) {
        const before = end <= 1 ? -1 : buffer.lastIndexOf(0x0a, end - 2);
        if (before < 0 && from > 0) break;
        const row = buffer.subarray(before + 1, end);
        if (row.length > 0 && (isLast || row.includes(finished)) && left-- === 0)
          return { file: index, offset: from + end };
        isLast = false;
        end = before + 1;
        if (before < 0) break;
      }
      rest = buffer.subarray(0, end);
      until = from;
    }
  }
  return { file: 0, offset: 0 };
}
