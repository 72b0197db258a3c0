// Finds a Docker Engine, or installs and starts one where we may. Talks to it over its socket with bare HTTP: the
// scripts need four calls, and dockerode belongs to `container-runtime`. Never stops an engine it did not start.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "./failure.ts";

export interface Docker {
  readonly socket: string;
  /** Process id of the engine, when we started it. */
  readonly startedPid?: number;
}

const usualSockets = ["/var/run/docker.sock", "/run/docker.sock"] as const;
const startTimeoutMs = 30_000;

/** The engine that `DOCKER_HOST` or a usual socket leads to; `undefined` when none answers, a sentence when one was named. */
export async function findDocker(): Promise<Docker | undefined> {
  for (const socket of candidateSockets()) {
    if (await answers(socket)) return { socket };
  }
  const named = process.env["DOCKER_HOST"];
  if (named) throw new Failure(`no Docker Engine answers on ${named}, which DOCKER_HOST names`);
  return undefined;
}

function candidateSockets(): readonly string[] {
  const host = process.env["DOCKER_HOST"];
  if (host === undefined || host === "") return usualSockets;
  if (!host.startsWith("unix://")) {
    throw new Failure(`DOCKER_HOST is ${host}, but containers must run on this machine: use a unix:// socket`);
  }
  return [host.slice("unix://".length)];
}

/** Installs `docker.io`, `iptables` and `nftables` from the distribution. Throws the sentence that names them where that may not be. */
export function installDocker(say: (text: string) => void): void {
  const missing = [
    ...(spawnSync("dockerd", ["--version"]).error ? ["docker.io"] : []),
    ...(spawnSync("iptables", ["--version"]).error ? ["iptables", "nftables"] : []),
    ...(spawnSync("ip", ["-V"]).error ? ["iproute2"] : []),
  ];
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).error) {
    throw new Failure(
      `this needs a Docker Engine: install ${missing.join(", ")} (as root: apt-get install ${missing.join(" ")}) and start again`,
    );
  }
  say(`installing ${missing.join(", ")} with apt`);
  aptInstall(missing);
}

/** Throws a sentence with apt's own last line when the packages cannot be had. */
export function aptInstall(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (args: readonly string[]) => spawnSync("apt-get", ["-qq", ...args], { env, encoding: "utf8" });
  // Without systemd a service's post-install start only prints a warning: policy-rc.d is left as the machine has it.
  let result = apt(["install", "-y", "--no-install-recommends", ...packages]);
  if (result.status !== 0) {
    apt(["update"]);
    result = apt(["install", "-y", "--no-install-recommends", ...packages]);
  }
  if (result.status === 0) return;
  const lastLine = result.stderr?.trim().split("\n").at(-1) ?? result.error?.message ?? "";
  throw new Failure(`apt-get install ${packages.join(" ")} failed: ${lastLine}`);
}

/**
 * Starts an engine of our own below `dataDir`, on the usual socket, with neither a bridge nor rules: pods bring theirs.
 * `name` tells the engine of a cluster, which the next start may take over, from that of a test run.
 */
export async function startDocker(dataDir: string, name: "docker" | "test-docker" = "docker"): Promise<Docker> {
  const socket = usualSockets[0];
  const pidFile = `/run/coxswain/${name}.pid`;
  const logFile = join(dataDir, "logs", "dockerd.log");
  mkdirSync(dirname(logFile), { recursive: true });
  mkdirSync(dirname(pidFile), { recursive: true });
  if (!processRuns(readPid(pidFile))) rmSync(pidFile, { force: true });
  const args = [
    `--host=unix://${socket}`,
    `--data-root=${join(dataDir, "docker")}`,
    `--exec-root=/run/coxswain/${name}`,
    `--pidfile=${pidFile}`,
    "--bridge=none",
    "--iptables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--live-restore",
  ];
  const log = openSync(logFile, "a");
  const engine = spawn("dockerd", args, { detached: true, stdio: ["ignore", log, log] });
  const ended = new Promise<number | null>((resolve) =>
    engine.once("exit", resolve).once("error", () => resolve(null)),
  );
  engine.unref();
  const deadline = performance.now() + startTimeoutMs;
  let exit: number | null | undefined;
  void ended.then((code) => (exit = code));
  while (performance.now() < deadline) {
    if (await answers(socket)) return { socket, startedPid: engine.pid ?? 0 };
    if (exit !== undefined) throw new Failure(`dockerd ended at once (exit code ${exit}): ${lastLine(logFile)}`);
    await delay(50);
  }
  throw new Failure(`dockerd does not answer on ${socket} within ${startTimeoutMs / 1000} s; its log is ${logFile}`);
}

/** Ends an engine that we started. Resolves when its process is gone. */
export async function stopDocker(pid: number): Promise<void> {
  if (!processRuns(pid)) return;
  process.kill(pid, "SIGTERM");
  while (processRuns(pid)) await delay(20);
}

/** Process id of the engine that an earlier start of ours has left running. */
export function ownEnginePid(): number | undefined {
  const pid = readPid("/run/coxswain/docker.pid");
  return processRuns(pid) ? pid : undefined;
}

function readPid(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, "utf8").trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

export function processRuns(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    // A zombie still has a process id, but runs no more.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // No such process.
  }
}

function lastLine(file: string): string {
  return readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "";
}

async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  return call(socket, "GET", "/_ping").then(
    (answer) => answer.status === 200,
    () => false, // A socket without an engine behind it is no engine.
  );
}

/** Digest of an image's configuration, or `undefined` when the engine does not have it. */
export async function imageId(socket: string, reference: string): Promise<string | undefined> {
  const answer = await call(socket, "GET", `/images/${encodeURIComponent(reference)}/json`);
  if (answer.status === 404) return undefined;
  return (JSON.parse(answer.body) as { Id: string }).Id;
}

/** Loads a `docker save` archive. */
export async function loadImage(socket: string, archive: Buffer): Promise<void> {
  const answer = await call(socket, "POST", "/images/load?quiet=1", archive);
  if (answer.status !== 200 || answer.body.includes('"error"'))
    throw new Failure(`Docker refused an image: ${answer.body.trim()}`);
}

function call(
  socketPath: string,
  method: string,
  path: string,
  body?: Buffer,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-type": "application/x-tar", "content-length": body.length } : {};
    const outgoing = request({ socketPath, method, path, headers, timeout: 60_000 }, (answer: IncomingMessage) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }));
      answer.on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`Docker did not answer ${method} ${path} within 60 s`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
