// Quotas over an API server in memory.
import { describe, expect, it } from "vitest";
import { configMaps, pods, resourceQuotas, services } from "@coxswain/api/core/v1";
import type { Pod, ResourceQuota, Service } from "@coxswain/api/core/v1";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createResourceQuotaController } from "./controller.ts";

const at = (name: string) => ({ namespace: "shop", name });
const quota = (hard: Record<string, string>): ResourceQuota => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: at("all"),
  spec: { hard },
});
const pod = (name: string, cpu: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: at(name),
  spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }] },
});
const service = (name: string): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: at(name),
  spec: { type: "NodePort", ports: [{ port: 80 }, { port: 81 }] },
});

async function statusIn(world: World) {
  return (await world.api.resource(resourceQuotas).get(at("all"))).status;
}

describe("a quota", () => {
  it("is counted when it comes, and again when its limits change", async () => {
    const world = createWorld(1);
    await world.api.resource(pods).create(pod("a", "500m"));
    await world.api.resource(pods).create(pod("b", "1"));
    await world.api.resource(services).create(service("web"));
    const manager = world.start(createResourceQuotaController);
    await world.api
      .resource(resourceQuotas)
      .create(quota({ "requests.cpu": "4", pods: "10", "services.nodeports": "5" }));
    await world.settle(2);
    expect(await statusIn(world)).toEqual({
      hard: { "requests.cpu": "4", pods: "10", "services.nodeports": "5" },
      used: { "requests.cpu": "1500m", pods: "2", "services.nodeports": "2" },
    });
    const current = await world.api.resource(resourceQuotas).get(at("all"));
    await world.api.resource(resourceQuotas).update({ ...current, spec: { hard: { pods: "1" } } });
    await world.settle(2);
    expect(await statusIn(world)).toEqual({ hard: { pods: "1" }, used: { pods: "2" } });
    await manager.stop();
  });

  it("gets back what a pod held when it ends or goes", async () => {
    const world = createWorld(2);
    for (const name of ["a", "b", "c"]) await world.api.resource(pods).create(pod(name, "1"));
    const manager = world.start(createResourceQuotaController);
    await world.api.resource(resourceQuotas).create(quota({ cpu: "4", pods: "10" }));
    await world.settle(2);
    await world.api.resource(pods).delete(at("a"), { gracePeriodSeconds: 0 });
    const ended = await world.api.resource(pods).get(at("b"));
    await world.api.resource(pods).update({ ...ended, status: { phase: "Succeeded" } }, { subresource: "status" });
    await world.settle(2);
    expect((await statusIn(world))?.used).toEqual({ cpu: "1", pods: "1" });
    await manager.stop();
  });

  it("counts objects of any kind by name", async () => {
    const world = createWorld(3);
    const manager = world.start(createResourceQuotaController);
    const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: at(name) }) as const;
    await world.api.resource(configMaps).create(map("a"));
    await world.api
      .resource(resourceQuotas)
      .create(quota({ configmaps: "4", "count/configmaps": "4", "count/nothing.example.com": "1" }));
    await world.settle(2);
    expect((await statusIn(world))?.used).toEqual({ configmaps: "1", "count/configmaps": "1" });
    await world.api.resource(configMaps).delete(at("a"));
    await world.settle(2);
    expect((await statusIn(world))?.used).toEqual({ configmaps: "0", "count/configmaps": "0" });
    await manager.stop();
  });
});
