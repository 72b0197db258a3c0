// The small controllers that follow namespaces and nodes: service accounts, root CA, namespace, node IPAM; each level-triggered.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configMaps, namespaces, nodes, serviceAccounts } from "@coxswain/api/core/v1";
import { createWorld, testNode } from "../../testing/world.ts";
import type { World } from "../../testing/world.ts";
import { createNamespaceController } from "./namespace/controller.ts";
import { createNodeIpamController } from "./node-ipam/controller.ts";
import { formatRange, freeRange, parseRange } from "./node-ipam/plan.ts";
import type { Range } from "./node-ipam/plan.ts";
import { createRootCaController } from "./root-ca/controller.ts";
import { createServiceAccountController } from "./service-account/controller.ts";

const createNamespace = (world: World, name: string) =>
  world.api.resource(namespaces).create({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, finalizers: ["kubernetes"] },
    spec: { finalizers: ["kubernetes"] },
  });

describe("a namespace", () => {
  it("gets its service account and the root certificate, and again when they are lost or spoilt", async () => {
    const world = createWorld(1);
    const manager = world.start(createServiceAccountController, (ports) => createRootCaController(ports, "ROOT"));
    await createNamespace(world, "team");
    await world.settle(2);
    await world.api.resource(serviceAccounts).delete({ namespace: "team", name: "default" });
    await world.api
      .resource(configMaps)
      .patch({ namespace: "team", name: "kube-root-ca.crt" }, { data: { "ca.crt": "x" } }, { type: "merge" });
    await world.settle(2);
    expect(world.api.all(serviceAccounts).map((account) => account.metadata.name)).toEqual(["default"]);
    expect(world.api.all(configMaps).map((map) => map.data)).toEqual([{ "ca.crt": "ROOT" }]);
    await manager.stop();
  });

  it("is emptied when it is deleted, says what holds it, and goes when nothing does", async () => {
    const world = createWorld(2);
    const manager = world.start(createNamespaceController);
    await createNamespace(world, "team");
    await createNamespace(world, "other");
    const held = {
      apiVersion: "v1" as const,
      kind: "ConfigMap" as const,
      metadata: { name: "held", namespace: "team", finalizers: ["example.com/hold"] },
    };
    await world.api.resource(configMaps).create(held);
    for (const namespace of ["team", "other"]) {
      await world.api
        .resource(configMaps)
        .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "plain", namespace } });
    }
    await world.api.resource(namespaces).delete({ name: "team" });
    await world.settle(10);
    const conditions = (await world.api.resource(namespaces).get({ name: "team" })).status?.conditions ?? [];
    expect(
      conditions.filter(({ status }) => status === "True").map(({ type, message }) => `${type}: ${message}`),
    ).toEqual([
      "NamespaceContentRemaining: Some resources are remaining: configmaps. has 1 resource instances",
      "NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
    ]);
    await world.api
      .resource(configMaps)
      .patch({ namespace: "team", name: "held" }, { metadata: { finalizers: null } }, { type: "merge" });
    await world.settle(10);
    expect(world.api.all(configMaps).map((map) => `${map.metadata.namespace}/${map.metadata.name}`)).toEqual([
      "other/plain",
    ]);
    const left = await world.api.resource(namespaces).get({ name: "team" });
    expect(left.spec?.finalizers).toEqual([]);
    await manager.stop();
  });
});

describe("pod CIDRs", () => {
  const cluster = parseRange("10.244.0.0/16") as Range;

  it("are given once, each to one node, also to nodes that come together, and freed ones again", async () => {
    const world = createWorld(3);
    world.api.faults.delayMs = 100;
    const manager = world.start((ports) => createNodeIpamController(ports, { cluster, nodeMask: 24 }));
    for (const name of ["a", "b", "c"]) await world.api.resource(nodes).create(testNode(name));
    await world.settle(5);
    await world.api.resource(nodes).delete({ name: "b" });
    await world.settle(1);
    await world.api.resource(nodes).create(testNode("d"));
    await world.settle(5);
    const given = world.api.all(nodes).map((node) => node.spec?.podCIDR);
    expect(given.toSorted()).toEqual(["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]);
    await manager.stop();
  });

  it("never overlap, whatever is taken, and run out at the end of the range", () => {
    const small = parseRange("10.0.0.0/28") as Range;
    const block = fc.record({
      base: fc.integer({ min: small.base - 8, max: small.base + 20 }),
      prefix: fc.integer({ min: 28, max: 32 }),
    });
    const end = ({ base, prefix }: Range): number => base + 2 ** (32 - prefix);
    const check = fc.property(fc.array(block, { maxLength: 12 }), (taken) => {
      const free = freeRange(small, 30, taken);
      const candidates = [0, 4, 8, 12].map((offset) => ({ base: small.base + offset, prefix: 30 }));
      const clear = (one: Range): boolean => taken.every((other) => end(other) <= one.base || end(one) <= other.base);
      expect(free).toEqual(candidates.find(clear));
    });
    fc.assert(check);
    expect(formatRange(small)).toBe("10.0.0.0/28");
    expect(["10.0.0.0", "300.0.0.0/8", "10.0.0.0/33"].map(parseRange)).toEqual([undefined, undefined, undefined]);
  });
});
