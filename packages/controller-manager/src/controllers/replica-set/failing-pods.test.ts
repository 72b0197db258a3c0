// Pods that no node keeps: replaced at once, then ever more slowly, until one stays.
import { expect, it } from "vitest";
import { replicaSets } from "@coxswain/api/apps/v1";
import { events, pods } from "@coxswain/api/core/v1";
import { StatusError, statuses } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { createWorld, readyStatus } from "../../../testing/world.ts";
import { createReplicaSetController } from "./controller.ts";

it("whose pods all fail does not fill the store, says why it waits, and goes on when they stay", async () => {
  const world = createWorld(1);
  world.agent = () => ({ phase: "Failed", reason: "UnexpectedAdmissionError" });
  const manager = world.start(createReplicaSetController);
  const labels = { app: "web" };
  await world.api.resource(replicaSets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "i" }] } },
    },
  });
  const made = (): number => world.api.all(pods).length;
  await world.settle(1);
  expect(made()).toBe(4);
  await world.settle(59);
  expect(made()).toBe(12);
  expect(world.api.all(events).map(({ reason, message }) => `${reason}: ${message}`)).toContain(
    "BackOff: 12 pods failed soon after they were made: the next follow after 32 s",
  );
  await world.settle(3600);
  expect(made()).toBeLessThan(45);
  world.agent = () => readyStatus(rfc3339(world.clock.now()));
  await world.settle(300);
  expect(world.activePods().length).toBe(2);
  expect(world.api.all(replicaSets)[0]?.status?.readyReplicas).toBe(2);
  await manager.stop();
});

it("whose further pods are refused asks for them ever more slowly, however many it has", async () => {
  const world = createWorld(2);
  const [few, many] = [300, 400];
  let refused = 0;
  world.api.faults.beforeWrite = (verb, { resource, group }, object) => {
    if (verb !== "create" || resource !== "pods" || world.api.all(pods).length < few) return;
    refused++;
    throw new StatusError(statuses.forbidden({ group, resource }, object, "exceeded quota"));
  };
  const manager = world.start(createReplicaSetController);
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "i" }] } };
  await world.api.resource(replicaSets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: many, selector: { matchLabels: labels }, template },
  });
  await world.settle(120);
  expect(world.api.all(replicaSets)[0]?.status).toMatchObject({
    readyReplicas: few,
    conditions: [{ type: "ReplicaFailure", reason: "FailedCreate" }],
  });
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(100); // from a hundred failures on, all sets would wait for each other
  await manager.stop();
});
