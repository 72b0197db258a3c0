import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Node } from "@coxswain/api/core/v1";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { systemClock as clock, systemRandom as random } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { MachineFacts, NodeSettings } from "../../core/node/status.ts";
import { createRegistration } from "./registration.ts";

const facts: MachineFacts = {
  hostname: "n1",
  addresses: ["10.0.0.1"],
  cpus: 2,
  memoryBytes: 2 ** 32,
  diskBytes: 2 ** 40,
  hugePages: [],
  architecture: "amd64",
  kernelVersion: "6",
  osImage: "Debian",
  runtimeVersion: "docker://20",
  machineId: "m",
  bootId: "b",
  images: [
    { tags: ["small:1"], digests: [], sizeBytes: 10 },
    { tags: [], digests: [], sizeBytes: 1000 },
    { tags: ["large:1", "large:2"], digests: ["large@sha256:1"], sizeBytes: 100 },
  ],
};
const settings: NodeSettings = {
  name: "n1",
  labels: { zone: "a" },
  taints: [],
  podCidr: undefined,
  maxPods: 110,
  port: 10250,
  reserved: {},
  evictionReserve: { memory: undefined, disk: undefined },
  fenceAfterMs: 60_000,
  leaseSeconds: 40,
};
const within = { timeout: 20_000 };
const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** Just enough of an API: objects by path, created once, replaced, merged at the top level. */
interface Stored {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly capacity?: Readonly<Record<string, string>>;
    readonly allocatable?: Readonly<Record<string, string | null>>;
  };
  readonly [field: string]: unknown;
}
const objects = new Map<string, Stored>();
const requests: string[] = [];
const server = createServer((request, response) => {
  const path = request.url ?? "";
  let body = "";
  request.on("data", (bytes: Buffer) => (body += bytes.toString()));
  request.on("end", () => {
    requests.push(`${request.method ?? ""} ${path}`);
    const object = (body === "" ? { metadata: {} } : JSON.parse(body)) as Stored;
    const answer = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    const failure = (code: number, reason: string): void =>
      answer(code, {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        reason,
        code,
        message: reason,
      });
    if (request.method === "POST") {
      const key = `${path}/${String(object.metadata.name)}`;
      if (objects.has(key)) return failure(409, "AlreadyExists");
      objects.set(key, { ...object, metadata: { ...object.metadata, uid: "uid-1", resourceVersion: "1" } });
      return answer(201, objects.get(key));
    }
    const key = path.replace(/\/status$/, "");
    const present = objects.get(key);
    if (!present) return failure(404, "NotFound");
    if (request.method !== "GET")
      objects.set(key, { ...present, ...object, metadata: { ...present.metadata, ...object.metadata } });
    answer(200, objects.get(key));
  });
});

let client: Client;
beforeEach(async () => {
  objects.clear();
  requests.length = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = createClient(
    { servers: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`], userAgent: "test" },
    { clock },
  );
});
afterEach(async () => {
  await client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("a node registers itself, tells when it becomes ready, and renews its lease", async () => {
  let missing: readonly string[] = ["the node has no pod CIDR yet"];
  const renewals: number[] = [];
  const told: string[] = [];
  const aborter = new AbortController();
  const registration = createRegistration(settings, {
    client,
    clock,
    random,
    log: quiet,
    machine: async () => facts,
    missing: () => missing,
    seen: () => {
      const node: object | undefined = objects.get("/api/v1/nodes/n1");
      return node as Node | undefined;
    },
    pressures: () => [],
    tell: ({ reason }) => void told.push(reason),
    heartbeatFailed: () => undefined,
    leaseRenewed: (sentAtMs) => void renewals.push(sentAtMs),
  });
  const running = registration.run(aborter.signal);
  const ready = () =>
    objects.get("/api/v1/nodes/n1")?.status?.conditions?.find((condition) => condition.type === "Ready");

  await expect
    .poll(ready, within)
    .toMatchObject({ status: "False", reason: "KubeletNotReady", message: "the node has no pod CIDR yet" });
  expect(objects.get("/api/v1/nodes/n1")).toMatchObject({
    metadata: {
      name: "n1",
      labels: { zone: "a", "kubernetes.io/hostname": "n1", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
      annotations: { "coxswain.io/fence-after-seconds": "60" },
    },
    status: {
      capacity: { cpu: "2", memory: "4194304Ki", pods: "110" },
      addresses: [
        { type: "InternalIP", address: "10.0.0.1" },
        { type: "Hostname", address: "n1" },
      ],
      nodeInfo: { containerRuntimeVersion: "docker://20" },
      images: [
        { names: ["large@sha256:1", "large:1", "large:2"], sizeBytes: 100 },
        { names: ["small:1"], sizeBytes: 10 },
      ],
    },
  });
  await expect
    .poll(() => objects.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1"), within)
    .toMatchObject({ spec: { holderIdentity: "n1", leaseDurationSeconds: 40 } });
  await expect.poll(() => renewals.length, within).toBeGreaterThan(0);

  missing = [];
  registration.poke();
  await expect.poll(ready, within).toMatchObject({ status: "True", reason: "KubeletReady" });
  await expect
    .poll(() => told, within)
    .toEqual([
      ...["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeNotReady"],
      "NodeReady",
    ]);

  // Somebody offers a resource on it, and sets a condition; later the resource is gone.
  const offer = (version: string, amount: string | null): void => {
    const node = objects.get("/api/v1/nodes/n1");
    const { "example.com/foo": _, ...capacity } = node?.status?.capacity ?? {};
    objects.set("/api/v1/nodes/n1", {
      ...node,
      metadata: { ...node?.metadata, resourceVersion: version },
      status: {
        ...node?.status,
        capacity: amount === null ? capacity : { ...capacity, "example.com/foo": amount },
        conditions: [
          ...(node?.status?.conditions ?? []).filter(({ type }) => type !== "Odd"),
          { type: "Odd", status: "True" },
        ],
      },
    });
    registration.poke();
  };
  const allocatable = () => objects.get("/api/v1/nodes/n1")?.status?.allocatable;
  offer("7", "3");
  await expect.poll(allocatable, within).toMatchObject({ cpu: "2", "example.com/foo": "3" });
  expect(objects.get("/api/v1/nodes/n1")?.status?.conditions?.map(({ type }) => type)).toContain("Odd");
  offer("8", null);
  // As the merge patch says it.
  await expect.poll(allocatable, within).toMatchObject({ cpu: "2", "example.com/foo": null });

  // The node is deleted by somebody: it comes back.
  objects.delete("/api/v1/nodes/n1");
  missing = ["for a moment"];
  registration.poke();
  await expect.poll(() => objects.has("/api/v1/nodes/n1"), within).toBe(true);
  aborter.abort(new Error("over"));
  await running;
});
