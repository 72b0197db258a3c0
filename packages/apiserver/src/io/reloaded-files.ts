// Values made of files, made again when a file changes, so that keys and certificates can be replaced without a restart. What cannot
// be read or understood at the start is an error; later the old value stays in use, and that is said.
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import { StartError } from "@coxswain/daemon";
import { periodically } from "./periodically.ts";

export interface ReloadedFiles {
  /** Reads the files (undefined names stay undefined) and makes the value of their texts. Throws StartError. */
  load<T>(
    files: readonly (string | undefined)[],
    make: (texts: readonly (string | undefined)[]) => T,
  ): Promise<() => T>;
  /** Looks for changes from time to time. */
  readonly component: Component;
}

const lookIntervalMs = 5_000;

export function createReloadedFiles(ports: { readonly clock: Clock; readonly log: Logger }): ReloadedFiles {
  const looks: (() => Promise<void>)[] = [];
  return {
    async load(files, make) {
      let stamp = await stampOf(files);
      let value = make(await Promise.all(files.map(readText)));
      looks.push(async () => {
        const now = await stampOf(files);
        if (now === stamp) return;
        try {
          value = make(await Promise.all(files.map(readText)));
          stamp = now;
          ports.log.info({ files: files.filter((file) => file !== undefined) }, "files reloaded");
        } catch (err) {
          ports.log.error({ err, files }, "files not reloaded; what they said before stays in use");
        }
      });
      return () => value;
    },
    component: periodically(
      lookIntervalMs,
      ports.clock,
      async () => void (await Promise.all(looks.map((look) => look()))),
      (err) => ports.log.error({ err }, "files could not be looked at"),
    ),
  };
}

/** The text of a file; undefined for no name. Throws StartError. */
async function readText(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  });
}

/** Changes with any of the files; a file that is away for a moment is a change, too. */
async function stampOf(files: readonly (string | undefined)[]): Promise<string> {
  const stamps = files.map(async (file) => {
    if (file === undefined) return "";
    const { mtimeMs, size, ino } = await stat(file).catch(() => ({ mtimeMs: 0, size: 0, ino: 0 }));
    return `${mtimeMs}-${size}-${ino}`;
  });
  return (await Promise.all(stamps)).join(" ");
}
