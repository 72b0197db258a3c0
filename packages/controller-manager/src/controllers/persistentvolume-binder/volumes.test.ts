// Claims and volumes from asking to removal, over an API server in memory, with the binder and the built-in provisioner.
import { nodes, persistentVolumeClaims, persistentVolumes } from "@coxswain/api/core/v1";
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import { storageClasses } from "@coxswain/api/storage/v1";
import type { StorageClass } from "@coxswain/api/storage/v1";
import type { Client, RawRequest } from "@coxswain/client";
import { describe, expect, it } from "vitest";
import { createWorld, testNode } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createLocalVolumeController } from "../local-volume/controller.ts";
import { createPersistentVolumeBinder } from "./controller.ts";

const ref = { namespace: "default", name: "data" };
const claim = (spec: Partial<PersistentVolumeClaim["spec"]> = {}): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: ref,
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } }, ...spec },
});
const volume = (name: string, storage: string, spec: Partial<PersistentVolume["spec"]> = {}): PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name },
  spec: { capacity: { storage }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/srv" }, ...spec },
});
const storageClass: StorageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "local" },
  provisioner: "coxswain.io/local",
  reclaimPolicy: "Delete",
  volumeBindingMode: "WaitForFirstConsumer",
};

const phases = (world: World) => [
  ...world.api.all(persistentVolumeClaims).map(({ metadata, status }) => `${metadata.name}: ${status?.phase}`),
  ...world.api.all(persistentVolumes).map(({ metadata, status }) => `${metadata.name}: ${status?.phase}`),
];

describe("a claim", () => {
  it("gets the smallest volume that is large enough, and leaves it released", async () => {
    const world = createWorld(1);
    for (const [name, size] of [
      ["small", "1Gi"],
      ["large", "100Gi"],
      ["right", "8Gi"],
    ] as const)
      await world.api.resource(persistentVolumes).create(volume(name, size));
    const manager = world.start(createPersistentVolumeBinder);
    await world.settle(2);
    await world.api.resource(persistentVolumeClaims).create(claim());
    await world.settle(2);
    expect(phases(world)).toEqual(["data: Bound", "small: Available", "large: Available", "right: Bound"]);
    const bound = await world.api.resource(persistentVolumeClaims).get(ref);
    expect([bound.spec?.volumeName, bound.status?.capacity]).toEqual(["right", { storage: "8Gi" }]);
    await world.api.resource(persistentVolumeClaims).delete(ref);
    await world.settle(2);
    expect(phases(world)).toEqual(["small: Available", "large: Available", "right: Released"]);
    await manager.stop();
  });

  it("that names its volume gets that one, unless it does not suit", async () => {
    const world = createWorld(2);
    await world.api.resource(persistentVolumes).create(volume("mine", "5Gi"));
    await world.api.resource(persistentVolumes).create(volume("tiny", "1Gi"));
    const manager = world.start(createPersistentVolumeBinder);
    await world.api.resource(persistentVolumeClaims).create(claim({ volumeName: "mine" }));
    const wrong = { ...claim({ volumeName: "tiny" }), metadata: { namespace: "default", name: "wrong" } };
    await world.api.resource(persistentVolumeClaims).create(wrong);
    await world.settle(2);
    expect(phases(world)).toEqual(["data: Bound", "wrong: Pending", "mine: Bound", "tiny: Available"]);
    await manager.stop();
  });

  it("is lost with its volume", async () => {
    const world = createWorld(3);
    await world.api.resource(persistentVolumes).create(volume("disk", "5Gi"));
    const manager = world.start(createPersistentVolumeBinder);
    await world.api.resource(persistentVolumeClaims).create(claim());
    await world.settle(2);
    await world.api.resource(persistentVolumes).delete({ name: "disk" });
    await world.settle(2);
    expect(phases(world)).toEqual(["data: Lost"]);
    await manager.stop();
  });

  it("of two that want one volume exactly one has it, whatever the manager dies of in between", async () => {
    const world = createWorld(4);
    await world.api.resource(persistentVolumes).create(volume("only", "5Gi"));
    await world.api.resource(persistentVolumeClaims).create(claim());
    await world.api
      .resource(persistentVolumeClaims)
      .create({ ...claim(), metadata: { namespace: "default", name: "other" } });
    for (let kill = 0; kill < 6; kill++) {
      let writes = 0;
      world.api.faults.afterWrite = () => {
        if (++writes > 1) throw new Error("killed");
      };
      const manager = world.start(createPersistentVolumeBinder);
      await world.settle(1);
      await manager.stop();
    }
    world.api.faults.afterWrite = () => {};
    const manager = world.start(createPersistentVolumeBinder);
    await world.settle(3);
    const named = world.api.all(persistentVolumeClaims).filter(({ spec }) => spec?.volumeName === "only");
    expect([named.length, phases(world).filter((text) => text.endsWith("Bound")).length]).toEqual([1, 2]);
    await manager.stop();
  });
});

describe("the provisioner for nodes' own disks", () => {
  /** Answers DELETE as a node's agent would and keeps what it was asked. */
  const withAgent = (client: Client, asked: string[]): Client => ({
    ...client,
    request: (request: RawRequest) => {
      asked.push(`${request.method} ${request.path}`);
      return Promise.resolve({ status: 200, headers: {}, body: new Uint8Array(), text: () => "", json: () => ({}) });
    },
  });

  it("waits for the scheduler's choice, makes the volume there, grows it, and removes what it held", async () => {
    const world = createWorld(5);
    const asked: string[] = [];
    await world.api.resource(storageClasses).create(storageClass);
    await world.api.resource(nodes).create(testNode("n1", { labels: { "kubernetes.io/hostname": "n1" } }));
    const manager = world.start(createPersistentVolumeBinder, (ports) =>
      createLocalVolumeController({ ...ports, client: withAgent(ports.client, asked) }, { directory: "/volumes" }),
    );
    const claims = world.api.resource(persistentVolumeClaims);
    await claims.create(claim({ storageClassName: "local" }));
    await world.settle(2);
    expect(phases(world)).toEqual(["data: Pending"]);
    const waiting = await claims.get(ref);
    const annotations = { ...waiting.metadata.annotations, "volume.kubernetes.io/selected-node": "n1" };
    await claims.update({ ...waiting, metadata: { ...waiting.metadata, annotations } });
    await world.settle(3);
    const name = `pvc-${waiting.metadata.uid}`;
    expect(phases(world)).toEqual(["data: Bound", `${name}: Bound`]);
    expect((await world.api.resource(persistentVolumes).get({ name })).spec).toMatchObject({
      local: { path: `/volumes/${name}` },
      capacity: { storage: "5Gi" },
      persistentVolumeReclaimPolicy: "Delete",
    });
    const bound = await claims.get(ref);
    await claims.update({ ...bound, spec: { ...bound.spec, resources: { requests: { storage: "9Gi" } } } });
    await world.settle(3);
    expect((await claims.get(ref)).status?.capacity).toEqual({ storage: "9Gi" });
    await claims.delete(ref);
    await world.settle(3);
    expect([phases(world), asked]).toEqual([[], [`DELETE /api/v1/nodes/n1/proxy/localVolumes/${name}`]]);
    await manager.stop();
  });
});
