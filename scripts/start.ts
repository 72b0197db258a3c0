// `npm start`: brings up a cluster, shows that it works, stays in the foreground, and takes everything away on Ctrl-C.
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import {
  adminClient,
  agreeOnTopology,
  applyAddons,
  applyDemo,
  askDemo,
  createClusterSupervisor,
  planCluster,
  startDaemons,
  whenNodesReady,
} from "./cluster/bring-up.ts";
import { Failure, runScript } from "./cluster/failure.ts";
import { claim, publish, refuseSecond, release } from "./cluster/instance.ts";
import { layoutOf } from "./cluster/layout.ts";
import type { Layout } from "./cluster/layout.ts";
import { prepareMachines } from "./cluster/machinery.ts";
import type { Machinery } from "./cluster/machinery.ts";
import { parseStartOptions, startUsage } from "./cluster/options.ts";
import type { StartOptions } from "./cluster/options.ts";
import { routePods } from "./cluster/pod-routes.ts";
import type { ClusterPlan } from "./cluster/processes.ts";
import { createProgress } from "./cluster/progress.ts";
import type { Progress } from "./cluster/progress.ts";
import { describeDemo, describeNextSteps, describeTimeline } from "./cluster/summary.ts";
import type { Supervisor } from "./cluster/supervisor.ts";

await runScript(async () => {
  const options = parseStartOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(startUsage);
    return 0;
  }
  if (options.hollow === 0 && process.getuid?.() !== 0)
    throw new Failure("a node manages containers, routes and rules: start it as root");
  const layout = layoutOf(options.dataDir);
  return options.detach ? detach(layout) : foreground(layout, options);
});

/** Starts ourselves again without a terminal, shows what that one says until it is ready, and leaves it running. */
async function detach(layout: Layout): Promise<number> {
  refuseSecond(layout);
  const args = process.argv.slice(2).filter((word) => word !== "--detach");
  const child = spawn(process.execPath, [import.meta.filename, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const code = await new Promise<number>((resolve) => {
    child.once("message", () => resolve(0));
    child.once("exit", (exit) => resolve(exit ?? 1));
  });
  if (child.connected) child.disconnect();
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
  let machinery: Machinery | undefined;
  let supervisor: Supervisor | undefined;
  let ready = false;
  let failure: unknown;
  try {
    agreeOnTopology(layout, options);
    machinery = await prepareMachines(layout, options, progress);
    const { machines } = machinery;
    const plan = await progress.phase("certificates", () => planCluster(layout, options, machines));
    const apiServer = `https://${machines.masters[0]?.address}:${options.port}`;
    const started = createClusterSupervisor(plan, () =>
      publish(layout, ready ? "ready" : "starting", apiServer, started.status()),
    );
    supervisor = started;
    await Promise.race([
      bringUp(layout, options, plan, machinery, started, progress, aborter.signal),
      stopAsked.then(() => aborter.signal.throwIfAborted()),
    ]);
    ready = true;
    publish(layout, "ready", apiServer, started.status());
    process.stdout.write(describeTimeline(progress.timeline()));
    process.stdout.write(describeNextSteps(layout, apiServer, options));
    process.send?.("ready");
    await showStatus(started, stopAsked);
  } catch (error) {
    failure = error;
  }
  if (!aborter.signal.aborted) aborter.abort(new Failure("stopping"));
  await takeDown(layout, supervisor, machinery);
  if (failure && !(failure instanceof Failure && failure.message.startsWith("stopped before"))) throw failure;
  return failure ? 1 : 0;
}

async function bringUp(
  layout: Layout,
  options: StartOptions,
  plan: ClusterPlan,
  machinery: Machinery,
  supervisor: Supervisor,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { machines, imagesReady } = machinery;
  await startDaemons(plan, machines, supervisor, progress, options.hollow);
  const client = adminClient(layout);
  const nodeCount = options.hollow || machines.workers.length;
  await progress.phase(nodeCount === 1 ? "node ready" : "nodes ready", () => whenNodesReady(client, nodeCount, signal));
  await routePods(client, machines, signal);
  await imagesReady;
  await applyAddons(client, signal);
  const [worker] = machines.workers;
  if (options.demo && worker) {
    await progress.phase("demo applied", () => applyDemo(client, signal));
    const answers = await progress.phase("demo answers", () => askDemo(worker));
    process.stdout.write(describeDemo(answers));
  }
  await client.close();
}

async function takeDown(
  layout: Layout,
  supervisor: Supervisor | undefined,
  machinery: Machinery | undefined,
): Promise<void> {
  const quiet = process.send !== undefined && !process.connected;
  const say = (text: string): void => void (quiet || process.stdout.write(text));
  if (supervisor) {
    say("\nstopping:");
    await supervisor.stop((name) => say(` ${name}`));
  }
  await machinery?.release((name) => say(` ${name}`));
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
    process.stdout.write(
      `\r\x1b[2K${up} of ${status.length} daemons run, ${restarts} restarts. Ctrl-C stops the cluster.`,
    );
    await delay(1000, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  await ending;
}
