// Workloads follow what they read, where they ask for it.
import { expect, it } from "vitest";
import { deployments } from "@coxswain/api/apps/v1";
import type { Deployment } from "@coxswain/api/apps/v1";
import { configMaps, events, secrets } from "@coxswain/api/core/v1";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createConfigReloadController } from "./controller.ts";
import { referencesOf } from "./references.ts";

const ref = { namespace: "default", name: "web" };
const deployment = (annotations: Record<string, string>): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { ...ref, annotations },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        containers: [{ name: "web", image: "i", envFrom: [{ secretRef: { name: "keys" } }] }],
        volumes: [{ name: "v", configMap: { name: "settings" } }],
      },
    },
  },
});
const hashOf = (world: World) =>
  world.api.all(deployments)[0]?.spec?.template.metadata?.annotations?.["coxswain.io/config-hash"];

async function begin(annotations: Record<string, string>): Promise<{ world: World; end: () => Promise<void> }> {
  const world = createWorld(1);
  await world.api.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "default", name: "settings" },
    data: { a: "1" },
  });
  const manager = world.start(createConfigReloadController);
  await world.api.resource(deployments).create(deployment(annotations));
  await world.settle(3);
  return { world, end: () => manager.stop() };
}

it("a change of a ConfigMap or Secret rolls who reads it, once; asking for it and other changes roll nothing", async () => {
  const { world, end } = await begin({ "coxswain.io/reload": "true" });
  expect(hashOf(world)).toBeUndefined();
  const settings = { namespace: "default", name: "settings" };
  await world.api.resource(configMaps).patch(settings, { metadata: { labels: { x: "y" } } }, { type: "merge" });
  await world.settle(3);
  expect(hashOf(world)).toBeUndefined();
  await world.api.resource(configMaps).patch(settings, { data: { a: "2" } }, { type: "merge" });
  await world.settle(3);
  const first = hashOf(world);
  expect(first).toMatch(/^[0-9a-f]{16}\.[0-9a-f]{16}$/);
  await world.api.resource(secrets).create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "default", name: "keys" },
    data: { k: "djE=" },
  });
  await world.settle(3);
  expect(hashOf(world)).not.toBe(first);
  expect(world.api.writes.filter((write) => write.includes("deployments"))).toHaveLength(4); // made, remembered, rolled twice
  expect(world.api.all(events).map(({ reason }) => reason)).toEqual(["ConfigReload"]);
  await end();
});

it("nothing is rolled where nobody asked, and nothing is forgotten while nobody looks", async () => {
  const { world, end } = await begin({});
  const settings = { namespace: "default", name: "settings" };
  await world.api.resource(configMaps).patch(settings, { data: { a: "2" } }, { type: "merge" });
  await world.settle(3);
  expect(hashOf(world)).toBeUndefined();
  await world.api
    .resource(deployments)
    .patch(ref, { metadata: { annotations: { "coxswain.io/reload": "true" } } }, { type: "merge" });
  await world.settle(3);
  await end();
  await world.api.resource(configMaps).patch(settings, { data: { a: "3" } }, { type: "merge" });
  const next = world.start(createConfigReloadController);
  await world.settle(3);
  expect(hashOf(world)).toBeDefined();
  await next.stop();
});

it("a template that reads something else rolls by itself, and is only remembered", async () => {
  const { world, end } = await begin({ "coxswain.io/reload": "true" });
  const spec = { template: { spec: { volumes: [{ name: "v", configMap: { name: "others" } }] } } };
  await world.api.resource(deployments).patch(ref, { spec }, { type: "merge" });
  await world.settle(3);
  expect(hashOf(world)).toBeUndefined();
  await end();
});

it("every way to read a ConfigMap or Secret is seen", () => {
  expect(
    referencesOf({
      spec: {
        containers: [
          {
            name: "c",
            image: "i",
            env: [
              { name: "A", valueFrom: { configMapKeyRef: { name: "a", key: "k" } } },
              { name: "B", valueFrom: { secretKeyRef: { name: "b", key: "k" } } },
            ],
            envFrom: [{ configMapRef: { name: "c" } }],
          },
        ],
        initContainers: [{ name: "i", image: "i", envFrom: [{ secretRef: { name: "d" } }] }],
        volumes: [
          { name: "v", secret: { secretName: "e" } },
          { name: "w", projected: { sources: [{ configMap: { name: "f" } }, { secret: { name: "b" } }] } },
        ],
      },
    }),
  ).toEqual(["ConfigMap/a", "ConfigMap/c", "ConfigMap/f", "Secret/b", "Secret/d", "Secret/e"]);
});
