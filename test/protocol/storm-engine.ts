// An engine for a storm: a dockerd of its own that may be killed at any moment. One that does not come back within its time is helped as an
// operator would do it, and that is said: shims that were half made are ended, and if it does not help, all of its containers.
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { endShims, shimsOf } from "./shims.ts";
import { testImage } from "./node.ts";

export interface StormEngine extends AsyncDisposable {
  readonly socket: string;
  /** Resolves when it answers for its containers. */
  start(): Promise<void>;
  kill(): Promise<void>;
}

const backWithinMs = 30_000;
const answerWithinMs = 5_000;
const loadWithinMs = 120_000;
const endWithinMs = 60_000;
const run = promisify(execFile);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function startStormEngine(say: (text: string) => void): Promise<StormEngine> {
  const dir = mkdtempSync(join(tmpdir(), "coxswain-engine-"));
  const [socket, execRoot] = [join(dir, "docker.sock"), join(dir, "run")];
  mkdirSync(execRoot);
  let child: ChildProcess | undefined;
  const docker = (words: readonly string[], timeout = answerWithinMs): Promise<boolean> =>
    run("docker", ["-H", `unix://${socket}`, ...words], { timeout, killSignal: "SIGKILL" }).then(
      () => true,
      () => false,
    );
  const hasEnded = (): boolean => !child || child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (hasEnded()) return;
    const ended = new Promise<void>((resolve) => child?.once("exit", () => resolve()));
    child?.kill(signal);
    const stubborn = setTimeout(() => child?.kill("SIGKILL"), endWithinMs);
    await ended;
    clearTimeout(stubborn);
  };

  /** Whether it answers in time. */
  const begin = async (): Promise<boolean> => {
    // A killed engine's processes wait as zombies where the first process reaps nobody, and would be taken for living ones.
    for (const pid of ["docker.pid", "run/containerd/containerd.pid"]) rmSync(join(dir, pid), { force: true });
    const places = [
      `--data-root=${join(dir, "data")}`,
      `--exec-root=${execRoot}`,
      `--pidfile=${join(dir, "docker.pid")}`,
    ];
    child = spawn(
      "dockerd",
      [`--host=unix://${socket}`, ...places, "--bridge=none", "--iptables=false", "--ip6tables=false"],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const log = createWriteStream(join(dir, "dockerd.log"), { flags: "a" });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const deadline = performance.now() + backWithinMs;
    while (!(await docker(["ps", "-q"]))) {
      if (hasEnded() || performance.now() > deadline) return false;
      await sleep(100);
    }
    return true;
  };
  const start = async (): Promise<void> => {
    if (await begin()) return;
    const halfMade = shimsOf(execRoot).filter(({ isHalfMade }) => isHalfMade);
    await end("SIGKILL");
    say(`the engine is not back after ${backWithinMs / 1000} s: ${halfMade.length} half-made shims are ended`);
    endShims(halfMade);
    if (await begin()) return;
    await end("SIGKILL");
    const all = shimsOf(execRoot);
    say(`the engine is still not back: its ${all.length} containers are ended, as with its control group`);
    endShims(all);
    if (await begin()) return;
    throw new Error(`the engine does not start: ${readFileSync(join(dir, "dockerd.log"), "utf8").slice(-2_000)}`);
  };
  const engine: StormEngine = {
    socket,
    start,
    kill: () => end("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      endShims(shimsOf(execRoot));
      // Its file systems are unmounted by itself when it ends well.
      for (const line of readFileSync("/proc/mounts", "utf8").split("\n").toReversed()) {
        const point = line.split(" ")[1] ?? "";
        if (point.startsWith(`${dir}/`)) await run("umount", ["-l", point]);
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await start();
    const archive = join(dir, "images.tar");
    await run("docker", ["save", testImage, "coxswain/pause:1", "-o", archive], { timeout: loadWithinMs });
    if (!(await docker(["load", "-i", archive], loadWithinMs))) throw new Error("the engine does not take the images");
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
  return engine;
}
