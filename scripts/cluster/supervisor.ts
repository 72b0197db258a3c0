// Keeps daemons running: starts them, sends what they write to files, starts again what dies, with a back-off that
// forgets after a minute of good behaviour. Stops them in reverse order. It knows no daemon by name.
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { request } from "node:https";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "./failure.ts";
import type { ProcessSpec } from "./processes.ts";

export interface Supervisor {
  /** Starts a process and watches over it until `stop`. */
  start(spec: ProcessSpec): void;
  /** Resolves when the process answers that it is ready. Throws a sentence when it keeps dying or takes too long. */
  whenReady(spec: ProcessSpec, timeoutMs: number): Promise<void>;
  status(): readonly ProcessStatus[];
  /** Ends the processes in the reverse order of their starts, then runs their clean-ups. */
  stop(note: (text: string) => void): Promise<void>;
}

export interface ProcessStatus {
  readonly name: string;
  readonly machine: string;
  readonly pid: number | undefined;
  readonly restarts: number;
}

interface Child {
  readonly spec: ProcessSpec;
  process: ChildProcess | undefined;
  ended: Promise<void>;
  restarts: number;
  backoffMs: number;
  stopping: boolean;
}

const firstBackoffMs = 200;
const longestBackoffMs = 10_000;
const goodBehaviourMs = 60_000;
const stopTimeoutMs = 35_000;
const cleanupTimeoutMs = 60_000;
/** A log is set aside at this size when its daemon starts; one older one is kept. */
const logLimitBytes = 64 * 1024 * 1024;

export interface SupervisorConfig {
  readonly logDir: string;
  /** The program that runs a daemon's entry file. */
  readonly node: string;
  readonly environment: NodeJS.ProcessEnv;
  /** PEM texts of the authorities that sign the daemons' certificates. */
  readonly authorities: readonly string[];
  /** Called whenever a process has started or ended. */
  readonly onChange: () => void;
}

export function createSupervisor(config: SupervisorConfig): Supervisor {
  const children: Child[] = [];
  const aborter = new AbortController();

  const launch = (child: Child): void => {
    const { spec } = child;
    const log = openLog(logFile(config.logDir, spec));
    const startedAt = performance.now();
    let process: ChildProcess;
    try {
      process = spec.machine.spawn(config.node, [...spec.nodeFlags, spec.entry, ...spec.args], {
        stdio: ["ignore", log, log],
        env: config.environment,
        // A group of its own: Ctrl-C reaches the supervisor, which then stops in order.
        detached: true,
      });
    } catch (error) {
      // The machine has no power: that is for the daemon to outlive, not for us to end of.
      writeSync(log, `${spec.name} cannot be started on ${spec.machine.name}: ${(error as Error).message}\n`);
      void relaunch(child, 0);
      return;
    } finally {
      closeSync(log);
    }
    child.process = process;
    child.ended = new Promise((resolve) => process.once("exit", () => resolve()).once("error", () => resolve()));
    config.onChange();
    void child.ended.then(() => relaunch(child, performance.now() - startedAt));
  };

  const relaunch = async (child: Child, livedMs: number): Promise<void> => {
    child.process = undefined;
    config.onChange();
    if (child.stopping) return;
    child.backoffMs = livedMs > goodBehaviourMs ? firstBackoffMs : Math.min(child.backoffMs * 2, longestBackoffMs);
    child.restarts++;
    await delay(child.backoffMs, undefined, { signal: aborter.signal }).catch(() => undefined);
    if (!child.stopping) launch(child);
  };

  const end = async (child: Child): Promise<void> => {
    child.stopping = true;
    const process = child.process;
    if (!process) return;
    process.kill("SIGTERM");
    const killer = setTimeout(() => process.kill("SIGKILL"), stopTimeoutMs);
    await child.ended;
    clearTimeout(killer);
  };

  return {
    start(spec) {
      const child: Child = {
        spec,
        process: undefined,
        ended: Promise.resolve(),
        restarts: 0,
        backoffMs: firstBackoffMs / 2,
        stopping: false,
      };
      children.push(child);
      launch(child);
    },
    async whenReady(spec, timeoutMs) {
      const child = children.find((candidate) => candidate.spec === spec);
      const deadline = performance.now() + timeoutMs;
      let answer = "it did not answer";
      while (performance.now() < deadline) {
        aborter.signal.throwIfAborted();
        const result = await probe(spec, config.authorities);
        if (result.ok) return;
        answer = result.text;
        if ((child?.restarts ?? 0) >= 3) break;
        await delay(25);
      }
      const file = logFile(config.logDir, spec);
      throw new Failure(
        `${spec.name} on ${spec.machine.name} is not ready (${answer}): ${lastWords(file)} (log: ${file})`,
      );
    },
    status: () =>
      children.map(({ spec, process, restarts }) => ({
        name: spec.name,
        machine: spec.machine.name,
        pid: process?.pid,
        restarts,
      })),
    async stop(note) {
      aborter.abort(new Failure("stopped"));
      for (const child of children) child.stopping = true;
      for (const child of children.toReversed()) {
        note(child.spec.name);
        // What the clean-up undoes must not be made again meanwhile, so each follows its own daemon's end at once.
        await end(child);
        if (child.spec.cleanup) await runCleanup(child.spec, config);
      }
    },
  };
}

export function logFile(logDir: string, spec: Pick<ProcessSpec, "name" | "machine">): string {
  return join(logDir, spec.machine.name, `${spec.name}.log`);
}

async function runCleanup(spec: ProcessSpec, config: SupervisorConfig): Promise<void> {
  const log = openLog(logFile(config.logDir, spec));
  let child: ChildProcess;
  try {
    child = spec.machine.spawn(config.node, [...spec.nodeFlags, spec.entry, ...(spec.cleanup ?? [])], {
      stdio: ["ignore", log, log],
      env: config.environment,
      detached: true,
    });
  } catch (error) {
    // A machine without power has lost all of this with it; the others are still to be stopped.
    writeSync(log, `nothing to clean up after ${spec.name} on ${spec.machine.name}: ${(error as Error).message}\n`);
    return;
  } finally {
    closeSync(log);
  }
  const killer = setTimeout(() => child.kill("SIGKILL"), cleanupTimeoutMs);
  const code = await new Promise<number | null>((resolve) =>
    child.once("exit", resolve).once("error", () => resolve(null)),
  );
  clearTimeout(killer);
  if (code !== 0) {
    process.stderr.write(
      `coxswain: cleaning up after ${spec.name} failed: ${lastWords(logFile(config.logDir, spec))}\n`,
    );
  }
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > logLimitBytes) renameSync(file, `${file}.1`);
  return openSync(file, "a");
}

/** The last line that a person can read: the one-line error of a start, or the message of a JSON line. */
function lastWords(file: string): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-20);
  return lines.findLast((line) => line !== "" && !line.startsWith("{")) ?? lines.at(-1) ?? "it wrote nothing";
}

function probe(spec: ProcessSpec, authorities: readonly string[]): Promise<{ ok: boolean; text: string }> {
  const certificate = spec.probeCertificate && {
    cert: readFileSync(spec.probeCertificate.cert),
    key: readFileSync(spec.probeCertificate.key),
  };
  return new Promise((resolve) => {
    const outgoing = request(
      spec.readyz,
      { ...certificate, ca: [...authorities], timeout: 2000, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({ ok: response.statusCode === 200, text: text.trim().replaceAll("\n", "; ") }),
        );
        response.on("error", (error) => resolve({ ok: false, text: error.message }));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 2 s")));
    outgoing.on("error", (error) => resolve({ ok: false, text: error.message }));
    outgoing.end();
  });
}
