// A file that lines are appended to, in their order: those of the same moment with one write. When it has grown too long it is put aside under the
// name of the time, as kube-apiserver's audit log is, and what is too old or too much of that is removed.
import { createWriteStream } from "node:fs";
import type { WriteStream } from "node:fs";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Clock } from "@coxswain/clock";
import { StartError } from "@coxswain/daemon";
import type { Component } from "@coxswain/daemon";

export interface LogFileConfig {
  /** "-": standard output, which is never put aside. */
  readonly path: string;
  readonly longestBytes: number;
  /** How many are kept aside, and for how long; 0: all, for ever. */
  readonly mostAside: number;
  readonly oldestMs: number;
}

export interface LogFile extends Component {
  /** Resolves when the operating system has it; rejects when it could not be written. */
  write(line: string): Promise<void>;
}

export function createLogFile(config: LogFileConfig, { clock }: { readonly clock: Clock }): LogFile {
  let pending: string[] = [];
  let waiting: Promise<void> | undefined;
  let working: Promise<void> = Promise.resolve();
  let target: Target | undefined;

  const flush = async (): Promise<void> => {
    const text = pending.join("");
    pending = [];
    waiting = undefined;
    target ??= await openTarget(config);
    const bytes = Buffer.from(text);
    if (target.size > 0 && target.size + bytes.length > config.longestBytes && config.path !== "-") {
      await target.close();
      target = undefined;
      await putAside(config, clock.now());
      target = await openTarget(config);
    }
    await target.append(bytes);
  };
  return {
    write(line) {
      pending.push(line);
      if (waiting) return waiting;
      waiting = working.then(flush);
      // Whoever wrote hears of it; the next try is a new one.
      working = waiting.catch(() => undefined);
      return waiting;
    },
    async start() {
      try {
        target = await openTarget(config);
      } catch (cause) {
        throw new StartError(`the audit log ${config.path} cannot be opened: ${(cause as Error).message}`, { cause });
      }
    },
    ready: () => [],
    async stop() {
      await working;
      await target?.close();
      target = undefined;
    },
  };
}

interface Target {
  readonly size: number;
  append(bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

async function openTarget({ path }: LogFileConfig): Promise<Target> {
  if (path === "-") return outputTarget(createWriteStream("", { fd: 1, autoClose: false }));
  const file = await open(path, "a", 0o600);
  return fileTarget(file, (await file.stat()).size);
}

function fileTarget(file: FileHandle, size: number): Target {
  return {
    get size() {
      return size;
    },
    async append(bytes) {
      await file.appendFile(bytes);
      size += bytes.length;
    },
    close: () => file.close(),
  };
}

function outputTarget(stream: WriteStream): Target {
  return {
    size: 0,
    append: (bytes) =>
      new Promise((resolve, reject) => stream.write(bytes, (error) => (error ? reject(error) : resolve()))),
    close: async () => undefined,
  };
}

/** `audit.log` becomes `audit-2026-11-21T04-05-06.789.log`. */
async function putAside({ path, mostAside, oldestMs }: LogFileConfig, nowMs: number): Promise<void> {
  const [folder, ending] = [dirname(path), extname(path)];
  const name = basename(path, ending);
  const time = new Date(nowMs).toISOString().slice(0, 23).replaceAll(":", "-");
  await rename(path, join(folder, `${name}-${time}${ending}`));
  const isAside = (file: string): boolean =>
    file.startsWith(`${name}-`) && /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(timeIn(file, name, ending));
  const aside = (await readdir(folder)).filter(isAside).sort().reverse();
  for (const [index, file] of aside.entries()) {
    const tooMany = mostAside > 0 && index >= mostAside;
    const { mtimeMs } = await stat(join(folder, file));
    if (tooMany || (oldestMs > 0 && nowMs - mtimeMs > oldestMs)) await rm(join(folder, file), { force: true });
  }
}

function timeIn(file: string, name: string, ending: string): string {
  return file.endsWith(ending) ? file.slice(name.length + 1, file.length - ending.length) : "";
}
