// Pods of a node whose agent has fenced itself: gone when the promise has run out, and not a moment before.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controllerRevisions } from "@coxswain/api/apps/v1";
import type { ControllerRevision } from "@coxswain/api/apps/v1";
import { leases } from "@coxswain/api/coordination/v1";
import { nodes, pods } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { createWorld, testNode } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createFencedPodsController } from "./controller.ts";
import { marginMs, planFencedPods } from "./plan.ts";

const fenced = { "coxswain.io/fencing": "true" };
const unreachable = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" as const };
const revision = (annotations: Record<string, string>): ControllerRevision => ({
  apiVersion: "apps/v1",
  kind: "ControllerRevision",
  metadata: { namespace: "default", name: "db-1" },
  revision: 1,
  data: { spec: { template: { metadata: { annotations } } } },
});
const member = (annotations: Record<string, string>, kind = "StatefulSet"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    namespace: "default",
    name: "db-0",
    uid: "u",
    labels: { "controller-revision-hash": "db-1" },
    annotations,
    deletionTimestamp: "2026-01-01T00:00:00Z",
    ownerReferences: [{ apiVersion: "apps/v1", kind, name: "db", uid: "s", controller: true }],
  },
  spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }] },
});
const silentNode = (seconds?: string) => {
  const node = testNode("n1", { spec: { taints: [unreachable] } });
  const annotations = seconds === undefined ? {} : { "coxswain.io/fence-after-seconds": seconds };
  return { ...node, metadata: { ...node.metadata, annotations } };
};

describe("the plan", () => {
  const removed = (
    node: ReturnType<typeof silentNode>,
    pod: Pod,
    made: Record<string, string>,
    silentMs = 1e9,
  ): number => planFencedPods({ node, pods: [pod], silentMs, revisionOf: () => revision(made) }).actions.length;

  it("removes only what was annotated from the beginning, told to leave, and a StatefulSet's", () => {
    expect(removed(silentNode("60"), member(fenced), fenced)).toBe(1);
    expect(removed(silentNode("60"), member(fenced), {})).toBe(0);
    expect(removed(silentNode("60"), member({}), fenced)).toBe(0);
    expect(removed(silentNode("60"), member(fenced, "ReplicaSet"), fenced)).toBe(0);
    expect(removed(silentNode(), member(fenced), fenced)).toBe(0);
    expect(removed(silentNode("soon"), member(fenced), fenced)).toBe(0);
    const { deletionTimestamp: _, ...wanted } = member(fenced).metadata;
    expect(removed(silentNode("60"), { ...member(fenced), metadata: wanted }, fenced)).toBe(0);
    expect(removed({ ...silentNode("60"), spec: { taints: [] } }, member(fenced), fenced)).toBe(0);
  });

  it("never acts before the promise and the margin are over, and says when to look again", () => {
    const check = fc.property(
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 0, max: 700_000 }),
      (seconds, silentMs) => {
        const view = { node: silentNode(String(seconds)), pods: [member(fenced)], revisionOf: () => revision(fenced) };
        const plan = planFencedPods({ ...view, silentMs });
        const due = silentMs >= seconds * 1000 + marginMs;
        expect(plan.actions.length).toBe(due ? 1 : 0);
        expect(silentMs + (plan.wakeAfterMs ?? 0)).toBe(due ? silentMs : seconds * 1000 + marginMs);
      },
    );
    fc.assert(check);
  });
});

describe("a node that falls silent", () => {
  const begin = async (): Promise<{ world: World; beat: () => Promise<void> }> => {
    const world = createWorld(1, { graceful: true });
    // Nobody but the controller removes pods here.
    await world.api.resource(nodes).create(silentNode("60"));
    await world.api.resource(controllerRevisions).create(revision(fenced));
    const lease = await world.api.resource(leases).create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace: "kube-node-lease", name: "n1" },
      spec: { renewTime: world.now() },
    });
    const { deletionTimestamp: _, uid: __, ...metadata } = member(fenced).metadata;
    await world.api.resource(pods).create({ ...member(fenced), metadata: { ...metadata, finalizers: [] } });
    await world.api.resource(pods).delete({ namespace: "default", name: "db-0" });
    const beat = async (): Promise<void> => {
      const { resourceVersion: _version, ...rest } = lease.metadata;
      await world.api.resource(leases).update({ ...lease, metadata: rest, spec: { renewTime: world.now() } });
    };
    return { world, beat };
  };
  const pass = async (world: World, seconds: number): Promise<number> => {
    await world.clock.advance(seconds * 1000);
    return world.api.all(pods).length;
  };

  it("loses its fenced pod after the time, counted anew from each sign of life and by each new process", async () => {
    const { world, beat } = await begin();
    let manager = world.start(createFencedPodsController);
    expect(await pass(world, 60)).toBe(1);
    await beat();
    expect(await pass(world, 70)).toBe(1);
    await manager.stop();
    manager = world.start(createFencedPodsController);
    expect(await pass(world, 71)).toBe(1);
    expect(await pass(world, 3)).toBe(0);
    await manager.stop();
  });

  it("keeps it when the cache has not seen the last sign of life", async () => {
    const { world, beat } = await begin();
    const manager = world.start(createFencedPodsController);
    expect(await pass(world, 70)).toBe(1);
    world.api.faults.delayMs = 60_000; // watches are late from now on
    await beat();
    expect(await pass(world, 50)).toBe(1);
    await manager.stop();
  });
});
