// The loop of one pod over a runtime in memory, where what ends in the middle of a look must not be done twice.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Pod, PodStatus } from "@coxswain/api/core/v1";
import { systemClock as clock, systemRandom as random } from "@coxswain/clock";
import { createFakeRuntime } from "@coxswain/container-runtime/testing";
import { createLogger, createMetricsRegistry } from "@coxswain/daemon";
import { defaultBackoff } from "../../core/pod/backoff.ts";
import { createHollowNetwork, createHollowVolumes } from "../../hollow/ports.ts";
import { AgentError } from "../../errors.ts";
import { agentMetrics } from "../../metrics.ts";
import type { PodApi, PodPorts } from "../../ports.ts";
import { createPuller } from "../runtime/puller.ts";
import { createPodWorker } from "./worker.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-worker-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default", uid: `uid-${random.suffix(5)}` },
  spec: { nodeName: "n1", enableServiceLinks: false, containers: [{ name: "main", image: "app:1" }] },
};

function portsOver(runtime: PodPorts["runtime"]): PodPorts {
  const nothing = async (): Promise<undefined> => undefined;
  const api: PodApi = {
    ...{ configMap: nothing, secret: nothing, claim: nothing, volume: nothing, runtimeClass: nothing },
    token: async () => ({ token: "", expiresAtMs: 0 }),
    services: () => [],
    current: async () => pod,
    writeStatus: async (of, status) => ({ ...of, status }),
    deletePod: nothing,
  };
  const log = createLogger("test", "error");
  return {
    ...{ clock, random, log, runtime, api },
    metrics: createMetricsRegistry("test").create(agentMetrics),
    network: createHollowNetwork(() => "10.250.0.0/24"),
    volumes: createHollowVolumes(api, folder),
    events: { record: () => undefined },
    node: { name: "n1", hostIPs: ["127.0.0.1"], allocatable: { cpu: 1, memoryBytes: 1 }, memoryBytes: 1 },
    sandboxImage: "pause",
    backoff: defaultBackoff,
    containerLog: { mostBytes: 2 ** 20, mostFiles: 1 },
    seccompDirectory: "",
    keepLog: nothing,
    roomFor: () => ({ cpu: 1, memoryBytes: 1 }),
    puller: createPuller({ mostAtOnce: 1 }, { runtime, clock }),
    resolver: () => ({ clusterDns: [], clusterDomain: "", hostResolvConf: "" }),
  };
}

test("a sandbox that comes up in the middle of a look is not made again", async () => {
  const fake = createFakeRuntime({ clock }, { everyImage: true });
  const [asked, listed, attached] = [1, 2, 3].map(() => Promise.withResolvers<void>());
  let made = 0;
  let half = false;
  const runtime: PodPorts["runtime"] = {
    ...fake,
    async runPodSandbox(config, signal) {
      made++;
      asked?.resolve();
      // Comes up after the next look has begun …
      await listed?.promise;
      return await fake.runPodSandbox(config, signal);
    },
    async list(filter) {
      const seen = await fake.list(filter);
      if (made === 1 && !half) {
        half = true;
        listed?.resolve();
        // … which is answered when all of it is over.
        await attached?.promise;
        await clock.sleep(20);
      }
      return seen;
    },
  };
  const ports = portsOver(runtime);
  const network: PodPorts["network"] = {
    ...ports.network,
    async attach(...given) {
      await ports.network.attach(...given);
      attached?.resolve();
    },
  };
  const worker = createPodWorker(pod, { ...ports, network });
  await asked?.promise;
  worker.poke();
  await expect.poll(() => worker.pod().status?.phase).toBe("Running");
  expect({ made, starts: fake.starts("main") }).toEqual({ made: 1, starts: 1 });
  await worker.stop();
});

const readiness = (status: PodStatus | undefined): string | undefined =>
  status?.conditions?.find(({ type }) => type === "Ready")?.status;

test("readiness that the controllers took away while the node was not heard is given back", async () => {
  const fake = createFakeRuntime({ clock }, { everyImage: true });
  const ports = portsOver(fake);
  const written: (PodStatus | undefined)[] = [];
  const writeStatus: PodApi["writeStatus"] = async (of, status) => {
    written.push(status);
    return { ...of, metadata: { ...of.metadata, resourceVersion: `${10 * written.length}` }, status };
  };
  const worker = createPodWorker(pod, { ...ports, api: { ...ports.api, writeStatus } });
  await expect.poll(() => readiness(written.at(-1)), { timeout: 20_000 }).toBe("True");
  const [count, status] = [written.length, written.at(-1)];
  const conditions = (status?.conditions ?? []).map((condition) =>
    condition.type === "Ready" ? { ...condition, status: "False" } : condition,
  );
  const seen = (resourceVersion: string): void =>
    worker.update({ ...pod, metadata: { ...pod.metadata, resourceVersion }, status: { ...status, conditions } });
  // From before our last write: no news.
  seen(`${10 * count - 1}`);
  expect(written).toHaveLength(count);
  seen(`${10 * count + 1}`);
  await expect.poll(() => written.length, { timeout: 20_000 }).toBe(count + 1);
  expect(readiness(written.at(-1))).toBe("True");
  await worker.stop();
});

test("what others changed between our write of the status and its answer is looked at when the answer comes", async () => {
  const fake = createFakeRuntime({ clock }, { everyImage: true });
  const ports = portsOver(fake);
  const written: (PodStatus | undefined)[] = [];
  let taken = false;
  const writeStatus: PodApi["writeStatus"] = async (of, status) => {
    written.push(status);
    const version = 10 * written.length;
    if (readiness(status) === "True" && !taken) {
      taken = true;
      const conditions = (status.conditions ?? []).map((condition) =>
        condition.type === "Ready" ? { ...condition, status: "False" } : condition,
      );
      const metadata = { ...pod.metadata, resourceVersion: `${version + 1}` };
      worker.update({ ...pod, metadata, status: { ...status, conditions } });
    }
    return { ...of, metadata: { ...of.metadata, resourceVersion: `${version}` }, status };
  };
  const worker = createPodWorker(pod, { ...ports, api: { ...ports.api, writeStatus } });
  const ready = (): number => written.filter((status) => readiness(status) === "True").length;
  await expect.poll(ready, { timeout: 20_000 }).toBe(2);
  expect(written.slice(-2).map(readiness)).toEqual(["True", "True"]);
  await worker.stop();
});

test("a pod for which no address is free is told so by an event, and starts when there is one", async () => {
  const ports = portsOver(createFakeRuntime({ clock }, { everyImage: true }));
  const full = "no address is free in 10.250.0.0/30: all 1 are taken";
  let isFull = true;
  const reserve: PodPorts["network"]["reserve"] = async () => {
    if (isFull) throw new AgentError("network", full);
    return ports.network.reserve();
  };
  const told: string[] = [];
  const events: PodPorts["events"] = {
    record: (_pod, _container, type, reason, message) => void told.push(`${type} ${reason}: ${message}`),
  };
  const worker = createPodWorker(pod, { ...ports, events, network: { ...ports.network, reserve } });
  const failure = `Warning FailedCreatePodSandBox: Failed to create pod sandbox: ${full}`;
  await expect.poll(() => told, { timeout: 20_000 }).toContain(failure);
  expect(worker.pod().status?.phase ?? "Pending").toBe("Pending");
  isFull = false;
  await expect.poll(() => worker.pod().status?.phase, { timeout: 20_000 }).toBe("Running");
  await worker.stop();
});

test("a status that waits for its turn is written as it is by then, and once", async () => {
  const ports = portsOver(createFakeRuntime({ clock }, { everyImage: true }));
  const written: PodStatus[] = [];
  const writeStatus: PodApi["writeStatus"] = async (of, status) => {
    written.push(status);
    return { ...of, status };
  };
  const turn = Promise.withResolvers<void>();
  const inTurn: PodPorts["inTurn"] = async (act) => {
    await turn.promise;
    return act();
  };
  const worker = createPodWorker(pod, { ...ports, inTurn, api: { ...ports.api, writeStatus } });
  await expect.poll(() => readiness(worker.pod().status), { timeout: 20_000 }).toBe("True");
  turn.resolve();
  await expect.poll(() => written.map(readiness), { timeout: 20_000 }).toEqual(["True"]);
  await worker.stop();
  expect(written.map(readiness)).toEqual(["True"]);
});
