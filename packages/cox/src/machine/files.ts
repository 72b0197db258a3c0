// Files of a machine: written whole or not at all. Which files there are is said by their users.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Never leaves half a file behind; a reader sees the old text or the new one. */
export function writeWhole(file: string, text: string | Buffer, mode: number): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(`${file}.part`, text, { mode });
  renameSync(`${file}.part`, file);
}

/** Writes only what differs; true when it did. */
export function writeIfChanged(file: string, text: string, mode: number): boolean {
  if (readIfThere(file) === text) return false;
  writeWhole(file, text, mode);
  return true;
}

export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
