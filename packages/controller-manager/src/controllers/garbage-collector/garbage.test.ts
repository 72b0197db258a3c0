// The garbage collector over an API server in memory.
import { describe, expect, it } from "vitest";
import { replicaSets } from "@coxswain/api/apps/v1";
import type { ReplicaSet } from "@coxswain/api/apps/v1";
import { configMaps } from "@coxswain/api/core/v1";
import type { ConfigMap } from "@coxswain/api/core/v1";
import type { OwnerReference } from "@coxswain/apimachinery";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createGarbageCollectorController } from "./controller.ts";

const map = (name: string, owners: OwnerReference[] = []): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ...(owners.length > 0 ? { ownerReferences: owners } : {}) },
});
const set = (name: string, owners: OwnerReference[] = []): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name, namespace: "default", ...(owners.length > 0 ? { ownerReferences: owners } : {}) },
});
const ownedBy = (object: {
  kind: string;
  apiVersion: string;
  metadata: { name: string; uid?: string | undefined };
}): OwnerReference => ({
  apiVersion: object.apiVersion,
  kind: object.kind,
  name: object.metadata.name,
  uid: object.metadata.uid ?? "",
  controller: true,
  blockOwnerDeletion: true,
});

/** A set that owns a set that owns a map, and a map of its own. */
async function family(world: World): Promise<void> {
  const grandparent = await world.api.resource(replicaSets).create(set("grandparent"));
  const parent = await world.api.resource(replicaSets).create(set("parent", [ownedBy(grandparent)]));
  await world.api.resource(configMaps).create(map("child", [ownedBy(parent)]));
  await world.api.resource(configMaps).create(map("stranger"));
}
const names = (world: World): readonly string[] =>
  [...world.api.all(replicaSets), ...world.api.all(configMaps)].map((object) => object.metadata.name);

describe("the garbage collector", () => {
  it("deletes in the background what depended on a deleted object, down to the last", async () => {
    const world = createWorld(1);
    await family(world);
    const manager = world.start(createGarbageCollectorController);
    await world.settle(5);
    expect(names(world)).toEqual(["grandparent", "parent", "child", "stranger"]);
    await world.api
      .resource(replicaSets)
      .delete({ namespace: "default", name: "grandparent" }, { propagationPolicy: "Background" });
    await world.settle(5);
    expect(names(world)).toEqual(["stranger"]);
    await manager.stop();
  });

  it("deletes in the foreground the dependents first", async () => {
    const world = createWorld(2);
    await family(world);
    const manager = world.start(createGarbageCollectorController);
    await world.settle(5);
    await world.api
      .resource(replicaSets)
      .delete({ namespace: "default", name: "grandparent" }, { propagationPolicy: "Foreground" });
    await world.settle(10);
    expect(names(world)).toEqual(["stranger"]);
    const order = world.api.writes.filter((write) => write.startsWith("delete") || write.startsWith("patch"));
    expect(order.indexOf("delete configmaps default/child")).toBeLessThan(
      order.lastIndexOf("patch replicasets default/grandparent"),
    );
    await manager.stop();
  });

  it("ends circles of owners, of one, two or more, also in the foreground", async () => {
    for (const size of [1, 2, 4]) {
      const world = createWorld(20 + size);
      const client = world.api.resource(configMaps);
      const ring = [];
      for (let index = 0; index < size; index++) ring.push(await client.create(map(`ring-${index}`)));
      for (const [index, one] of ring.entries()) {
        const owner = ring[(index + 1) % size] ?? one;
        const ref = { namespace: "default", name: one.metadata.name };
        await client.patch(ref, { metadata: { ownerReferences: [ownedBy(owner)] } }, { type: "merge" });
      }
      await client.create(map("stranger"));
      const manager = world.start(createGarbageCollectorController);
      await world.settle(5);
      expect(names(world)).toHaveLength(size + 1);
      await client.delete({ namespace: "default", name: "ring-0" }, { propagationPolicy: "Foreground" });
      await world.settle(10);
      expect(names(world)).toEqual(["stranger"]);
      await manager.stop();
    }
  });

  it("leaves the dependents of an object whose deletion orphans them, without their owner", async () => {
    const world = createWorld(3);
    await family(world);
    const manager = world.start(createGarbageCollectorController);
    await world.settle(5);
    await world.api
      .resource(replicaSets)
      .delete({ namespace: "default", name: "grandparent" }, { propagationPolicy: "Orphan" });
    await world.settle(10);
    expect(names(world)).toEqual(["parent", "child", "stranger"]);
    expect(world.api.all(replicaSets)[0]?.metadata.ownerReferences).toBeUndefined();
    await manager.stop();
  });

  it("finds what lost its owner while it was not running, and keeps what has another owner", async () => {
    const world = createWorld(4);
    await family(world);
    const [stranger] = world.api.all(configMaps).filter((one) => one.metadata.name === "stranger");
    const lost: OwnerReference = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "lost", uid: "gone" };
    await world.api.resource(configMaps).create(map("orphan", [lost]));
    await world.api
      .resource(configMaps)
      .create(map("kept", [lost, ...(stranger ? [{ ...ownedBy(stranger), controller: false }] : [])]));
    const manager = world.start(createGarbageCollectorController);
    await world.settle(5);
    expect(names(world)).toEqual(["grandparent", "parent", "child", "stranger", "kept"]);
    expect(
      world.api.all(configMaps).find((one) => one.metadata.name === "kept")?.metadata.ownerReferences,
    ).toHaveLength(1);
    await manager.stop();
  });
});
