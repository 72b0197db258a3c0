// Logs of containers that are removed, kept on the node within a budget of size and age, so that what a pod said last can be read when
// it is gone. A file per attempt, with the time before every line: DIRECTORY/<namespace>_<pod>/<uid>/<container>.<attempt>.log.
// The oldest go first.
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import type { Clock } from "@coxswain/clock";
import type { ContainerRuntime } from "@coxswain/container-runtime";
import type { Logger } from "@coxswain/daemon";
import { messageOf } from "../../errors.ts";

export interface RetainedLog {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly attempt: number;
}

export interface KeptLog extends RetainedLog {
  readonly path: string;
  readonly sizeBytes: number;
  readonly endedAtMs: number;
}

export interface RetainedLogs {
  /** Copies the log of a container that has ended. Never fails: a log is no reason to hold up a pod's end. */
  keep(of: RetainedLog, containerId: string): Promise<void>;
  /** The newest attempt first. */
  find(namespace: string, pod: string, container?: string): Promise<readonly KeptLog[]>;
  list(): Promise<readonly KeptLog[]>;
}

export interface LogBudget {
  readonly directory: string;
  /** 0 keeps nothing. */
  readonly mostBytes: number;
  readonly mostAgeMs: number;
}

/** One log may take this share of the budget; of a longer one its last lines are kept. */
const shareOfOne = 8;
const typicalLineBytes = 100;

export function createRetainedLogs(
  budget: LogBudget,
  ports: { readonly clock: Clock; readonly runtime: Pick<ContainerRuntime, "logs">; readonly log: Logger },
): RetainedLogs {
  const { clock, log } = ports;
  const mostOfOne = Math.floor(budget.mostBytes / shareOfOne);
  let pruning: Promise<void> = Promise.resolve();

  const write = async (path: string, containerId: string): Promise<void> => {
    const tailLines = Math.max(1, Math.floor(mostOfOne / typicalLineBytes));
    const request = { follow: false, timestamps: true, tailLines, tty: false };
    const file = createWriteStream(`${path}.new`, { mode: 0o640 });
    let size = 0;
    try {
      for await (const { bytes } of ports.runtime.logs(containerId, request)) {
        if (size + bytes.length > mostOfOne) break;
        size += bytes.length;
        if (!file.write(bytes)) await once(file, "drain");
      }
    } finally {
      file.end();
      await finished(file);
    }
    if (size === 0) await rm(`${path}.new`, { force: true });
    else await rename(`${path}.new`, path);
  };

  const list = async (): Promise<readonly KeptLog[]> => {
    const found: KeptLog[] = [];
    for (const pod of await entries(budget.directory))
      for (const podUid of await entries(join(budget.directory, pod)))
        for (const file of await entries(join(budget.directory, pod, podUid))) {
          const [, container, attempt] = /^(.+)\.(\d+)\.log$/.exec(file) ?? [];
          const [namespace, name] = pod.split("_");
          if (container === undefined || namespace === undefined || name === undefined) continue;
          const path = join(budget.directory, pod, podUid, file);
          const { size, mtimeMs } = await stat(path);
          const of = { namespace, pod: name, podUid, container, attempt: Number(attempt) };
          found.push({ ...of, path, sizeBytes: size, endedAtMs: mtimeMs });
        }
    return found.toSorted((a, b) => b.endedAtMs - a.endedAtMs || b.attempt - a.attempt);
  };

  const prune = async (): Promise<void> => {
    let bytes = 0;
    for (const one of await list()) {
      bytes += one.sizeBytes;
      if (bytes <= budget.mostBytes && clock.now() - one.endedAtMs <= budget.mostAgeMs) continue;
      await rm(one.path, { force: true });
      // Not empty is the usual case.
      await rmdir(dirname(one.path))
        .then(
          () => rmdir(dirname(dirname(one.path))),
          () => undefined,
        )
        .catch(() => undefined);
    }
  };

  return {
    list,
    async find(namespace, pod, container) {
      const all = await list();
      const named = all.filter(
        (one) =>
          one.namespace === namespace && one.pod === pod && (container === undefined || one.container === container),
      );
      const newest = named[0]?.podUid;
      return named.filter((one) => one.podUid === newest).toSorted((a, b) => b.attempt - a.attempt);
    },
    async keep(of, containerId) {
      if (budget.mostBytes === 0) return;
      const directory = join(budget.directory, `${of.namespace}_${of.pod}`, of.podUid);
      try {
        await mkdir(directory, { recursive: true, mode: 0o750 });
        await write(join(directory, `${of.container}.${of.attempt}.log`), containerId);
        pruning = pruning.then(prune);
        await pruning;
      } catch (error) {
        pruning = Promise.resolve();
        log.warn(
          { object: `${of.namespace}/${of.pod}`, container: of.container, err: messageOf(error) },
          "a log was not kept",
        );
      }
    },
  };
}

/** Lines of a kept log, as the runtime would tell them. */
export async function* readRetained(
  path: string,
  request: { readonly timestamps: boolean; readonly tailLines?: number; readonly sinceMs?: number },
): AsyncIterable<{ readonly bytes: Uint8Array }> {
  const lines = (): AsyncIterable<string> => createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  const wanted = (line: string): boolean =>
    request.sinceMs === undefined || !(Date.parse(line.slice(0, line.indexOf(" "))) < request.sinceMs);
  let skip = 0;
  if (request.tailLines !== undefined) {
    let count = 0;
    for await (const line of lines()) if (wanted(line)) count++;
    skip = count - request.tailLines;
  }
  for await (const line of lines()) {
    if (!wanted(line) || skip-- > 0) continue;
    yield { bytes: Buffer.from(`${request.timestamps ? line : line.slice(line.indexOf(" ") + 1)}\n`) };
  }
}

async function entries(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}
