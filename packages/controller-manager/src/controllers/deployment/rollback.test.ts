// Rollouts that give themselves up, where the Deployment asks for it.
import { describe, expect, it } from "vitest";
import { deployments } from "@coxswain/api/apps/v1";
import type { Deployment } from "@coxswain/api/apps/v1";
import { events } from "@coxswain/api/core/v1";
import { createWorld, readyStatus } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createReplicaSetController } from "../replica-set/controller.ts";
import { createDeploymentController } from "./controller.ts";

const ref = { namespace: "default", name: "web" };
const deployment = (annotations: Record<string, string>): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { ...ref, annotations },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "good" }] } },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    progressDeadlineSeconds: 60,
  },
});

/** Pods of images that begin with "good" become ready, others never do. */
async function begin(annotations: Record<string, string>): Promise<{ world: World; end: () => Promise<void> }> {
  const world = createWorld(1);
  world.agent = ({ spec }) =>
    spec?.containers[0]?.image?.startsWith("good") ? readyStatus(world.now()) : { phase: "Running" };
  const manager = world.start(createDeploymentController, createReplicaSetController);
  await world.api.resource(deployments).create(deployment(annotations));
  await world.settle(20);
  return { world, end: () => manager.stop() };
}

async function setImage(world: World, image: string): Promise<void> {
  const spec = { template: { spec: { containers: [{ name: "web", image }] } } };
  await world.api.resource(deployments).patch(ref, { spec }, { type: "merge" });
  await world.settle(5);
}

const imageOf = (world: World) => world.api.all(deployments)[0]?.spec?.template.spec?.containers[0]?.image;
const reasons = (world: World) =>
  world.api
    .all(deployments)[0]
    ?.status?.conditions?.map(({ reason }) => reason)
    .toSorted();
const rollbacks = (world: World) =>
  world.api.all(events).filter(({ reason }) => reason === "DeploymentRollback").length;
const optedIn = { "coxswain.io/rollback-on-deadline": "true" };

describe("a rollout that misses its deadline", () => {
  it("goes back to the last one that was complete, and stays within its bounds", async () => {
    const { world, end } = await begin(optedIn);
    await setImage(world, "bad");
    let least = 3;
    await world.settle(100, () => {
      const ready = world
        .activePods()
        .filter(({ status }) => status?.conditions?.some(({ status: holds }) => holds === "True"));
      least = Math.min(least, ready.length);
    });
    expect(imageOf(world)).toBe("good");
    expect(least).toBe(3);
    expect(world.activePods()).toHaveLength(3);
    expect(reasons(world)).toEqual(["MinimumReplicasAvailable", "NewReplicaSetAvailable"]);
    expect(rollbacks(world)).toBe(1);
    await end();
  });

  it("does so again for another one, and never back and forth", async () => {
    const { world, end } = await begin(optedIn);
    for (const image of ["bad", "good-2", "bad-2"]) {
      await setImage(world, image);
      await world.settle(100);
    }
    expect(imageOf(world)).toBe("good-2");
    expect(rollbacks(world)).toBe(2);
    await world.settle(300);
    expect(rollbacks(world)).toBe(2);
    await end();
  });

  it("stays where it is when there is nothing good to go back to, or nobody asked", async () => {
    const asked = await begin({});
    await setImage(asked.world, "bad");
    await asked.world.settle(200);
    expect(imageOf(asked.world)).toBe("bad");
    expect(reasons(asked.world)).toContain("ProgressDeadlineExceeded");
    await asked.end();
    const world = createWorld(2);
    world.agent = () => ({ phase: "Running" });
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(optedIn));
    await world.settle(100);
    await setImage(world, "bad");
    await world.settle(200);
    expect([imageOf(world), rollbacks(world)]).toEqual(["bad", 0]);
    await manager.stop();
  });

  it("is not given up when its template was mended in the last moment", async () => {
    const { world, end } = await begin(optedIn);
    await setImage(world, "bad");
    await world.settle(50);
    await setImage(world, "good-3");
    await world.settle(60);
    expect([imageOf(world), rollbacks(world)]).toEqual(["good-3", 0]);
    await end();
  });
});
