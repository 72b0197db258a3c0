// Budgets over an API server in memory: whom they count, and what they say when they cannot count.
import { deployments, replicaSets } from "@coxswain/api/apps/v1";
import { events, pods } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { podDisruptionBudgets } from "@coxswain/api/policy/v1";
import { expect, it } from "vitest";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createDisruptionController } from "./controller.ts";

const labels = { app: "web" };

async function createPod(
  world: World,
  name: string,
  owner?: Partial<NonNullable<Pod["metadata"]["ownerReferences"]>[number]>,
): Promise<void> {
  const reference = { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: "", controller: true, ...owner };
  await world.api.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels, ...(owner ? { ownerReferences: [reference] } : {}) },
    spec: { containers: [{ name: "main", image: "i" }] },
  });
}

async function createBudget(world: World): Promise<void> {
  await world.api.resource(podDisruptionBudgets).create({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "b", namespace: "default" },
    spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
  });
}

const budget = (world: World) => world.api.all(podDisruptionBudgets)[0]?.status;
const told = (world: World): readonly string[] =>
  world.api.all(events).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

it("asks the API for the scale of a controller that it does not follow, whatever its kind", async () => {
  const world = createWorld(1);
  world.api.answers.set("/apis/apps/v1", {
    resources: [{ name: "deployments", kind: "Deployment", namespaced: true }],
  });
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "i" }] } };
  const owner = await world.api.resource(deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: 3, selector: { matchLabels: labels }, template },
  });
  await createBudget(world);
  // The pods name the Deployment itself as their controller, as those of a custom kind name theirs.
  for (const name of ["a", "b", "c"]) await createPod(world, name, { uid: owner.metadata.uid ?? "" });
  const manager = world.start(createDisruptionController);
  await world.settle(5);
  expect(budget(world)).toMatchObject({ expectedPods: 3, desiredHealthy: 2, currentHealthy: 3, disruptionsAllowed: 1 });
  await manager.stop();
});

it("says what it cannot count: no pods, pods without a controller, a controller that is not there or has no size", async () => {
  const world = createWorld(2);
  const manager = world.start(createDisruptionController);
  await createBudget(world);
  await world.settle(2);
  expect(told(world)).toEqual(["Normal NoPods: No matching pods found"]);
  await createPod(world, "alone");
  await world.settle(2);
  expect(told(world).at(-1)).toMatch(
    /^Warning UnmanagedPods: Pods selected by this PodDisruptionBudget \(selector: .*\) were found to be unmanaged\. /,
  );
  expect(budget(world)).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
  await createPod(world, "orphan", { kind: "ReplicaSet", name: "gone", uid: "u" });
  await world.settle(2);
  const problem = 'found no controllers for pod "orphan"';
  expect(told(world)).toContain(
    `Warning CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: ${problem}`,
  );
  expect(budget(world)?.conditions?.[0]).toMatchObject({ status: "False", reason: "SyncFailed", message: problem });
  await manager.stop();
});

it("counts again when the ReplicaSet behind its pods turns up later than they", async () => {
  const world = createWorld(3);
  const manager = world.start(createDisruptionController);
  await createBudget(world);
  const set = await world.api.resource(replicaSets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels } } },
  });
  for (const name of ["a", "b"]) await createPod(world, name, { kind: "ReplicaSet", uid: set.metadata.uid ?? "" });
  await world.settle(5);
  expect(budget(world)).toMatchObject({ expectedPods: 2, desiredHealthy: 1, disruptionsAllowed: 1 });
  await world.api
    .resource(replicaSets)
    .update({ ...set, spec: { ...set.spec, replicas: 1, selector: { matchLabels: labels } } });
  await world.settle(5);
  expect(budget(world)).toMatchObject({ expectedPods: 1, desiredHealthy: 0, disruptionsAllowed: 2 });
  await manager.stop();
});

it("takes back what was announced of a pod that nobody has taken away within two minutes, unless its node announced it", async () => {
  const world = createWorld(4);
  const announce = (reason: string): Pod["status"] => ({
    phase: "Running",
    conditions: [{ type: "DisruptionTarget", status: "True", reason, message: "m", lastTransitionTime: world.now() }],
  });
  const reasons: Readonly<Record<string, string>> = {
    evicted: "EvictionByEvictionAPI",
    ending: "TerminationByKubelet",
  };
  world.agent = ({ metadata }) => announce(reasons[metadata.name] ?? "");
  const manager = world.start(createDisruptionController);
  for (const name of Object.keys(reasons)) await createPod(world, name);
  const announced = (): readonly string[] =>
    world.api
      .all(pods)
      .map(
        ({ metadata, status }) =>
          `${metadata.name} ${status?.conditions?.[0]?.status} ${status?.conditions?.[0]?.reason}`,
      );
  await world.settle(110);
  expect(announced()).toEqual(["evicted True EvictionByEvictionAPI", "ending True TerminationByKubelet"]);
  await world.settle(20);
  expect(announced()).toEqual(["evicted False undefined", "ending True TerminationByKubelet"]);
  await manager.stop();
});
