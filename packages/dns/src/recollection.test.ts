// What is known of the cluster survives the process: written by one run, answered from by the next.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Namespace, Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import { createSimulatedClock } from "@coxswain/clock/testing";
import type { Logger } from "@coxswain/daemon";
import { trimNamespace, trimService, trimSlice, viewOfMemory } from "./core/memory.ts";
import type { ClusterView } from "./core/zone.ts";
import { createRecollection } from "./recollection.ts";
import type { Followed, Recollection } from "./recollection.ts";

const namespace: Namespace = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "shop", uid: "n", resourceVersion: "1", annotations: { note: "long" } },
};
const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name: "web", uid: "s", resourceVersion: "2", managedFields: [] },
  spec: {
    clusterIP: "10.96.0.5",
    clusterIPs: ["10.96.0.5"],
    selector: { app: "web" },
    ports: [{ name: "http", port: 80, targetPort: 8080, nodePort: 30_080 }],
  },
};
const slice: EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    namespace: "shop",
    name: "web-x",
    uid: "e",
    resourceVersion: "3",
    labels: { "kubernetes.io/service-name": "web", app: "web" },
  },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080 }],
  endpoints: [
    { addresses: ["10.244.1.7"], hostname: "web-0", nodeName: "here", conditions: { ready: true, serving: true } },
  ],
};
const nothing: ClusterView = viewOfMemory({ format: 1, savedAt: 0, namespaces: [], services: [], slices: [] });
const warnings: string[] = [];
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (...words: unknown[]) => void warnings.push(String(words.at(-1))),
  error: () => undefined,
  child: () => log,
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dns-memory-"));
});
afterAll(() => rm(directory, { recursive: true }));

function one<T>(object: T): { list(): readonly T[]; subscribe(): () => void } {
  return { list: () => [object], subscribe: () => () => undefined };
}

function run(
  clock: ReturnType<typeof createSimulatedClock>,
  path: string,
  synced: () => boolean,
  live = nothing,
): Recollection {
  const followed: Followed = {
    namespaces: one(trimNamespace(namespace)),
    services: one(trimService(service)),
    slices: one(trimSlice(slice)),
  };
  return createRecollection({ path, maxAgeMs: 3_600_000 }, followed, synced, live, { clock, log });
}

describe("recollection", () => {
  it("keeps of each object what names need", () => {
    expect(trimService(service)).toEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "shop", name: "web", uid: "s", resourceVersion: "2" },
      spec: { clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5"], ports: [{ name: "http", port: 80 }] },
    });
    expect(trimSlice(slice)).toEqual({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        namespace: "shop",
        name: "web-x",
        uid: "e",
        resourceVersion: "3",
        labels: { "kubernetes.io/service-name": "web" },
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080 }],
      endpoints: [{ addresses: ["10.244.1.7"], hostname: "web-0", conditions: { ready: true } }],
    });
  });

  it("answers after a restart from what was known, until the collections are read again", async () => {
    const clock = createSimulatedClock();
    const path = join(directory, "memory.json");
    const first = run(clock, path, () => true);
    await first.load();
    const stopped = new AbortController();
    const kept = first.keep(stopped.signal);
    stopped.abort();
    await kept;
    expect(await readdir(directory)).toEqual(["memory.json"]);

    let synced = false;
    const second = run(clock, path, () => synced);
    expect(second.knows()).toBe(false);
    await second.load();
    expect({
      knows: second.knows(),
      namespace: second.view.hasNamespace("shop"),
      address: second.view.service("shop", "web")?.spec?.clusterIP,
      names: second.view.servicesAt("10.96.0.5").map(({ metadata }) => metadata.name),
      endpoints: second.view.slicesOf("shop", "web").map(({ endpoints }) => endpoints?.[0]?.hostname),
      at: second.view.slicesAt("10.244.1.7").length,
    }).toEqual({ knows: true, namespace: true, address: "10.96.0.5", names: ["web"], endpoints: ["web-0"], at: 1 });
    synced = true;
    expect({ knows: second.knows(), service: second.view.service("shop", "web") }).toEqual({
      knows: true,
      service: undefined,
    });
  });

  it("does not believe a file that is too old, damaged or of another format", async () => {
    const clock = createSimulatedClock();
    const path = join(directory, "other.json");
    const old = { format: 1, savedAt: clock.now() - 3_600_001, namespaces: [], services: [], slices: [] };
    const texts = [JSON.stringify(old), "{", JSON.stringify({ ...old, format: 2 }), "null"];
    for (const text of texts) {
      await writeFile(path, text);
      const recollection = run(clock, path, () => false);
      await recollection.load();
      expect(recollection.knows()).toBe(false);
    }
    expect(warnings).toEqual([
      "what was known of the cluster is too old",
      ...Array.from({ length: 3 }, () => "what was known of the cluster cannot be read"),
    ]);
  });
});
