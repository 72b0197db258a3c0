// The agent's hold on its sentry: a small process that ends the containers of fenced pods when the agent is not heard any more, because it was killed
// or hangs. It is started when there is something to guard, found again by the next agent, and ends by itself when there is nothing left.
// Whether the lease is held is the fence's affair; what the sentry does is `sentry-script.ts`.
import { spawn } from "node:child_process";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@coxswain/daemon";
import { sentryName, sentryScript } from "./sentry-script.ts";

export interface Sentry {
  /** Reads what a former agent had guarded. */
  open(): Promise<void>;
  /** To be called before the container runs. Rejects when it could not be written down: it must not run then. */
  guard(containerId: string): Promise<void>;
  /** Asks which there are, and guards those and what was added meanwhile. */
  reconcile(present: () => Promise<readonly string[]>): Promise<void>;
  /** The container has ended. */
  forget(containerId: string): void;
  /** The agent lives and its lease holds until this moment, in milliseconds since the machine started. */
  heard(untilUptimeMs: number): Promise<void>;
  /** Nothing is guarded any more; the process is ended. */
  dismiss(): Promise<void>;
}

/** A deadline is written over the former one: on a disk that is full, too, and never half. */
const deadlineWidth = 20;

export function createSentry(
  config: { readonly directory: string; readonly cgroups: string; readonly lookSeconds: number },
  ports: { readonly log: Logger },
): Sentry {
  const { directory, cgroups, lookSeconds } = config;
  const { log } = ports;
  const file = (name: string): string => join(directory, name);
  let guarded = new Set<string>();
  let writing: Promise<void> = Promise.resolve();
  let complained = false;

  const complain = (error: unknown): void => {
    if (!complained) log.warn({ err: error }, "fenced pods are not guarded: they would go on if this agent died");
    complained = true;
  };

  /** One after the other; the newest list wins. */
  const write = (): Promise<void> => {
    const wanted = async (): Promise<void> => {
      await mkdir(directory, { recursive: true, mode: 0o750 });
      await writeFile(file("containers.new"), [...guarded].map((id) => `${id}\n`).join(""));
      await rename(file("containers.new"), file("containers"));
    };
    const written = writing.then(wanted);
    writing = written.catch(() => undefined);
    return written;
  };

  const livingPid = async (): Promise<number | undefined> => {
    const pid = Number(await readFile(file("pid"), "utf8").catch(() => ""));
    if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
    // The number may be another process's by now.
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    return words.includes(sentryName) && words.includes(directory) ? pid : undefined;
  };

  const ensure = async (): Promise<void> => {
    if (guarded.size === 0 || (await livingPid()) !== undefined) return;
    const child = spawn("/bin/sh", ["-c", sentryScript, sentryName, directory, cgroups, `${lookSeconds}`], {
      ...{ detached: true, stdio: "ignore", cwd: "/", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } },
    });
    child.on("error", complain);
    child.unref();
    complained = false;
    log.info({ pid: child.pid }, "a sentry guards the fenced pods of this node");
  };

  return {
    async open() {
      const text = await readFile(file("containers"), "utf8").catch(() => "");
      guarded = new Set([...guarded, ...text.split("\n").filter((id) => id !== "")]);
    },
    async guard(containerId) {
      guarded.add(containerId);
      await write();
      await ensure();
    },
    async reconcile(present) {
      const before = new Set(guarded);
      const there = await present();
      const wanted = new Set([...there, ...[...guarded].filter((id) => !before.has(id))]);
      if (wanted.size === guarded.size && [...wanted].every((id) => guarded.has(id))) return;
      guarded = wanted;
      await write().then(ensure).catch(complain);
    },
    forget(containerId) {
      if (guarded.delete(containerId)) void write().catch(complain);
    },
    async heard(untilUptimeMs) {
      try {
        const text = `${Math.floor(untilUptimeMs / 1000)}`.padEnd(deadlineWidth, " ");
        await writeFile(file("deadline"), `${text}\n`, { flag: "r+" }).catch(async () => {
          await mkdir(directory, { recursive: true, mode: 0o750 });
          await writeFile(file("deadline"), `${text}\n`);
        });
        await ensure();
      } catch (error) {
        complain(error);
      }
    },
    async dismiss() {
      guarded.clear();
      await writing;
      const pid = await livingPid();
      if (pid !== undefined) endGroup(pid);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The sentry leads a group of its own, with what it waits for. It may have ended by itself a moment ago. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
