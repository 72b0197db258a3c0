// How many pods per second the scheduler places, in process and on one core: informers, queue, rules, binding and events are the
// product's own; the API server is one in memory. `npm run bench -- scheduler [WORDS]` runs the workloads whose names have them.
import { nodes, pods } from "@coxswain/api/core/v1";
import { systemClock, systemRandom } from "@coxswain/clock";
import { createLogger, createMetricsRegistry } from "@coxswain/daemon";
import { createScheduler, defaultConfiguration } from "@coxswain/scheduler";
import type { Figure, StandaloneBenchmark } from "./bench.ts";
import { createMemoryApi } from "./scheduler/memory-api.ts";
import type { MemoryApi } from "./scheduler/memory-api.ts";
import { node, pod, workloads } from "./scheduler/workloads.ts";
import type { PodSet, Workload } from "./scheduler/workloads.ts";

export const benchmark: StandaloneBenchmark = {
  summary:
    "pods placed per second with the workloads of Kubernetes' scheduler_perf, in process; memory with 150,000 pods",
  async measure(say, words) {
    const wanted = (name: string): boolean => words.length === 0 || words.some((word) => name.includes(word));
    const figures: Figure[] = [];
    for (const workload of workloads.filter(({ name }) => wanted(name))) {
      const [byClock, byCore] = await place(workload);
      say(
        `${workload.name}: ${byClock.value.toFixed(0)} pods/s, ${byCore.value.toFixed(0)} per second of one core, aim ${workload.aim}`,
      );
      figures.push(byClock, byCore);
    }
    if (wanted("memory")) figures.push(await remember());
    return figures;
  },
};

/** By the clock, and by the time that the process had a core: on a machine with other work only the second says much. */
async function place(workload: Workload): Promise<readonly [Figure, Figure]> {
  const api = createMemoryApi();
  for (let i = 0; i < workload.nodes; i++) api.create(nodes, node(i, workload.zones));
  const stop = await startScheduler(api, workload.name);
  let made = 0;
  for (const set of workload.init) {
    made += set.count;
    await run(api, set, made - set.count);
  }
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await run(api, workload.measured, made);
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  await stop();
  const { count } = workload.measured;
  const name = `${workload.name} (${workload.nodes} nodes)`;
  return [
    { name, unit: "pods/s", value: count / seconds },
    { name: `${name}, per core`, unit: "pods/s", value: count / ((user + system) / 1e6) },
  ];
}

/** Creates the pods and waits until all of them are bound. */
async function run(api: MemoryApi, set: PodSet, from: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = set.count;
  api.onBound = () => {
    if (--left === 0) resolve();
  };
  for (let i = 0; i < set.count; i++) api.create(pods, pod(set, from + i));
  if (set.stuck === true) return;
  await promise;
  api.onBound = () => {};
}

async function startScheduler(api: MemoryApi, name: string): Promise<() => Promise<void>> {
  const scheduler = createScheduler(
    { kubeconfig: "", scheduling: defaultConfiguration(), https: undefined, leaderElection: undefined, host: "bench" },
    {
      client: api.client,
      clock: systemClock,
      random: systemRandom,
      log: createLogger("scheduler", "error"),
      metrics: createMetricsRegistry(name),
    },
  );
  await scheduler.start(new AbortController().signal);
  while (scheduler.ready().length > 0) await systemClock.sleep(5);
  return () => scheduler.stop();
}

/** What 5,000 nodes and 150,000 bound pods take, without what the API server in memory takes itself. */
async function remember(): Promise<Figure> {
  const api = createMemoryApi();
  for (let i = 0; i < 5000; i++) api.create(nodes, node(i, undefined));
  const stop = await startScheduler(api, "memory");
  const collect = globalThis.gc ?? ((): void => {});
  collect();
  const before = process.memoryUsage().heapUsed;
  const names = Array.from({ length: 50 }, (_unused, index) => `app-${index}`);
  for (let i = 0; i < 150_000; i++) {
    const one = pod({ count: 1, template: { labels: { app: names[i % names.length] ?? "" } } }, i);
    api.watchOnly(pods, { ...one, spec: { containers: [], ...one.spec, nodeName: `node-${i % 5000}` } });
    if (i % 1000 === 0) await systemClock.sleep(0);
  }
  await systemClock.sleep(100);
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  process.stderr.write(`memory: heap grew by ${((heapUsed - before) / 1e6).toFixed(0)} MB\n`);
  await stop();
  return { name: "resident with 5,000 nodes and 150,000 pods", unit: "MB", value: rss / 1e6 };
}
