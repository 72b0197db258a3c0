// Claims and volumes that are used do not go.
import { persistentVolumeClaims, persistentVolumes, pods } from "@coxswain/api/core/v1";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "@coxswain/api/core/v1";
import { volumeAttributesClasses } from "@coxswain/api/storage/v1";
import type { VolumeAttributesClass } from "@coxswain/api/storage/v1";
import { expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import { createPvProtectionController } from "../pv-protection/controller.ts";
import { createVacProtectionController } from "../vac-protection/controller.ts";
import { createPvcProtectionController } from "./controller.ts";

const claim: PersistentVolumeClaim = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { namespace: "default", name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};
const user = (name: string, nodeName: string | undefined): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "default", name },
  spec: {
    ...(nodeName === undefined ? {} : { nodeName }),
    containers: [{ name: "c", image: "i" }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
  },
});

it("a claim stays while a pod on a node uses it, and goes when that pod ends", async () => {
  const world = createWorld(1);
  const manager = world.start(createPvcProtectionController);
  const claims = world.api.resource(persistentVolumeClaims);
  await claims.create(claim);
  await world.api.resource(pods).create(user("waiting", undefined));
  await world.api.resource(pods).create(user("running", "n1"));
  await world.settle(2);
  await claims.delete({ namespace: "default", name: "data" });
  await world.settle(2);
  expect(world.api.all(persistentVolumeClaims).map(({ metadata }) => metadata.finalizers)).toEqual([
    ["kubernetes.io/pvc-protection"],
  ]);
  const running = await world.api.resource(pods).get({ namespace: "default", name: "running" });
  await world.api.resource(pods).update({ ...running, status: { phase: "Succeeded" } }, { subresource: "status" });
  await world.settle(2);
  expect(world.api.all(persistentVolumeClaims)).toEqual([]);
  await manager.stop();
});

it("a volume stays while it is bound", async () => {
  const world = createWorld(2);
  const manager = world.start(createPvProtectionController);
  const volumes = world.api.resource(persistentVolumes);
  const volume: PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "disk" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/srv" } },
  };
  const made = await volumes.create(volume);
  await volumes.update({ ...made, status: { phase: "Bound" } }, { subresource: "status" });
  await world.settle(2);
  await volumes.delete({ name: "disk" });
  await world.settle(2);
  const [held] = world.api.all(persistentVolumes);
  expect(held?.metadata.finalizers).toEqual(["kubernetes.io/pv-protection"]);
  if (held) await volumes.update({ ...held, status: { phase: "Released" } }, { subresource: "status" });
  await world.settle(2);
  expect(world.api.all(persistentVolumes)).toEqual([]);
  await manager.stop();
});

it("a class of volume attributes stays while a claim names it", async () => {
  const world = createWorld(3);
  const manager = world.start(createVacProtectionController);
  const classes = world.api.resource(volumeAttributesClasses);
  const found: VolumeAttributesClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttributesClass",
    metadata: { name: "gold" },
    driverName: "disk.example",
  };
  await classes.create(found);
  await world.api
    .resource(persistentVolumeClaims)
    .create({ ...claim, spec: { ...claim.spec, volumeAttributesClassName: "gold" } });
  await world.settle(2);
  await classes.delete({ name: "gold" });
  await world.settle(2);
  expect(world.api.all(volumeAttributesClasses).map(({ metadata }) => metadata.finalizers)).toEqual([
    ["kubernetes.io/vac-protection"],
  ]);
  await world.api.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data" });
  await world.settle(2);
  expect(world.api.all(volumeAttributesClasses)).toEqual([]);
  await manager.stop();
});
