// `npm start`: brings up a cluster, shows that it works, stays in the foreground, and takes everything away on Ctrl-C.
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import {
  adminClient,
  agreeOnTopology,
  applyAddons,
  applyDemo,
  askDemo,
  assertPortsFree,
  createClusterSupervisor,
  planCluster,
  startDaemons,
  whenNodesReady,
} from "./cluster/bring-up.ts";
import { findDocker, installDocker, ownEnginePid, startDocker, stopDocker } from "./cluster/docker.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { buildImages, loadImages } from "./cluster/images.ts";
import { claim, publish, release, runningInstance } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import type { Layout } from "./cluster/layout.ts";
import { thisMachine } from "./cluster/machine.ts";
import { parseStartOptions, startUsage } from "./cluster/options.ts";
import type { StartOptions } from "./cluster/options.ts";
import { createProgress } from "./cluster/progress.ts";
import { describeDemo, describeNextSteps, describeTimeline } from "./cluster/summary.ts";
import type { Supervisor } from "./cluster/supervisor.ts";

await runScript(async () => {
  const options = parseStartOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(startUsage);
    return 0;
  }
  if (process.getuid?.() !== 0) throw new Failure("a node manages containers, routes and rules: start it as root");
  const layout = layoutOf(options.dataDir);
  return options.detach ? detach(layout) : foreground(layout, options);
});

/** Starts ourselves again without a terminal, shows what that one says until it is ready, and leaves it running. */
async function detach(layout: Layout): Promise<number> {
  const running = runningInstance(layout);
  if (running) throw new Failure(`a cluster already runs on ${layout.dataDir} (process ${running.pid}); \`npm stop\` ends it`);
  const args = process.argv.slice(2).filter((word) => word !== "--detach");
  const child = spawn(process.execPath, [import.meta.filename, ...args], { detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const code = await new Promise<number>((resolve) => {
    child.once("message", () => resolve(0));
    child.once("exit", (exit) => resolve(exit ?? 1));
  });
  child.disconnect?.();
  child.unref();
  return code;
}

async function foreground(layout: Layout, options: StartOptions): Promise<number> {
  claim(layout);
  const progress = createProgress(process.stdout);
  const aborter = new AbortController();
  const stopAsked = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (aborter.signal.aborted) return;
        aborter.abort(new Failure("stopped before the cluster was ready"));
        resolve();
      });
    }
  });
  const apiServerOf = (address: string): string => `https://${address}:${options.port}`;
  let supervisor: Supervisor | undefined;
  let enginePid: number | undefined;
  let failure: unknown;
  try {
    agreeOnTopology(layout, options);
    await assertPortsFree(options.port);
    const dockerReady = progress.phase("docker", async (note) => {
      const found = await findDocker();
      if (found) {
        enginePid = ownEnginePid();
        return found;
      }
      installDocker(note);
      note("starting dockerd");
      const started = (await findDocker()) ?? (await startDocker(layout.dataDir));
      enginePid = started.startedPid;
      return started;
    });
    const imagesReady = progress.phase("images", async (note) => {
      const images = await buildImages(layout.imageDir, note);
      await loadImages((await dockerReady).socket, images, note);
    });
    const docker = await dockerReady;
    const machine = thisMachine(docker.socket);
    const machines = { masters: [machine], workers: [machine] };
    const plan = await progress.phase("certificates", () => planCluster(layout, options, machines));
    const running = createClusterSupervisor(plan, () => publishNow("starting"));
    supervisor = running;
    let phase: "starting" | "ready" = "starting";
    const publishNow = (next: "starting" | "ready"): void => {
      phase = next === "ready" ? next : phase;
      publish(layout, phase, apiServerOf(machine.address), running.status());
    };
    await Promise.race([
      (async () => {
        await startDaemons(plan, machines, running, progress);
        const client = adminClient(layout);
        await progress.phase("node ready", () => whenNodesReady(client, machines.workers.length, aborter.signal));
        await imagesReady;
        await applyAddons(client, aborter.signal);
        if (options.demo) {
          await progress.phase("demo applied", () => applyDemo(client, aborter.signal));
          const answers = await progress.phase("demo answers", () => askDemo(machine));
          process.stdout.write(describeDemo(answers));
        }
      })(),
      stopAsked.then(() => aborter.signal.throwIfAborted()),
    ]);
    publishNow("ready");
    process.stdout.write(describeTimeline(progress.timeline()));
    process.stdout.write(describeNextSteps(layout, apiServerOf(machine.address), options));
    process.send?.("ready");
    await showStatus(running, stopAsked);
  } catch (error) {
    failure = error;
  }
  if (!aborter.signal.aborted) aborter.abort(new Failure("stopping"));
  await takeDown(layout, supervisor, enginePid);
  if (failure && !(failure instanceof Failure && failure.message.startsWith("stopped before"))) throw failure;
  return failure ? 1 : 0;
}

async function takeDown(layout: Layout, supervisor: Supervisor | undefined, enginePid: number | undefined): Promise<void> {
  const quiet = process.send !== undefined && !process.connected;
  const say = (text: string): void => void (quiet || process.stdout.write(text));
  if (supervisor) {
    say("\nstopping:");
    await supervisor.stop((name) => say(` ${name}`));
  }
  if (enginePid !== undefined) {
    say(" dockerd");
    await stopDocker(enginePid);
  }
  release(layout);
  say(supervisor ? "\nstopped; `npm start` resumes the same cluster\n" : "");
}

/** One line that is kept true on a terminal; nothing elsewhere. Ends when a stop is asked for. */
async function showStatus(supervisor: Supervisor, stopAsked: Promise<void>): Promise<void> {
  const ended = new AbortController();
  const ending = stopAsked.then(() => ended.abort());
  while (process.stdout.isTTY && !ended.signal.aborted) {
    const status = supervisor.status();
    const up = status.filter((child) => child.pid !== undefined).length;
    const restarts = status.reduce((sum, child) => sum + child.restarts, 0);
    process.stdout.write(`\r\x1b[2K${up} of ${status.length} daemons run, ${restarts} restarts. Ctrl-C stops the cluster.`);
    await delay(1000, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  await ending;
}

