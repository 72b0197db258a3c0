// CSI volumes over an API server in memory, with an attacher that is pretended: attached where pods are, moved when they move.
import { expect, it } from "vitest";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "@coxswain/api/core/v1";
import type { Node } from "@coxswain/api/core/v1";
import { csiDrivers, volumeAttachments } from "@coxswain/api/storage/v1";
import { createWorld, testNode } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createAttachDetachController } from "./controller.ts";
import { attachmentName, longestUseMs, volumeName } from "./plan.ts";

const driver = "disks.example.com";

async function setUp(accessMode: "ReadWriteOnce" | "ReadWriteMany" = "ReadWriteOnce"): Promise<World> {
  const world = createWorld(1);
  const { api } = world;
  const conditions = [{ type: "Ready", status: "True" as const }];
  for (const name of ["n1", "n2"]) await api.resource(nodes).create(testNode(name, { status: { conditions } }));
  const spec = { accessModes: [accessMode], resources: { requests: { storage: "1Gi" } } };
  await api.resource(persistentVolumes).create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "pv" },
    spec: {
      accessModes: [accessMode],
      capacity: { storage: "1Gi" },
      csi: { driver, volumeHandle: "disk-1" },
      claimRef: { namespace: "default", name: "data" },
    },
  });
  await api.resource(persistentVolumeClaims).create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace: "default" },
    spec: { ...spec, volumeName: "pv" },
    status: { phase: "Bound" },
  });
  return world;
}

const makePod = ({ api }: World, name: string, nodeName: string): Promise<unknown> =>
  api.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: {
      nodeName,
      containers: [{ name: "main", image: "a" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
    },
  });

/** What the driver's attacher does. */
async function attachAll({ api }: World): Promise<void> {
  for (const one of api.all(volumeAttachments))
    await api.resource(volumeAttachments).update({ ...one, status: { attached: true } }, { subresource: "status" });
}
const places = ({ api }: World): readonly string[] => api.all(volumeAttachments).map(({ spec }) => spec.nodeName);
const setStatus = async (
  { api }: World,
  name: string,
  status: Partial<NonNullable<Node["status"]>>,
): Promise<unknown> => {
  const node = await api.resource(nodes).get({ name });
  return api.resource(nodes).update({ ...node, status: { ...node.status, ...status } }, { subresource: "status" });
};
const attachedTo = ({ api }: World, name: string): readonly string[] =>
  (api.all(nodes).find(({ metadata }) => metadata.name === name)?.status?.volumesAttached ?? []).map((one) => one.name);

it("is attached where its pod is, said of the node, and moves only when the first node uses it no more", async () => {
  const world = await setUp();
  const manager = world.start(createAttachDetachController);
  await makePod(world, "a", "n1");
  await world.settle(2);
  const [pv] = world.api.all(persistentVolumes);
  const name = (pv && volumeName(pv)) ?? "";
  expect(world.api.all(volumeAttachments).map(({ metadata, spec }) => [metadata.name, spec])).toEqual([
    [pv && attachmentName(pv, "n1"), { attacher: driver, nodeName: "n1", source: { persistentVolumeName: "pv" } }],
  ]);
  await attachAll(world);
  await setStatus(world, "n1", { volumesInUse: [name] });
  await world.settle(2);
  expect(attachedTo(world, "n1")).toEqual([`kubernetes.io/csi/${driver}^disk-1`]);

  world.api.remove(pods, "default/a");
  await makePod(world, "b", "n2");
  await world.settle(400);
  expect(places(world)).toEqual(["n1"]);
  await setStatus(world, "n1", { volumesInUse: [] });
  await world.settle(20);
  await attachAll(world);
  await world.settle(2);
  expect([places(world), attachedTo(world, "n1"), attachedTo(world, "n2")]).toEqual([["n2"], [], [name]]);
  await manager.stop();
});

it("leaves a node that is not ready after six minutes, although it was never told that it is unused", async () => {
  const world = await setUp();
  const manager = world.start(createAttachDetachController);
  await makePod(world, "a", "n1");
  await world.settle(2);
  const [pv] = world.api.all(persistentVolumes);
  await setStatus(world, "n1", {
    volumesInUse: [(pv && volumeName(pv)) ?? ""],
    conditions: [{ type: "Ready", status: "Unknown" }],
  });
  world.api.remove(pods, "default/a");
  await world.settle(longestUseMs / 1000 - 30);
  expect(places(world)).toEqual(["n1"]);
  await world.settle(60);
  expect(places(world)).toEqual([]);
  await manager.stop();
});

it("may be on many nodes when its mode says so, on none when its driver does not attach", async () => {
  const world = await setUp("ReadWriteMany");
  const manager = world.start(createAttachDetachController);
  await makePod(world, "a", "n1");
  await makePod(world, "b", "n2");
  await world.settle(2);
  expect(places(world).toSorted()).toEqual(["n1", "n2"]);
  await world.api.resource(csiDrivers).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "CSIDriver",
    metadata: { name: driver },
    spec: { attachRequired: false },
  });
  await world.settle(2);
  expect(places(world)).toEqual([]);
  await manager.stop();
});

it("is attached once, wherever the process is killed", async () => {
  for (const killAt of [1, 2, 3]) {
    for (const when of ["beforeWrite", "afterWrite"] as const) {
      const world = await setUp();
      let writes = 0;
      let manager = world.start(createAttachDetachController);
      await makePod(world, "a", "n1");
      world.api.faults[when] = (_verb, { resource }) => {
        if (resource === "volumeattachments" && ++writes === killAt) throw new Error("killed");
      };
      await world.settle(1);
      await manager.stop();
      manager = world.start(createAttachDetachController);
      world.api.remove(pods, "default/a");
      await makePod(world, "b", "n2");
      await world.settle(20);
      expect(places(world)).toEqual(["n2"]);
      await manager.stop();
    }
  }
});
