// A binding that has more than one step: volumes are promised and waited for before the pod is bound, and any step may fail.
import { describe, expect, test } from "vitest";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "@coxswain/api/core/v1";
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import { storageClasses } from "@coxswain/api/storage/v1";
import type { StorageClass } from "@coxswain/api/storage/v1";
import { apiNode, apiPod, startWorld } from "../testing/world.ts";
import type { RunningWorld } from "../testing/world.ts";
import { bindCompleted, selectedNode } from "./core/volumes/binding.ts";

const storageClass = (name: string, provisioner: string): StorageClass => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name },
  provisioner,
  volumeBindingMode: "WaitForFirstConsumer",
});
const claim = (name: string, storageClassName: string): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace: "default" },
  spec: { storageClassName, accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
});
const volume = (name: string): PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name },
  spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: "local" },
  status: { phase: "Available" },
});
const withClaim = (name: string, claimName: string, cpu = "1") =>
  apiPod(name, cpu, { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] });

async function start(): Promise<RunningWorld> {
  const world = await startWorld();
  const { api } = world;
  await api.resource(nodes).create(apiNode("n", "4"));
  await api.resource(storageClasses).create(storageClass("local", "kubernetes.io/no-provisioner"));
  await api.resource(storageClasses).create(storageClass("made", "csi.example.com"));
  await world.clock.advance(100);
  return world;
}

/** What the volume controller does with a claim. */
async function complete({ api }: RunningWorld, name: string, volumeName: string): Promise<void> {
  const metadata = { annotations: { [bindCompleted]: "yes" } };
  const patch = { metadata, spec: { volumeName } };
  await api.resource(persistentVolumeClaims).patch({ namespace: "default", name }, patch, { type: "merge" });
}

const nodeOf = ({ api }: RunningWorld, name: string): string | undefined =>
  api.all(pods).find(({ metadata }) => metadata.name === name)?.spec?.nodeName;

describe("a pod whose claim waits for it", () => {
  test("is bound after its claim, and its volume is promised to the claim before", async () => {
    const world = await start();
    const { api, clock, scheduler } = world;
    await api.resource(persistentVolumes).create(volume("disk"));
    await api.resource(persistentVolumeClaims).create(claim("data", "local"));
    await clock.advance(100);
    await api.resource(pods).create(withClaim("web", "data"));
    await clock.advance(5000);
    expect(api.all(persistentVolumes)[0]?.spec?.claimRef).toMatchObject({ name: "data", namespace: "default" });
    expect(nodeOf(world, "web")).toBeUndefined();
    await complete(world, "data", "disk");
    await clock.advance(2000);
    expect(nodeOf(world, "web")).toBe("n");
    await scheduler.stop();
  });

  test("tells a provisioner the node, and looks for another when the provisioner gives that one up", async () => {
    const world = await start();
    const { api, clock, scheduler } = world;
    await api.resource(persistentVolumeClaims).create(claim("data", "made"));
    await clock.advance(100);
    await api.resource(pods).create(withClaim("web", "data"));
    await clock.advance(1000);
    const chosen = (): string | undefined => api.all(persistentVolumeClaims)[0]?.metadata.annotations?.[selectedNode];
    expect(chosen()).toBe("n");
    const patch = { metadata: { annotations: { [selectedNode]: null } } };
    await api.resource(persistentVolumeClaims).patch({ namespace: "default", name: "data" }, patch, { type: "merge" });
    await clock.advance(500);
    expect(chosen()).toBeUndefined();
    await clock.advance(10_000);
    expect([chosen(), nodeOf(world, "web")]).toEqual(["n", undefined]);
    await complete(world, "data", "made-for-it");
    await api.resource(persistentVolumes).create(volume("made-for-it"));
    await clock.advance(10_000);
    expect(nodeOf(world, "web")).toBe("n");
    await scheduler.stop();
  });

  test("gives everything back when a step fails, and another pod may have it", async () => {
    const world = await start();
    const { api, clock, scheduler } = world;
    await api.resource(persistentVolumes).create(volume("disk"));
    for (const name of ["data", "other"]) await api.resource(persistentVolumeClaims).create(claim(name, "local"));
    await clock.advance(100);
    let refusals = 0;
    api.faults.beforeWrite = (verb, { resource }) => {
      if (verb === "patch" && resource === "persistentvolumes" && refusals++ === 0)
        throw new Error("the store is on fire");
    };
    await api.resource(pods).create(withClaim("first", "data", "3"));
    await clock.advance(300);
    // The first is backing off; neither its volume nor its CPU is held.
    await api.resource(pods).create(withClaim("second", "other", "3"));
    await clock.advance(300);
    expect(api.all(persistentVolumes)[0]?.spec?.claimRef?.name).toBe("other");
    await complete(world, "other", "disk");
    await clock.advance(20_000);
    expect([nodeOf(world, "first"), nodeOf(world, "second")]).toEqual([undefined, "n"]);
    expect(refusals).toBe(2);
    await scheduler.stop();
  });

  test("is let go when its claim is not bound in time", async () => {
    const world = await start();
    const { api, clock, scheduler } = world;
    await api.resource(persistentVolumeClaims).create(claim("data", "made"));
    await clock.advance(100);
    await api.resource(pods).create(withClaim("web", "data", "4"));
    await clock.advance(1000);
    await api.resource(pods).create(apiPod("plain", "4"));
    await clock.advance(500_000);
    expect(nodeOf(world, "plain")).toBeUndefined();
    await clock.advance(110_000);
    expect(nodeOf(world, "plain")).toBe("n");
    await scheduler.stop();
  });
});
