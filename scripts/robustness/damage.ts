// Ways in which a disk breaks what was written: a bit flips, a block turns to zeros, the end of a file goes missing. Works on a copy
// of a stopped member's files; knows nothing of what they mean.
import { open, readdir, stat, truncate } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Random } from "@coxswain/clock";

export interface Damage {
  readonly kind: "bit" | "block" | "cut";
  /** Relative to the directory. */
  readonly file: string;
  readonly offset: number;
}

const blockBytes = 512;

/** One place to break in one of the files, drawn evenly over kinds of files and over the bytes that are in use. */
export async function drawDamage(directory: string, random: Random): Promise<Damage> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const byKind = Map.groupBy(
    (await Promise.all(files.map(async (file) => ({ file, used: await usedBytes(file) })))).filter(
      ({ used }) => used > 0,
    ),
    ({ file }) => /\.[a-z]+$/.exec(file)?.[0] ?? relative(directory, file).replace(/\d+/g, ""),
  );
  const kinds = [...byKind.keys()].sort();
  const candidates = byKind.get(kinds[random.int(kinds.length)] ?? "") ?? [];
  const { file, used } = candidates[random.int(candidates.length)] as { file: string; used: number };
  const kind = (["bit", "block", "cut"] as const)[random.int(3)] ?? "bit";
  return { kind, file: relative(directory, file), offset: random.int(used) };
}

export async function inflict(directory: string, { kind, file, offset }: Damage): Promise<void> {
  const path = join(directory, file);
  if (kind === "cut") return await truncate(path, offset);
  const handle = await open(path, "r+");
  try {
    if (kind === "block") {
      const start = offset - (offset % blockBytes);
      const length = Math.min(blockBytes, (await handle.stat()).size - start);
      await handle.write(Buffer.alloc(length), 0, length, start);
      return;
    }
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, offset);
    byte[0] = (byte[0] as number) ^ (1 << (offset % 8));
    await handle.write(byte, 0, 1, offset);
  } finally {
    await handle.close();
  }
}

/** Without the zeros at the end: a log's file is laid out in full before it is filled. */
async function usedBytes(file: string): Promise<number> {
  const handle = await open(file, "r");
  try {
    const step = 1 << 16;
    for (let end = (await stat(file)).size; end > 0; end -= step) {
      const start = Math.max(0, end - step);
      const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
      const last = buffer.findLastIndex((byte) => byte !== 0);
      if (last >= 0) return start + last + 1;
    }
    return 0;
  } finally {
    await handle.close();
  }
}
