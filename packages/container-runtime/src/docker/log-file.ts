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
      const { bytesRead } = await current.handle.read(block, 0, blockBytes, at);
      at += bytesRead;
      if (bytesRead > 0) yield* rows.push(block.subarray(0, bytesRead));
      else if (next) {
        // Nothing more comes into a file that has a successor.
        await current.handle.close();
        files.splice(0, files.length, next);
        [current, at] = [next, 0];
        rows.reset();
        continue;
      } else if (wasOver) return;
      else await changed(path, { ...current, size: at }, ports.clock, AbortSignal.any([signal, done.signal]));
      await next?.handle.close();
    }
  } finally {
    await Promise.all(files.map(({ handle }) => handle.close().catch(() => undefined)));
  }
}

/** From the oldest to the newest. Opened the other way round, so that names which move on meanwhile hide nothing. */
async function openAll(path: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  for (let number = 0; number < mostFiles; number++) {
    const file = await openFile(number === 0 ? path : `${path}.${number}`);
    if (!file) break;
    if (files.some(({ inode }) => inode === file.inode)) await file.handle.close();
    else files.unshift(file);
  }
  return files;
}

async function openFile(path: string): Promise<LogFile | undefined> {
  const handle = await open(path, "r").catch(() => undefined);
  if (!handle) return undefined;
  const { ino, size } = await handle.stat();
  return { handle, inode: ino, size };
}

/** The file that follows the given one; the oldest when that is no more; undefined when it is the newest. */
async function fileAfter(path: string, inode: number): Promise<LogFile | undefined> {
  const inodeOf = async (number: number): Promise<number | undefined> =>
    (await stat(number === 0 ? path : `${path}.${number}`).catch(() => undefined))?.ino;
  for (;;) {
    const newest = await inodeOf(0);
    if (newest === inode || newest === undefined) return undefined;
    let number = 1;
    let found: number | undefined;
    for (; (found = await inodeOf(number)) !== undefined && found !== inode; number++);
    const next = await openFile(number === 1 ? path : `${path}.${number - 1}`);
    // The names may have moved on in between.
    if (next && (found === undefined || (await inodeOf(number)) === inode) && next.inode !== inode) return next;
    await next?.handle.close();
  }
}

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
