import { persistentVolumeClaims, pods } from "@coxswain/api/core/v1";
import { expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import { createEphemeralVolumeController } from "./controller.ts";

it("a pod's ephemeral volume gets a claim of its own, and a stranger's claim of that name is left alone", async () => {
  const world = createWorld(1);
  const manager = world.start(createEphemeralVolumeController);
  const spec = { accessModes: ["ReadWriteOnce" as const], resources: { requests: { storage: "1Gi" } } };
  await world.api.resource(persistentVolumeClaims).create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { namespace: "default", name: "web-taken" },
    spec,
  });
  const template = { metadata: { name: "", labels: { app: "web" } }, spec };
  const pod = await world.api.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "web" },
    spec: {
      containers: [{ name: "c", image: "i" }],
      volumes: ["scratch", "taken"].map((name) => ({ name, ephemeral: { volumeClaimTemplate: template } })),
    },
  });
  await world.settle(2);
  expect(
    world.api
      .all(persistentVolumeClaims)
      .map(({ metadata }) => [metadata.name, metadata.labels, metadata.ownerReferences?.[0]?.uid]),
  ).toEqual([
    ["web-taken", undefined, undefined],
    ["web-scratch", { app: "web" }, pod.metadata.uid],
  ]);
  await manager.stop();
});
