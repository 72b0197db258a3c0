// StatefulSets over an API server in memory.
import { describe, expect, it } from "vitest";
import { statefulSets } from "@coxswain/api/apps/v1";
import type { StatefulSet } from "@coxswain/api/apps/v1";
import { events, persistentVolumeClaims, pods } from "@coxswain/api/core/v1";
import { createWorld, readyStatus } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createStatefulSetController } from "./controller.ts";

const set = (image: string, parts: Partial<NonNullable<StatefulSet["spec"]>> = {}): StatefulSet => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "db", namespace: "default" },
  spec: {
    replicas: 3,
    serviceName: "db",
    selector: { matchLabels: { app: "db" } },
    template: { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "db", image }] } },
    podManagementPolicy: "OrderedReady",
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
    ...parts,
  },
});
const ref = { namespace: "default", name: "db" };
const images = (world: World): readonly string[] =>
  world
    .activePods()
    .map((pod) => `${pod.metadata.name} ${pod.spec?.containers[0]?.image}`)
    .sort();

async function change(world: World, wanted: StatefulSet): Promise<void> {
  const { resourceVersion: _, ...metadata } = (await world.api.resource(statefulSets).get(ref)).metadata;
  await world.api.resource(statefulSets).update({ ...wanted, metadata });
}

/** Pods that have started a while ago become ready, or are not any more. */
async function setReady(world: World, names: readonly string[], isReady: boolean): Promise<void> {
  const conditions = [
    { type: "Ready", status: isReady ? ("True" as const) : ("False" as const), lastTransitionTime: world.now() },
  ];
  for (const name of names) {
    const pod = await world.api.resource(pods).get({ namespace: "default", name });
    const status = {
      ...readyStatus(world.now()),
      startTime: pod.metadata.creationTimestamp ?? world.now(),
      conditions,
    };
    await world.api.resource(pods).update({ ...pod, status }, { subresource: "status" });
  }
}

describe("a StatefulSet", () => {
  it("makes its pods in order, each after the one before is ready, with claims of their own", async () => {
    const world = createWorld(1, { graceful: true });
    const manager = world.start(createStatefulSetController);
    const volumeClaimTemplates = [
      { apiVersion: "v1" as const, kind: "PersistentVolumeClaim" as const, metadata: { name: "data" }, spec: {} },
    ];
    await world.api.resource(statefulSets).create(set("1", { volumeClaimTemplates }));
    await world.settle(10);
    expect(
      world.api.writes.filter(
        (write) => write.startsWith("create pods") || write === "update/status pods default/db-0",
      ),
    ).toEqual([
      "create pods default/db-0",
      "update/status pods default/db-0",
      "create pods default/db-1",
      "create pods default/db-2",
    ]);
    expect(world.api.all(persistentVolumeClaims).map((claim) => claim.metadata.name)).toEqual([
      "data-db-0",
      "data-db-1",
      "data-db-2",
    ]);
    expect((await world.api.resource(statefulSets).get(ref)).status).toMatchObject({
      replicas: 3,
      readyReplicas: 3,
      updatedReplicas: 3,
      currentReplicas: 3,
    });
    expect(
      world.api
        .all(events)
        .map(({ reason, message }) => `${reason}: ${message}`)
        .slice(0, 2),
    ).toEqual([
      "SuccessfulCreate: create Claim data-db-0 Pod db-0 in StatefulSet db success",
      "SuccessfulCreate: create Pod db-0 in StatefulSet db successful",
    ]);
    await manager.stop();
  });

  it("is updated from the highest ordinal down to its partition", async () => {
    const world = createWorld(2, { graceful: true });
    const manager = world.start(createStatefulSetController);
    await world.api.resource(statefulSets).create(set("1"));
    await world.settle(10);
    await change(world, set("2", { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } } }));
    let fewest = 3;
    await world.settle(30, () => (fewest = Math.min(fewest, world.activePods().length)));
    expect(images(world)).toEqual(["db-0 1", "db-1 2", "db-2 2"]);
    expect(fewest).toBe(2);
    expect(world.api.writes.filter((write) => write.startsWith("delete pods"))).toEqual([
      "delete pods default/db-2",
      "delete pods default/db-1",
    ]);
    await manager.stop();
  });

  it("shrinks from the top and keeps the claims", async () => {
    const world = createWorld(3, { graceful: true });
    const manager = world.start(createStatefulSetController);
    await world.api.resource(statefulSets).create(set("1"));
    await world.settle(10);
    await change(world, set("1", { replicas: 1 }));
    await world.settle(10);
    expect(images(world)).toEqual(["db-0 1"]);
    await manager.stop();
  });

  it("waits with an update for a pod that was ready before", async () => {
    const world = createWorld(5, { graceful: true });
    const manager = world.start(createStatefulSetController);
    await world.api.resource(statefulSets).create(set("1"));
    await world.settle(10);
    await setReady(world, ["db-1"], false);
    await world.settle(5);
    await change(world, set("2"));
    await world.settle(30);
    expect(images(world)).toEqual(["db-0 1", "db-1 1", "db-2 1"]);
    await setReady(world, ["db-1"], true);
    await world.settle(30);
    expect(images(world)).toEqual(["db-0 2", "db-1 2", "db-2 2"]);
    await manager.stop();
  });

  it("does not shrink while pods are not ready, but for the first that is not", async () => {
    const world = createWorld(6, { graceful: true });
    const manager = world.start(createStatefulSetController);
    await world.api.resource(statefulSets).create(set("1"));
    await world.settle(10);
    await setReady(world, ["db-1", "db-2"], false);
    await world.settle(5);
    await change(world, set("1", { replicas: 0 }));
    await world.settle(30);
    expect(images(world)).toEqual(["db-0 1", "db-1 1", "db-2 1"]);
    await setReady(world, ["db-1"], true);
    await world.settle(30);
    expect(images(world)).toEqual([]);
    await manager.stop();
  });

  it("gets out of a broken rollout when a working template is given", async () => {
    const world = createWorld(4, { graceful: true });
    world.agent = (pod) =>
      pod.spec?.containers[0]?.image === "broken" ? { phase: "Pending" } : readyStatus(world.now());
    const manager = world.start(createStatefulSetController);
    await world.api.resource(statefulSets).create(set("1"));
    await world.settle(10);
    await change(world, set("broken"));
    await world.settle(10);
    expect(images(world)).toEqual(["db-0 1", "db-1 1", "db-2 broken"]);
    await change(world, set("2"));
    await world.settle(30);
    expect(images(world)).toEqual(["db-0 2", "db-1 2", "db-2 2"]);
    expect(world.api.all(pods)).toHaveLength(3);
    await manager.stop();
  });
});
