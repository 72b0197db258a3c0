// The system's files behind the disk port.
import fs from "node:fs";
import { mkdir, open, readFile, readdir, rename, unlink } from "node:fs/promises";
import type { Disk, DiskFile } from "./disk.ts";

export const systemDisk: Disk = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  async list(directory) {
    try {
      return (await readdir(directory)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  },
  read: (path) => readFile(path),
  async openReader(path) {
    const handle = await open(path, "r");
    const { size } = await handle.stat();
    return {
      sizeBytes: size,
      async read(offset, length) {
        const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
        return bytes.subarray(0, bytesRead);
      },
      close: () => handle.close(),
    };
  },
  rename,
  remove: unlink,
  async syncDirectory(directory) {
    const handle = await open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  open: (path) =>
    new Promise((resolve, reject) => {
      fs.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600, (error, descriptor) => {
        if (error) reject(error);
        else resolve(fileOf(descriptor));
      });
    }),
};

/** Into the page cache a little goes faster than a word to another thread about it. */
const quickBytes = 256 * 1024;

/** Callbacks rather than file handles: this is the path of every acknowledged write. */
function fileOf(descriptor: number): DiskFile {
  return {
    write: (data, offset) =>
      data.length <= quickBytes ? writeNow(descriptor, data, offset) : writeAll(descriptor, data, offset),
    sync: () =>
      new Promise((resolve, reject) => fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()))),
    close: () => new Promise((resolve, reject) => fs.close(descriptor, (error) => (error ? reject(error) : resolve()))),
  };
}

async function writeNow(descriptor: number, data: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < data.length;)
    done += fs.writeSync(descriptor, data, done, data.length - done, offset + done);
}

function writeAll(descriptor: number, data: Uint8Array, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const more = (done: number): void => {
      fs.write(descriptor, data, done, data.length - done, offset + done, (error, written) => {
        if (error) reject(error);
        else if (done + written >= data.length) resolve();
        else more(done + written);
      });
    };
    more(0);
  });
}
