// The running cluster as a fact on disk: who supervises it. One data directory has at most one supervisor.
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processRuns } from "./docker.ts";
import { Failure } from "./failure.ts";
import type { Layout } from "./layout.ts";
import type { ProcessStatus } from "./supervisor.ts";

export interface Instance {
  readonly pid: number;
  /** Clock ticks since boot at which the process began: tells it from another one with the same id. */
  readonly startTicks: string;
  readonly phase: "starting" | "ready" | "stopping";
  readonly apiServer: string;
  readonly startedAt: string;
  readonly processes: readonly ProcessStatus[];
}

/** The supervisor that runs on this data directory now. */
export function runningInstance(layout: Layout): Instance | undefined {
  if (!existsSync(layout.instanceFile)) return undefined;
  const instance = parse(readFileSync(layout.instanceFile, "utf8"));
  if (!instance || !processRuns(instance.pid) || startTicksOf(instance.pid) !== instance.startTicks) return undefined;
  return instance;
}

/** Throws the sentence that says who has the data directory, if anybody has. */
export function refuseSecond(layout: Layout): void {
  const running = runningInstance(layout);
  if (running)
    throw new Failure(`a cluster already runs on ${layout.dataDir} (process ${running.pid}); \`npm stop\` ends it`);
}

/** Asks the supervisor of the data directory to end and waits until it has. False where none ran. */
export async function endRunning(layout: Layout): Promise<boolean> {
  const instance = runningInstance(layout);
  if (!instance) return false;
  process.stdout.write("stopping daemons and pods …\n");
  process.kill(instance.pid, "SIGTERM");
  // It is nobody's child here: there is no event to wait for.
  while (processRuns(instance.pid)) await delay(50);
  return true;
}

/** Takes the data directory for this process. */
export function claim(layout: Layout): void {
  refuseSecond(layout);
  makeDataDir(layout);
  rmSync(layout.instanceFile, { force: true });
  try {
    // Exclusive: of two starts at once one loses here.
    writeFileSync(layout.instanceFile, render("starting", "", []), { flag: "wx" });
  } catch (cause) {
    throw new Failure(`another start is taking ${layout.dataDir} at this moment`, { cause });
  }
}

export function publish(
  layout: Layout,
  phase: Instance["phase"],
  apiServer: string,
  processes: readonly ProcessStatus[],
): void {
  writeFileSync(layout.instanceFile, render(phase, apiServer, processes));
}

export function release(layout: Layout): void {
  rmSync(layout.instanceFile, { force: true });
}

const leastFreeBytes = 512 * 1024 * 1024;

function makeDataDir(layout: Layout): void {
  try {
    mkdirSync(layout.logDir, { recursive: true });
  } catch (cause) {
    throw new Failure(`cannot make the data directory ${layout.dataDir}: ${(cause as Error).message}`, { cause });
  }
  const { bavail, bsize } = statfsSync(dirname(layout.instanceFile));
  if (bavail * bsize < leastFreeBytes) {
    const free = Math.floor((bavail * bsize) / 1024 / 1024);
    throw new Failure(
      `the disk of ${layout.dataDir} is full: ${free} MiB are free, at least ${leastFreeBytes / 1024 / 1024} are needed`,
    );
  }
}

const startedAt = new Date().toISOString();

function render(phase: Instance["phase"], apiServer: string, processes: readonly ProcessStatus[]): string {
  const instance: Instance = {
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? "",
    phase,
    apiServer,
    startedAt,
    processes,
  };
  return `${JSON.stringify(instance, null, 2)}\n`;
}

function parse(text: string): Instance | undefined {
  try {
    return JSON.parse(text) as Instance;
  } catch {
    return undefined; // Cut short by a full disk or a crash: nobody holds the directory then.
  }
}

/** Field 22 of proc_pid_stat(5), counted behind the command's closing parenthesis. */
function startTicksOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
  } catch {
    return undefined; // No such process.
  }
}
