// The file that carries what is known of the cluster over a restart. Written whole and then moved into place; one that is
// too old, of another format or damaged counts as none.
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { Memory } from "../core/memory.ts";

export interface MemoryFile {
  /** What was known, if it is not too old. */
  load(): Promise<Memory | undefined>;
  save(memory: Memory): Promise<void>;
}

export function createMemoryFile(
  config: { readonly path: string; readonly maxAgeMs: number },
  ports: { readonly clock: Clock; readonly log: Logger },
): MemoryFile {
  const { path, maxAgeMs } = config;
  const { clock, log } = ports;
  return {
    async load() {
      try {
        const memory: unknown = JSON.parse(await readFile(path, "utf8"));
        if (!isMemory(memory)) throw new Error("it is of another format");
        const ageMs = clock.now() - memory.savedAt;
        if (ageMs >= 0 && ageMs <= maxAgeMs) return memory;
        log.warn({ path, ageMs }, "what was known of the cluster is too old");
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== "ENOENT")
          log.warn({ err, path }, "what was known of the cluster cannot be read");
      }
      return undefined;
    },
    async save(memory) {
      const written = `${path}.new`;
      await mkdir(dirname(path), { recursive: true });
      await writeFile(written, JSON.stringify(memory), { mode: 0o600, flush: true });
      await rename(written, path);
    },
  };
}

function isMemory(value: unknown): value is Memory {
  if (typeof value !== "object" || value === null) return false;
  const { format, savedAt, namespaces, services, slices } = value as Partial<Record<keyof Memory, unknown>>;
  return format === 1 && typeof savedAt === "number" && [namespaces, services, slices].every(Array.isArray);
}
