// The sentry as a real process over real processes; the cgroups are files that look like the kernel's.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "@coxswain/daemon";
import { machineTime } from "./machine.ts";
import { createSentry } from "./sentry.ts";
import type { Sentry } from "./sentry.ts";

const within = { timeout: 20_000, interval: 50 };
const [one, other] = ["a".repeat(64), "b".repeat(64)];
let base: string;
let sentry: Sentry;
let started: ChildProcess[];
const agent = (): Sentry =>
  createSentry(
    { directory: join(base, "sentry"), cgroups: join(base, "cgroup"), lookSeconds: 1 },
    { log: createLogger("test", "error") },
  );
const inSeconds = async (seconds: number): Promise<number> => (await machineTime()).uptimeMs + seconds * 1000;
const pidOf = async (): Promise<number> => Number(await readFile(join(base, "sentry", "pid"), "utf8").catch(() => "0"));

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "coxswain-sentry-"));
  started = [];
  sentry = agent();
});
afterEach(async () => {
  await sentry.dismiss();
  for (const child of started) child.kill("SIGKILL");
  await rm(base, { recursive: true, force: true });
});

/** A process in a cgroup of the container's; with `0`, as the kernel shows those of other namespaces. */
async function inContainer(id: string, script: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  await once(child.stdout ?? child, "data");
  const directory = join(base, "cgroup", "memory", `docker-${id}.scope`, "nested");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "cgroup.procs"), `0\n${child.pid ?? 0}\n`);
  return child;
}

test("guarded containers end when nothing is heard any more, the stubborn two seconds later, and others go on", async () => {
  const mild = await inContainer(one, "echo here; exec sleep 300");
  const stubborn = await inContainer(other, "trap '' TERM; echo here; while :; do sleep 300; done");
  const stranger = await inContainer("c".repeat(64), "echo here; exec sleep 300");
  await sentry.heard(await inSeconds(600));
  await sentry.guard(one);
  await sentry.guard(other);
  // What is no id means nobody; it does not mean everybody.
  await sentry.guard("");
  await expect.poll(pidOf, within).toBeGreaterThan(1);
  // The agent hears late that its time is over: nobody is left to end them but the sentry.
  await sentry.heard(await inSeconds(-10));
  const signals = await Promise.all([mild, stubborn].map(async (child) => (await once(child, "exit"))[1] as unknown));
  expect([...signals, stranger.exitCode, stranger.signalCode]).toEqual(["SIGTERM", "SIGKILL", null, null]);
});

test("the next agent finds the sentry again, replaces a dead one, and it ends when there is nothing to guard", async () => {
  await sentry.heard(await inSeconds(600));
  await sentry.guard(one);
  await expect.poll(pidOf, within).toBeGreaterThan(1);
  const first = await pidOf();
  sentry = agent();
  await sentry.open();
  await sentry.heard(await inSeconds(600));
  await sentry.guard(other);
  expect([await pidOf(), await readFile(join(base, "sentry", "containers"), "utf8")]).toEqual([
    first,
    `${one}\n${other}\n`,
  ]);
  process.kill(-first, "SIGKILL");
  await expect
    .poll(async () => {
      await sentry.heard(await inSeconds(600));
      return pidOf();
    }, within)
    .not.toBe(first);
  const second = await pidOf();
  sentry.forget(one);
  await sentry.reconcile(async () => []);
  await expect.poll(() => readFile(join(base, "sentry", "containers"), "utf8"), within).toBe("");
  await expect.poll(() => readFile(`/proc/${second}/cmdline`, "utf8").catch(() => ""), within).toBe("");
});
