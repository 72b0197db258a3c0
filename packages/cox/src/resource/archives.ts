// Directories as tar streams and back. What comes out of an archive stays below the place it was meant for; links are left out.
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, mkdir, readdir, readlink, stat } from "node:fs/promises";
import { basename, dirname, join, normalize } from "node:path";
import { finished, pipeline } from "node:stream/promises";
import { extract, pack } from "tar-stream";
import type { Pack } from "tar-stream";

export const baseName = (path: string): string => basename(path.replace(/\/+$/, "") || "/");
/** "" for a name in the present directory. */
export const directoryOf = (path: string): string => (path.includes("/") ? dirname(path) : "");
export const inside = (directory: string, name: string): string => join(directory, name);
export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
export const isDirectory = async (path: string): Promise<boolean> => (await stat(path)).isDirectory();

/** A file or directory under another name. */
export function packTree(path: string, name: string): AsyncIterable<Uint8Array> {
  const tar = pack();
  addTree(tar, path, name).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error as Error),
  );
  return tar as AsyncIterable<Uint8Array>;
}

async function addTree(tar: Pack, path: string, name: string): Promise<void> {
  const found = await lstat(path);
  const header = { name, mode: found.mode & 0o7777, mtime: found.mtime, uid: found.uid, gid: found.gid };
  if (found.isSymbolicLink()) {
    tar.entry({ ...header, type: "symlink", linkname: await readlink(path) });
  } else if (found.isDirectory()) {
    tar.entry({ ...header, name: `${name}/`, type: "directory" });
    for (const child of (await readdir(path)).sort()) await addTree(tar, join(path, child), `${name}/${child}`);
  } else if (found.isFile()) {
    const entry = tar.entry({ ...header, size: found.size });
    await pipeline(createReadStream(path), entry);
  }
}

export interface Unpacker {
  /** Resolves when more may come. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when everything is on disk; throws when the archive is torn. */
  end(): Promise<void>;
  abandon(): void;
}

/** Writes what is at or below `source` in the archive to `target`. */
export function createUnpacker(source: string, target: string, warn: (text: string) => void): Unpacker {
  const prefix = normalize(`/${source}`).replace(/\/+$/, "");
  const tar = extract();
  let failure: Error | undefined;
  tar.on("entry", (header, stream, next) => {
    const name = normalize(`/${header.name}`).replace(/\/+$/, "");
    const place =
      name === prefix
        ? target
        : name.startsWith(`${prefix}/`)
          ? join(target, name.slice(prefix.length + 1))
          : undefined;
    const done = (): void => void stream.resume().once("end", next);
    if (place === undefined) {
      warn(`"${header.name}" is not below ${source}, skipping`);
      return done();
    }
    if (header.type === "symlink" || header.type === "link") {
      warn(`skipping symlink: ${JSON.stringify(header.name)} -> ${JSON.stringify(header.linkname ?? "")}`);
      return done();
    }
    if (header.type === "directory") {
      mkdir(place, { recursive: true }).then(done, (error: unknown) => tar.destroy(error as Error));
      return;
    }
    mkdir(dirname(place), { recursive: true })
      .then(() => pipeline(stream, createWriteStream(place, { mode: (header.mode ?? 0o644) & 0o777 })))
      .then(
        () => next(),
        (error: unknown) => tar.destroy(error as Error),
      );
  });
  tar.on("error", (error: Error) => (failure ??= error));
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        const refuse = (error: Error): void => reject(error);
        tar.once("error", refuse);
        if (tar.write(chunk)) {
          tar.off("error", refuse);
          return resolve();
        }
        tar.once("drain", () => {
          tar.off("error", refuse);
          resolve();
        });
      }),
    async end() {
      if (failure !== undefined) throw failure;
      tar.end(null);
      await finished(tar);
    },
    abandon: () => tar.destroy(new Error("given up")),
  };
}
