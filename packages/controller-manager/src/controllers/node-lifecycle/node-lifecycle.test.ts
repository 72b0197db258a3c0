// A node falls silent: conditions, taints, pods marked, pods evicted, and all of it taken back.
import { describe, expect, it } from "vitest";
import { leases } from "@coxswain/api/coordination/v1";
import { events, nodes, pods } from "@coxswain/api/core/v1";
import type { Node } from "@coxswain/api/core/v1";
import { createWorld, testNode } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createPodGcController } from "../pod-gc/controller.ts";
import { createTaintEvictionController } from "../taint-eviction/controller.ts";
import { createNodeLifecycleController } from "./controller.ts";

const lifecycle = (ports: Parameters<typeof createNodeLifecycleController>[0]) =>
  createNodeLifecycleController(ports, { graceMs: 40_000, startupGraceMs: 60_000, rates });
const rates = { perSecond: 0.1, secondaryPerSecond: 0.01, unhealthyThreshold: 0.55, largeZone: 50 };

const readyNode = (name: string, now: string, zone?: string): Node =>
  testNode(name, {
    ...(zone === undefined ? {} : { labels: { "topology.kubernetes.io/zone": zone } }),
    status: {
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "KubeletReady",
          message: "",
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        },
      ],
    },
  });

async function beat(world: World, name: string): Promise<void> {
  const client = world.api.resource(leases);
  const key = `kube-node-lease/${name}`;
  const present = world.api.all(leases).find((lease) => `${lease.metadata.namespace}/${lease.metadata.name}` === key);
  const lease = {
    apiVersion: "coordination.k8s.io/v1" as const,
    kind: "Lease" as const,
    metadata: { namespace: "kube-node-lease", name },
    spec: { renewTime: world.now() },
  };
  if (present) await client.update({ ...lease, metadata: present.metadata });
  else await client.create(lease);
  // An agent that is back says what it knows.
  const node = await world.api.resource(nodes).get({ name });
  if (node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "Unknown"))
    await world.api
      .resource(nodes)
      .update({ ...readyNode(name, world.now()), metadata: node.metadata }, { subresource: "status" });
}

async function live(world: World, seconds: number, beating: readonly string[]): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 10) {
    for (const name of beating) await beat(world, name);
    await world.settle(10);
  }
}

/** What was recorded, about what. */
const told = (world: World): readonly string[] =>
  world.api.all(events).map(({ involvedObject, reason, message }) => `${involvedObject.name} ${reason}: ${message}`);

describe("a node that falls silent", () => {
  it("is unreachable after the grace period, and its pods leave when they tolerate it no longer", async () => {
    const world = createWorld(1);
    for (const name of ["a", "b"]) await world.api.resource(nodes).create(readyNode(name, world.now()));
    await world.api.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default" },
      spec: {
        nodeName: "b",
        containers: [{ name: "web", image: "web" }],
        tolerations: [
          { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
        ],
      },
    });
    const manager = world.start(lifecycle, createTaintEvictionController);
    await live(world, 60, ["a", "b"]);
    expect((await world.api.resource(nodes).get({ name: "b" })).spec?.taints ?? []).toEqual([]);
    await live(world, 50, ["a"]);
    const silent = await world.api.resource(nodes).get({ name: "b" });
    expect(silent.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`)).toEqual([
      "Ready=Unknown NodeStatusUnknown",
      "MemoryPressure=Unknown NodeStatusNeverUpdated",
      "DiskPressure=Unknown NodeStatusNeverUpdated",
      "PIDPressure=Unknown NodeStatusNeverUpdated",
    ]);
    expect(silent.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
      "node.kubernetes.io/unreachable:NoSchedule",
      "node.kubernetes.io/unreachable:NoExecute",
    ]);
    expect(
      world.activePods().map((pod) => pod.status?.conditions?.find(({ type }) => type === "Ready")?.status),
    ).toEqual(["False"]);
    await live(world, 70, ["a"]);
    expect(world.activePods()).toEqual([]);
    await world.api.resource(nodes).delete({ name: "b" });
    await live(world, 10, ["a"]);
    expect(told(world)).toEqual([
      "a RegisteredNode: Node a event: Registered Node a in Controller",
      "b RegisteredNode: Node b event: Registered Node b in Controller",
      "b NodeNotReady: Node b status is now: NodeNotReady",
      "web NodeNotReady: Node is not ready",
      "web TaintManagerEviction: Marking for deletion Pod default/web",
      "b RemovingNode: Node b event: Removing Node b from Controller",
    ]);
    await manager.stop();
  });

  it("and speaks again in time keeps its pods, which are told that they may stay", async () => {
    const world = createWorld(3);
    for (const name of ["a", "b"]) await world.api.resource(nodes).create(readyNode(name, world.now()));
    await world.api.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default" },
      spec: {
        nodeName: "b",
        containers: [{ name: "web", image: "web" }],
        tolerations: [{ operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }],
      },
    });
    const manager = world.start(lifecycle, createTaintEvictionController);
    await live(world, 20, ["a", "b"]);
    await live(world, 60, ["a"]);
    await live(world, 90, ["a", "b"]);
    expect(world.activePods()).toHaveLength(1);
    expect(told(world)).toContain("web TaintManagerEviction: Cancelling deletion of Pod default/web");
    await manager.stop();
  });

  it("evicts nobody when all nodes are silent at once", async () => {
    const world = createWorld(2);
    for (const name of ["a", "b"]) await world.api.resource(nodes).create(readyNode(name, world.now()));
    const manager = world.start(lifecycle, createTaintEvictionController);
    await live(world, 20, ["a", "b"]);
    await live(world, 100, []);
    const taints = world.api.all(nodes).flatMap((node) => node.spec?.taints ?? []);
    expect(taints.some((taint) => taint.effect === "NoExecute")).toBe(false);
    await manager.stop();
  });
});

/** Nodes that were told to let their pods go. */
const evicted = (world: World): readonly string[] =>
  world.api
    .all(nodes)
    .filter((node) => node.spec?.taints?.some(({ effect }) => effect === "NoExecute"))
    .map((node) => node.metadata.name)
    .toSorted();

describe("nodes of several zones", () => {
  const names = (zone: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${zone}${index}`);
  const cluster = async (seed: number, sizes: Readonly<Record<string, number>>): Promise<World> => {
    const world = createWorld(seed);
    for (const [zone, count] of Object.entries(sizes))
      for (const name of names(zone, count)) await world.api.resource(nodes).create(readyNode(name, world.now(), zone));
    return world;
  };

  it("go one by one, each zone at its own pace", async () => {
    const world = await cluster(11, { a: 5, b: 5 });
    const manager = world.start(lifecycle);
    await live(world, 10, [...names("a", 5), ...names("b", 5)]);
    await world.settle(5);
    const well = ["a2", "a3", "a4", "b1", "b2", "b3", "b4"];
    await live(world, 30, well);
    expect(evicted(world)).toHaveLength(2); // the first of each zone
    await live(world, 10, well);
    expect(evicted(world)).toEqual(["a0", "a1", "b0"]);
    await manager.stop();
  });

  it("stay where much of a small zone is down, and go where a whole zone is while others are well", async () => {
    const world = await cluster(12, { a: 5, b: 3 });
    const manager = world.start(lifecycle);
    await live(world, 10, [...names("a", 5), ...names("b", 3)]);
    await live(world, 100, ["a0", "a1"]);
    expect(evicted(world)).toEqual(["b0", "b1", "b2"]);
    await live(world, 40, ["a0", "a1", "a2"]); // two of five are down
    expect(evicted(world)).toEqual(["a3", "a4", "b0", "b1", "b2"]);
    await manager.stop();
  });

  it("are all forgiven when everything falls silent, and taken up again afterwards", async () => {
    const world = await cluster(13, { a: 3, b: 2 });
    const manager = world.start(lifecycle);
    await live(world, 10, [...names("a", 3), ...names("b", 2)]);
    await live(world, 60, ["a1", "a2", "b0", "b1"]);
    expect(evicted(world)).toEqual(["a0"]);
    await live(world, 60, []);
    expect(evicted(world)).toEqual([]);
    await live(world, 60, ["a1", "a2", "b0", "b1"]);
    expect(evicted(world)).toEqual(["a0"]);
    await manager.stop();
  });

  it("have a grace period to follow when the first is well again after everything was down", async () => {
    const world = await cluster(14, { a: 4 });
    const manager = world.start(lifecycle);
    await live(world, 10, names("a", 4));
    await live(world, 60, []);
    await live(world, 30, ["a0"]);
    expect(evicted(world)).toEqual([]);
    await live(world, 30, ["a0", "a1", "a2"]); // a1 and a2 came in time
    expect(evicted(world)).toEqual(["a3"]);
    await live(world, 30, names("a", 4));
    await live(world, 50, ["a0", "a1", "a2"]); // that grace is over: a3 goes as any other
    expect(evicted(world)).toEqual(["a3"]);
    await manager.stop();
  });
});

describe("pod garbage collection", () => {
  it("removes the pods of a node that was deleted", async () => {
    const world = createWorld(3);
    await world.api.resource(nodes).create(readyNode("a", world.now()));
    for (const node of ["a", "gone"]) {
      await world.api.resource(pods).create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: node, namespace: "default" },
        spec: { nodeName: node, containers: [{ name: "c", image: "c" }] },
      });
    }
    const manager = world.start((ports) => createPodGcController(ports, { terminatedThreshold: 0 }));
    await world.settle(90);
    expect(world.activePods().map((pod) => pod.metadata.name)).toEqual(["a"]);
    await manager.stop();
  });
});
