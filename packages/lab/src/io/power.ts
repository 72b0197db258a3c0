// A machine's power: starts its first process in namespaces of its own, finds it again in a later run of the tool, and
// kills it. What runs in the machine ends with it.
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@coxswain/clock";
import { initScript, joinScript } from "../core/init-script.ts";
import type { InitScriptInput } from "../core/init-script.ts";
import { LabError } from "../errors.ts";

const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];

/** Resolves with the first process' number when the machine's view of the system is made. */
export async function switchOn(
  config: InitScriptInput,
  groups: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  const { directory, name } = config;
  const script = join(directory, "init.sh");
  await rm(join(directory, "init.pid"), { force: true });
  await writeFile(script, initScript(config), { mode: 0o755 });
  const child = spawn(
    "sh",
    [
      "-c",
      joinScript,
      "join",
      ...groups,
      "--",
      "unshare",
      ...namespaces,
      "--propagation",
      "private",
      "--fork",
      "--kill-child",
      "sh",
      script,
    ],
    { detached: true, stdio: ["ignore", "pipe", "pipe"], cwd: "/" },
  );
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      child.kill("SIGKILL");
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
    child.stdout.once("data", () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    child.once("error", (cause) =>
      reject(new LabError("tool-missing", `${name} cannot be started: ${cause.message}`, { cause })),
    );
    child.once("close", () =>
      reject(new LabError("init-failed", `${name} did not come up: ${Buffer.concat(said).toString("utf8").trim()}`)),
    );
  });
  // From here on the machine lives without us.
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
  const pid = initPid(directory);
  if (pid === undefined) throw new LabError("init-failed", `${name} ended as soon as it was up`);
  return pid;
}

/** The first process of a running machine; undefined when it is off. A number that now belongs to others is not it. */
export function initPid(directory: string): number | undefined {
  const file = join(directory, "init.pid");
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, "utf8"));
  return Number.isInteger(pid) && pid > 1 && isOurs(pid, directory) ? pid : undefined;
}

/** Pulls the plug, also of a machine that was just about to come up. Resolves when nothing of it runs. */
export async function switchOff(directory: string, clock: Clock, signal?: AbortSignal): Promise<void> {
  const pids = processesOf(directory);
  for (const pid of pids) killIfThere(pid);
  while (processesOf(directory).length > 0) await clock.sleep(10, signal);
  await rm(join(directory, "init.pid"), { force: true });
}

/** Starts a program in the machine. Signals by `kill` reach the program itself. The caller owns it. */
export function spawnInside(
  directory: string,
  groups: readonly string[],
  words: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const pid = initPid(directory);
  if (pid === undefined) throw new LabError("machine-off", `the machine of ${directory} is off`);
  const enter = [
    "nsenter",
    "--target",
    String(pid),
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--pid",
    "--cgroup",
    `--wd=${String(options.cwd ?? "/")}`,
    "--",
  ];
  const { cwd: _inside, ...rest } = options;
  const child = spawn("sh", ["-c", joinScript, "join", ...groups, "--", ...enter, ...words], rest);
  const killEntrance = child.kill.bind(child);
  // Between us and the program stands the one that entered: it waits for the program and ends as that ends.
  child.kill = (signal) => {
    const [program] = child.pid === undefined ? [] : childrenOf(child.pid);
    if (program === undefined) return killEntrance(signal);
    try {
      return process.kill(program, signal ?? "SIGTERM");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
      throw error;
    }
  };
  return child;
}

function childrenOf(pid: number): readonly number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

/** The first process, the one that holds it, and what is about to become them: by the script that their command lines name. */
function processesOf(directory: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isOurs(pid, directory));
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // The process has ended between two looks.
    return "";
  }
}

function isOurs(pid: number, directory: string): boolean {
  try {
    return (
      /^State:\s+[^Z]/m.test(statusOf(pid)) &&
      readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`\0${join(directory, "init.sh")}\0`)
    );
  } catch {
    // The process has ended between two looks.
    return false;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
