// Pods through the API: created by a client, seen and bound by the scheduler, seen bound by a watch; store, apiserver and scheduler
// are three real processes, nodes are only objects. First as fast as it goes, then fifty a second.
import { nodes, pods } from "@coxswain/api/core/v1";
import { createClient, loadKubeconfig } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { systemClock } from "@coxswain/clock";
import { startSchedulingPlane } from "../test/system/scheduler-plane.ts";
import type { Figure, StandaloneBenchmark } from "./bench.ts";
import { summarize } from "./bench.ts";
import { cpuMs } from "./controllers/plane.ts";
import { node, pod } from "./scheduler/workloads.ts";

const nodeCount = 200;
/** Made before the clock runs: what a server does in the first seconds of its life is not its speed. */
const warmUp = 2000;
const burst = 8000;
const parallel = 32;
const steady = 1000;
const perSecond = 50;

export const benchmark: StandaloneBenchmark = {
  summary: `${burst} pods (after ${warmUp} to warm up) on ${nodeCount} hollow nodes with ${parallel} creates in flight, then ${steady} at ${perSecond}/s`,
  async measure(say) {
    await using scheduling = await startSchedulingPlane();
    const { servers } = scheduling.plane;
    const client = createClient(loadKubeconfig(servers[0]?.kubeconfig ?? "", { userAgent: "bench" }), {
      clock: systemClock,
    });
    await scheduling.plane.must(["create", "serviceaccount", "default"]);
    for (let i = 0; i < nodeCount; i++) await makeNode(client, i);
    const watching = new AbortController();
    const sight = watchBindings(client, watching.signal);

    const pids = {
      store: scheduling.plane.storePid,
      apiserver: servers[0]?.pid ?? 0,
      scheduler: scheduling.schedulerPid,
    };
    const createAll = async (prefix: string, count: number): Promise<void> => {
      const queue = Array.from({ length: count }, (_unused, index) => `${prefix}-${index}`).values();
      const work = async (): Promise<void> => {
        for (const name of queue) await create(client, name, sight.createdAt);
      };
      await Promise.all(Array.from({ length: parallel }, work));
    };
    await createAll("warm-up", warmUp);
    await sight.whenBound(warmUp);
    const cpuBefore = Object.values(pids).map(cpuMs);
    const startedAt = performance.now();
    await createAll("burst", burst);
    const createdMs = performance.now() - startedAt;
    await sight.whenBound(warmUp + burst);
    const boundMs = performance.now() - startedAt;
    // On a machine with other work the clock says little; this says what a pod costs.
    const cpu = Object.entries(pids).map(([name, pid], index) => ({
      name: `${name}, of one core for each pod`,
      unit: "ms",
      value: (cpuMs(pid) - (cpuBefore[index] ?? 0)) / burst,
    }));
    say(`created in ${createdMs.toFixed(0)} ms, all bound after ${boundMs.toFixed(0)} ms`);

    const before = sight.latencies.length;
    const first = performance.now();
    const sent: Promise<void>[] = [];
    for (let i = 0; i < steady; i++) {
      const waitMs = first + (i * 1000) / perSecond - performance.now();
      if (waitMs > 0) await systemClock.sleep(waitMs);
      sent.push(create(client, `steady-${i}`, sight.createdAt));
    }
    await Promise.all(sent);
    await sight.whenBound(warmUp + burst + steady);
    watching.abort();
    await client.close();
    return [
      { name: "created", unit: "pods/s", value: (burst / createdMs) * 1000 },
      { name: "created and bound", unit: "pods/s", value: (burst / boundMs) * 1000 },
      ...cpu,
      ...summarize(`create to bound at ${perSecond}/s`, sight.latencies.slice(before)),
    ] satisfies Figure[];
  },
};

async function makeNode(client: Client, index: number): Promise<void> {
  const wanted = node(index, undefined);
  const made = await client
    .resource(nodes)
    .create({ ...wanted, metadata: { name: wanted.metadata.name, labels: wanted.metadata.labels ?? {} } });
  await client.resource(nodes).update({ ...made, status: wanted.status ?? {} }, { subresource: "status" });
  // No controller runs here that would find it ready.
  await client.resource(nodes).patch({ name: made.metadata.name }, { spec: { taints: null } }, { type: "merge" });
}

async function create(client: Client, name: string, createdAt: Map<string, number>): Promise<void> {
  const wanted = pod({ count: 1, template: { cpu: "10m" } }, 0);
  createdAt.set(name, performance.now());
  await client.resource(pods).create({ ...wanted, metadata: { name, namespace: "default" } });
}

interface Sight {
  /** When a pod's creation was asked for. */
  readonly createdAt: Map<string, number>;
  /** From asking for a pod to seeing it bound. */
  readonly latencies: number[];
  whenBound(count: number): Promise<void>;
}

function watchBindings(client: Client, signal: AbortSignal): Sight {
  const createdAt = new Map<string, number>();
  const latencies: number[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let reached = (): void => {};
  const follow = async (): Promise<void> => {
    const { metadata } = await client.resource(pods).list({ namespace: "default", limit: 1 });
    const options = {
      namespace: "default",
      resourceVersion: metadata.resourceVersion ?? "",
      fieldSelector: "spec.nodeName!=",
      signal,
    };
    // As an agent asks: a pod comes into sight when it is bound. What this process does for its watch is taken from the daemons' cores.
    for await (const { type, object } of client.resource(pods).watch(options)) {
      const { name } = object.metadata;
      if (type !== "ADDED") continue;
      latencies.push(performance.now() - (createdAt.get(name) ?? 0));
      if (latencies.length >= wanted) reached();
    }
  };
  const following = follow().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    createdAt,
    latencies,
    whenBound: (count) => {
      wanted = count;
      const done = new Promise<void>((resolve) => (reached = resolve));
      if (latencies.length >= count) reached();
      return Promise.race([done, following]);
    },
  };
}
