import { clusterRoles } from "@coxswain/api/rbac/v1";
import type { ClusterRole } from "@coxswain/api/rbac/v1";
import { expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import { createClusterRoleAggregationController } from "./controller.ts";

const role = (name: string, rest: Partial<ClusterRole>, labels: Record<string, string> = {}): ClusterRole => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name, labels },
  ...rest,
});
const rule = (resource: string) => ({ apiGroups: ["example.com"], resources: [resource], verbs: ["get"] });
const collecting = (label: string): Partial<ClusterRole> => ({
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: "true" } }] },
});

it("a role has what the roles it collects have, also of those that collect themselves, and loses it with them", async () => {
  const world = createWorld(1);
  const client = world.api.resource(clusterRoles);
  await client.create(role("admin", collecting("to-admin")));
  await client.create(role("edit", collecting("to-edit"), { "to-admin": "true" }));
  const manager = world.start(createClusterRoleAggregationController);
  await client.create(role("b", { rules: [rule("b"), rule("a")] }, { "to-edit": "true" }));
  await client.create(role("a", { rules: [rule("a")] }, { "to-edit": "true", "to-admin": "true" }));
  await world.settle(2);
  const rulesOf = async (name: string) =>
    (await client.get({ name })).rules?.map(({ resources = [] }) => resources.join());
  expect([await rulesOf("edit"), await rulesOf("admin")]).toEqual([
    ["a", "b"],
    ["a", "b"],
  ]);
  await client.delete({ name: "b" });
  await world.settle(2);
  expect([await rulesOf("edit"), await rulesOf("admin")]).toEqual([["a"], ["a"]]);
  await manager.stop();
});
