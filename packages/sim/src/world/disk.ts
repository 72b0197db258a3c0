// A simulated disk: files as they look to programs, files as they are on the platters, and what lies between. Losing power loses what
// was not synced, sector by sector; killing a process loses nothing. It can be slow, full, fail a sync, lie about one, and damage what
// it holds. It belongs to a machine; processes see it through `of`, and a dead process's requests are never answered.
import type { Disk, DiskFile } from "@coxswain/store";
import type { Dice } from "./dice.ts";
import type { SimProcess } from "./process.ts";

const sectorBytes = 512;

/** Probabilities per operation, and conditions that last. */
export interface DiskFaults {
  /** How long an operation takes, typically, in microseconds. */
  latency: number;
  /** Writes are refused. */
  full: boolean;
  /** A sync fails and what it should have kept is gone from the cache. */
  failSync: number;
  /** A sync says yes and does nothing. */
  loseSync: number;
  /** A write lands a few sectors away. */
  misdirect: number;
}

export const soundDisk: DiskFaults = { latency: 100, full: false, failSync: 0, loseSync: 0, misdirect: 0 };

interface File {
  /** As read back now. */
  data: Buffer;
  /** As it would be after losing power. */
  durable: Buffer;
  unsynced: { readonly offset: number; readonly bytes: Buffer }[];
}

type EntryChange = { readonly path: string; readonly file: File | undefined };

export class SimDisk {
  readonly faults: DiskFaults = { ...soundDisk };
  readonly #dice: Dice;
  #files = new Map<string, File>();
  /** Which files there would be after losing power, and what has happened to each directory since. */
  #durableFiles = new Map<string, File>();
  #changes = new Map<string, EntryChange[]>();
  /** Something was damaged or lost that had been promised. */
  damaged = false;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  get isEmpty(): boolean {
    return this.#files.size === 0;
  }

  /** The disk as a process sees it. */
  of(process: SimProcess): Disk {
    const after = async <T>(label: string, act: () => T): Promise<T> => {
      await process.wait(this.#dice.latency(this.faults.latency), label);
      return act();
    };
    return {
      makeDirectory: () => Promise.resolve(),
      list: (directory) =>
        after("list", () =>
          [...this.#files.keys()]
            .filter((path) => directoryOf(path) === directory)
            .map((path) => path.slice(directory.length + 1))
            .sort(),
        ),
      read: (path) => after("read", () => Buffer.from(this.#existing(path).data)),
      openReader: (path) =>
        after("open-reader", () => {
          const { data } = this.#existing(path);
          return {
            sizeBytes: data.length,
            read: (offset, length) => after("read-part", () => Buffer.from(data.subarray(offset, offset + length))),
            close: () => Promise.resolve(),
          };
        }),
      open: (path) => after("open", () => this.#open(path, after)),
      rename: (from, to) =>
        after("rename", () => {
          const file = this.#existing(from);
          this.#change(from, undefined);
          this.#change(to, file);
        }),
      remove: (path) =>
        after("remove", () => {
          this.#existing(path);
          this.#change(path, undefined);
        }),
      syncDirectory: (directory) => after("sync-directory", () => this.#syncDirectory(directory)),
    };
  }

  /** What is left when the power fails. */
  losePower(): void {
    for (const changes of this.#changes.values()) {
      for (const change of changes.slice(0, this.#dice.int(changes.length + 1))) this.#settle(change);
    }
    this.#changes = new Map();
    this.#files = new Map(this.#durableFiles);
    for (const file of this.#files.values()) {
      for (const write of file.unsynced) this.#tear(file, write);
      file.unsynced = [];
      file.data = Buffer.from(file.durable);
    }
  }

  /** An empty disk, as in a new machine. */
  wipe(): void {
    this.#files = new Map();
    this.#durableFiles = new Map();
    this.#changes = new Map();
    this.damaged = false;
  }

  /** Flips bits in one place of one file whose name matches. Returns where, or undefined when there is no such file. */
  flipBits(pattern: RegExp): string | undefined {
    const names = [...this.#files.keys()].filter((path) => pattern.test(path)).sort();
    if (names.length === 0) return undefined;
    const name = this.#dice.pick(names);
    const file = this.#existing(name);
    // Most of a log is zeros that nothing depends on: aim at what is written.
    const end = file.data.findLastIndex((byte) => byte !== 0) + 1;
    if (end === 0) return undefined;
    const offset = this.#dice.int(end);
    const mask = 1 << this.#dice.int(8);
    for (const image of [file.data, file.durable])
      if (offset < image.length) image[offset] = (image[offset] ?? 0) ^ mask;
    this.damaged = true;
    return `${name} at ${offset}`;
  }

  #open(path: string, after: <T>(label: string, act: () => T) => Promise<T>): DiskFile {
    let file = this.#files.get(path);
    if (!file) {
      file = { data: Buffer.alloc(0), durable: Buffer.alloc(0), unsynced: [] };
      this.#change(path, file);
    }
    const opened = file;
    return {
      write: (data, offset) => {
        const bytes = Buffer.from(data);
        return after(`write ${bytes.length}`, () => {
          if (this.faults.full)
            throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
          const astray = this.#dice.chance(this.faults.misdirect);
          if (astray) this.damaged = true;
          const at = astray ? Math.max(0, offset + sectorBytes * (this.#dice.int(9) - 4)) : offset;
          opened.data = overlay(opened.data, bytes, at);
          opened.unsynced.push({ offset: at, bytes });
        });
      },
      sync: () =>
        after("sync", () => {
          if (this.#dice.chance(this.faults.loseSync)) {
            this.damaged = true;
            return;
          }
          if (this.#dice.chance(this.faults.failSync)) {
            // The pages are marked clean: what they held stays visible until the power fails, and no later sync writes it.
            opened.unsynced = [];
            throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
          }
          for (const { offset, bytes } of opened.unsynced) opened.durable = overlay(opened.durable, bytes, offset);
          opened.unsynced = [];
        }),
      close: () => Promise.resolve(),
    };
  }

  #existing(path: string): File {
    const file = this.#files.get(path);
    if (!file) throw Object.assign(new Error(`ENOENT: no such file or directory, ${path}`), { code: "ENOENT" });
    return file;
  }

  #change(path: string, file: File | undefined): void {
    if (file) this.#files.set(path, file);
    else this.#files.delete(path);
    const directory = directoryOf(path);
    const changes = this.#changes.get(directory);
    if (changes) changes.push({ path, file });
    else this.#changes.set(directory, [{ path, file }]);
  }

  #syncDirectory(directory: string): void {
    for (const change of this.#changes.get(directory) ?? []) this.#settle(change);
    this.#changes.delete(directory);
  }

  #settle({ path, file }: EntryChange): void {
    if (file) this.#durableFiles.set(path, file);
    else this.#durableFiles.delete(path);
  }

  /** A write that was not synced: all of it, nothing of it, or some of its sectors. */
  #tear(file: File, { offset, bytes }: { readonly offset: number; readonly bytes: Buffer }): void {
    const fate = this.#dice.int(3);
    if (fate === 0) return;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + sectorBytes - ((offset + at) % sectorBytes));
      if (fate === 1 || this.#dice.chance(0.5))
        file.durable = overlay(file.durable, bytes.subarray(at, end), offset + at);
      at = end;
    }
  }
}

function overlay(image: Buffer, bytes: Buffer, offset: number): Buffer {
  const end = offset + bytes.length;
  let target = image;
  if (end > image.length) {
    target = Buffer.alloc(end);
    target.set(image, 0);
  }
  target.set(bytes, offset);
  return target;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
