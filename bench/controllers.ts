// How fast desired state becomes actual state on hollow nodes, and what a quiet cluster costs. `npm run bench -- controllers [PART…]` with the
// parts scale, namespace, replace, idle; without words all of them, each in a cluster of its own.
import { deployments } from "@coxswain/api/apps/v1";
import { configMaps, namespaces, pods, secrets } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { isNotFound } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { systemClock as clock } from "@coxswain/clock";
import type { Figure, StandaloneBenchmark } from "./bench.ts";
import { summarize } from "./bench.ts";
import { cpuMs, residentMb, startBenchPlane } from "./controllers/plane.ts";

type Say = (text: string) => void;
type Part = (say: Say) => Promise<readonly Figure[]>;

const parts: Readonly<Record<string, Part>> = { scale, namespace: emptyNamespace, replace, idle };

export const benchmark: StandaloneBenchmark = {
  summary:
    "hollow nodes: a Deployment scaled to 5,000, a namespace of 10,000 objects deleted, pods replaced under load, a quiet cluster",
  async measure(say, words) {
    const figures: Figure[] = [];
    for (const name of words.length > 0 ? words : Object.keys(parts)) {
      const part = parts[name];
      if (part === undefined) throw new Error(`there is no part ${name}; there are ${Object.keys(parts).join(", ")}`);
      say(`${name}:`);
      figures.push(...(await part(say)));
    }
    return figures;
  },
};

async function scale(say: Say): Promise<readonly Figure[]> {
  await using bench = await startBenchPlane(100);
  await makeDeployment(bench.client, "default", "web", 0);
  await isAvailable(bench.client, "default", "web", 0);
  const cpu = Object.entries(bench.pids).map(([name, pid]) => ({ name, pid, before: cpuMs(pid) }));
  const begun = performance.now();
  await bench.client
    .resource(deployments)
    .patch(ref("default", "web"), { spec: { replicas: 5_000 } }, { type: "merge" });
  await isAvailable(bench.client, "default", "web", 5_000, say);
  const seconds = (performance.now() - begun) / 1000;
  return [
    { name: "Deployment 0 → 5,000 available", unit: "s", value: seconds },
    ...cpu.map(({ name, pid, before }) => ({
      name: `${name}, of one core`,
      unit: "s",
      value: (cpuMs(pid) - before) / 1000,
    })),
    { name: "controller-manager memory", unit: "MB", value: residentMb(bench.pids["controller-manager"] ?? 0) },
  ];
}

async function emptyNamespace(say: Say): Promise<readonly Figure[]> {
  await using bench = await startBenchPlane(10);
  const { client } = bench;
  const namespace = "full";
  await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await makeDeployment(client, namespace, "web", 500);
  await inParallel(6_000, (index) =>
    client
      .resource(configMaps)
      .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name: `c${index}` }, data: { a: "b" } }),
  );
  await inParallel(3_500, (index) =>
    client.resource(secrets).create({ apiVersion: "v1", kind: "Secret", metadata: { namespace, name: `s${index}` } }),
  );
  await isAvailable(client, namespace, "web", 500);
  say("6,000 ConfigMaps, 3,500 Secrets and 500 pods are there");
  const before = cpuMs(bench.pids["controller-manager"] ?? 0);
  const begun = performance.now();
  await client.resource(namespaces).delete({ name: namespace });
  while (await exists(client, namespace)) await clock.sleep(100);
  return [
    { name: "namespace of 10,000 objects deleted", unit: "s", value: (performance.now() - begun) / 1000 },
    {
      name: "controller-manager, of one core",
      unit: "s",
      value: (cpuMs(bench.pids["controller-manager"] ?? 0) - before) / 1000,
    },
  ];
}

const exists = async (client: Client, name: string): Promise<boolean> =>
  client
    .resource(namespaces)
    .get({ name })
    .then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error)) return false;
        throw error;
      },
    );

/** The load: another Deployment that is scaled up and down all the while. */
async function replace(say: Say): Promise<readonly Figure[]> {
  await using bench = await startBenchPlane(50);
  const { client } = bench;
  await makeDeployment(client, "default", "web", 200);
  await makeDeployment(client, "default", "load", 100);
  await isAvailable(client, "default", "web", 200);
  const quiet = await replacements(client, 30);
  say("under load");
  const ending = new AbortController();
  const load = churn(client, ending.signal);
  const busy = await replacements(client, 60);
  ending.abort();
  await load;
  return [...summarize("replacement created, quiet", quiet), ...summarize("replacement created, under load", busy)];
}

async function churn(client: Client, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const replicas = turn % 2 === 0 ? 500 : 100;
    await client.resource(deployments).patch(ref("default", "load"), { spec: { replicas } }, { type: "merge" });
    await clock.sleep(4_000, signal).catch(() => undefined); // only the signal rejects
  }
}

/** Deletes pods of "web", one after the other, and answers how long each took to be replaced, as a watch sees it. */
async function replacements(client: Client, count: number): Promise<readonly number[]> {
  const resource = client.resource(pods);
  const selection = { namespace: "default", labelSelector: "app=web" };
  const list = await resource.list(selection);
  const living = new Map(list.items.map((pod): [string, Pod] => [pod.metadata.name, pod]));
  let added = Promise.withResolvers<void>();
  const ending = new AbortController();
  const following = (async () => {
    const options = { ...selection, resourceVersion: list.metadata.resourceVersion ?? "", signal: ending.signal };
    for await (const { type, object } of resource.watch(options)) {
      if (type === "ADDED") added.resolve();
      if (type === "DELETED" || object.metadata.deletionTimestamp !== undefined) living.delete(object.metadata.name);
      else living.set(object.metadata.name, object);
    }
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  const took: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const victim = [...living.values()].find(({ status }) => status?.phase === "Running");
    if (victim === undefined) throw new Error("no pod of web runs");
    living.delete(victim.metadata.name);
    added = Promise.withResolvers<void>();
    const begun = performance.now();
    await resource.delete(ref("default", victim.metadata.name));
    await Promise.race([added.promise, following]);
    took.push(performance.now() - begun);
    await clock.sleep(100);
  }
  ending.abort();
  await following;
  return took;
}

async function idle(say: Say): Promise<readonly Figure[]> {
  await using bench = await startBenchPlane(500);
  const { client, pids } = bench;
  const manager = pids["controller-manager"] ?? 0;
  for (let index = 0; index < 10; index++) await makeDeployment(client, "default", `web-${index}`, 1_000);
  for (let index = 0; index < 10; index++) await isAvailable(client, "default", `web-${index}`, 1_000);
  say("10,000 pods run on 500 nodes; waiting for quiet");
  await clock.sleep(20_000);
  const before = cpuMs(manager);
  const begun = performance.now();
  await clock.sleep(30_000);
  const share = (cpuMs(manager) - before) / (performance.now() - begun);
  return [
    { name: "controller-manager, idle at 500 nodes and 10,000 pods", unit: "% of a core", value: share * 100 },
    ...Object.entries(pids).map(([name, pid]) => ({ name: `${name} memory`, unit: "MB", value: residentMb(pid) })),
  ];
}

const ref = (namespace: string, name: string) => ({ namespace, name });

async function makeDeployment(client: Client, namespace: string, name: string, replicas: number): Promise<void> {
  const labels = { app: name };
  const containers = [{ name: "main", image: "web" }];
  await client.resource(deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace, name },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  });
}

async function isAvailable(client: Client, namespace: string, name: string, count: number, say?: Say): Promise<void> {
  const begun = performance.now();
  for (let turn = 0; ; turn++) {
    const { status, metadata } = await client.resource(deployments).get(ref(namespace, name));
    if (status?.observedGeneration === metadata.generation && (status?.availableReplicas ?? 0) === count) return;
    if (performance.now() - begun > 240_000)
      throw new Error(`${name} has ${status?.availableReplicas ?? 0} of ${count} pods after four minutes`);
    if (turn % 20 === 19) say?.(`${status?.replicas ?? 0} made, ${status?.availableReplicas ?? 0} available`);
    await clock.sleep(200);
  }
}

async function inParallel(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  const all = Array.from({ length: count }, (_, index) => index).values();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (const index of all) await act(index);
    }),
  );
}
