// Deployments, ReplicaSets and a pretended node agent over an API server in memory: whole rollouts, with faults.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deployments, replicaSets } from "@coxswain/api/apps/v1";
import type { Deployment } from "@coxswain/api/apps/v1";
import { StatusError, statuses } from "@coxswain/apimachinery";
import { createWorld } from "../../../testing/world.ts";
import { createReplicaSetController } from "../replica-set/controller.ts";
import { createDeploymentController } from "./controller.ts";

const template = (image: string): NonNullable<Deployment["spec"]>["template"] => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image }] },
});

function deployment(
  replicas: number,
  image: string,
  strategy?: NonNullable<Deployment["spec"]>["strategy"],
): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: template(image),
      strategy: strategy ?? { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      progressDeadlineSeconds: 600,
    },
  };
}

describe("a Deployment", () => {
  it("makes one replica set and its pods, and says so", async () => {
    const world = createWorld(1);
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(3, "a"));
    await world.settle();
    const made = await world.api.resource(deployments).get({ namespace: "default", name: "web" });
    expect(world.activePods()).toHaveLength(3);
    expect(world.api.all(replicaSets).map((set) => set.metadata.labels?.["pod-template-hash"])).toHaveLength(1);
    expect(made.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("1");
    expect(made.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 0,
    });
    expect(made.status?.conditions?.map(({ type, status, reason }) => ({ type, status, reason }))).toEqual([
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
    ]);
    await manager.stop();
  });

  it("counts on from the revision that an adopted replica set brings, exactly, and not from one that is no number", async () => {
    const world = createWorld(4);
    for (const [name, revision] of [
      ["large", "3546343826724305832"],
      ["beyond", "9223372036854775808"],
      ["odd", "1e30"],
    ] as const)
      await world.api.resource(replicaSets).create({
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          ...{ name, namespace: "default", labels: { app: "web" } },
          annotations: { "deployment.kubernetes.io/revision": revision },
        },
        spec: { replicas: 0, selector: { matchLabels: { app: "web" } }, template: template(name) },
      });
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(1, "a"));
    await world.settle();
    const made = await world.api.resource(deployments).get({ namespace: "default", name: "web" });
    expect(made.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("3546343826724305833");
    await manager.stop();
  });

  it("asks less and less often for pods that are refused", async () => {
    const world = createWorld(9);
    let refused = 0;
    world.api.faults.beforeWrite = (verb, { resource }, object) => {
      if (verb !== "create" || resource !== "pods") return;
      refused++;
      throw new StatusError(statuses.forbidden({ group: "", resource: "pods" }, object, "exceeded quota"));
    };
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(2_000_000, "a"));
    await world.settle(120);
    expect(world.api.all(replicaSets)[0]?.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      "ReplicaFailure FailedCreate",
    ]);
    expect(refused).toBeGreaterThan(5);
    expect(refused).toBeLessThan(25);
    await manager.stop();
  });

  it("says in its conditions that no replica set can be made for it, and goes on when one can", async () => {
    const world = createWorld(21);
    let refuses = true;
    world.api.faults.beforeWrite = (verb, { resource, group }, object) => {
      if (refuses && verb === "create" && resource === "replicasets")
        throw new StatusError(statuses.forbidden({ group, resource }, object, "exceeded quota: few"));
    };
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(1, "a"));
    await world.settle(10);
    const progress = async () => {
      const { status } = await world.api.resource(deployments).get({ namespace: "default", name: "web" });
      return status?.conditions?.find(({ type }) => type === "Progressing");
    };
    expect(await progress()).toMatchObject({
      status: "False",
      reason: "ReplicaSetCreateError",
      message: expect.stringMatching(/^Failed to create new replica set "web-\w+": .*exceeded quota: few/),
    });
    refuses = false;
    await world.settle(120);
    expect(await progress()).toMatchObject({ status: "True", reason: "NewReplicaSetAvailable" });
    await manager.stop();
  });

  it("rolls back to an earlier replica set when its template comes back", async () => {
    const world = createWorld(2);
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(2, "a"));
    await world.settle();
    for (const image of ["b", "a"]) {
      const { resourceVersion: _, ...now } = (
        await world.api.resource(deployments).get({ namespace: "default", name: "web" })
      ).metadata;
      await world.api.resource(deployments).update({ ...deployment(2, image), metadata: now });
      await world.settle();
    }
    const sets = world.api.all(replicaSets).map((set) => ({
      image: set.spec?.template?.spec?.containers[0]?.image,
      replicas: set.spec?.replicas,
      revision: set.metadata.annotations?.["deployment.kubernetes.io/revision"],
    }));
    expect(sets).toEqual([
      { image: "a", replicas: 2, revision: "3" },
      { image: "b", replicas: 0, revision: "2" },
    ]);
    await manager.stop();
  });

  it("says that it misses its deadline when pods do not become ready", async () => {
    const world = createWorld(3);
    world.agent = () => undefined;
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(1, "a"));
    await world.settle(660);
    const { status } = await world.api.resource(deployments).get({ namespace: "default", name: "web" });
    expect(status?.conditions?.find(({ type }) => type === "Progressing")).toMatchObject({
      status: "False",
      reason: "ProgressDeadlineExceeded",
    });
    await manager.stop();
  });

  it("ends all old pods before it begins new ones when it recreates", async () => {
    const world = createWorld(4);
    const manager = world.start(createDeploymentController, createReplicaSetController);
    await world.api.resource(deployments).create(deployment(3, "a", { type: "Recreate" }));
    await world.settle();
    const { resourceVersion: _, ...metadata } = (
      await world.api.resource(deployments).get({ namespace: "default", name: "web" })
    ).metadata;
    await world.api.resource(deployments).update({ ...deployment(3, "b", { type: "Recreate" }), metadata });
    let mixed = false;
    await world.settle(
      30,
      () => (mixed ||= new Set(world.activePods().map((pod) => pod.spec?.containers[0]?.image)).size > 1),
    );
    expect(mixed).toBe(false);
    expect(world.activePods().map((pod) => pod.spec?.containers[0]?.image)).toEqual(["b", "b", "b"]);
    await manager.stop();
  });

  it("never has more than replicas + surge pods nor gives up too many, whatever the watches and the process suffer", async () => {
    const run = fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 3, max: 60 }),
      async (seed, replicas, maxSurge, maxUnavailable, killAfter) => {
        const world = createWorld(seed);
        const strategy = { type: "RollingUpdate" as const, rollingUpdate: { maxSurge, maxUnavailable } };
        Object.assign(world.api.faults, { repeat: 0.1, drop: 0.05, delayMs: seed % 700 });
        let most = 0;
        let manager = world.start(createDeploymentController, createReplicaSetController);
        const look = (): void => void (most = Math.max(most, world.activePods().length));
        await world.api.resource(deployments).create(deployment(replicas, "a", strategy));
        await world.settle(60, look);
        // The process dies after some write, carried out or not, and a new one goes on.
        let writes = 0;
        world.api.faults.afterWrite = (verb, { resource }) => {
          const byAgent = resource === "pods" && verb === "update/status";
          if (!byAgent && ++writes === killAfter) throw new Error("killed");
        };
        const { resourceVersion: _, ...metadata } = (
          await world.api.resource(deployments).get({ namespace: "default", name: "web" })
        ).metadata;
        await world.api.resource(deployments).update({ ...deployment(replicas, "b", strategy), metadata });
        await world.settle(5, look);
        await manager.stop();
        world.api.loseHistory();
        manager = world.start(createDeploymentController, createReplicaSetController);
        await world.settle(120, look);
        await manager.stop();
        const surge = maxSurge === 0 && maxUnavailable === 0 ? 0 : maxSurge;
        expect(most).toBeLessThanOrEqual(replicas + surge);
        expect(world.activePods().map((pod) => pod.spec?.containers[0]?.image)).toEqual(
          Array.from({ length: replicas }, () => "b"),
        );
      },
    );
    await fc.assert(run, { numRuns: 15 });
  }, 60_000);
});
