// Deployments, ReplicaSets and a pretended node agent over an API server in memory: whole rollouts, with faults.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deployments, replicaSets } from "@coxswain/api/apps/v1";
import type { Deployment } from "@coxswain/api/apps/v1";
import { pods } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { rfc3339 } from "@coxswain/clock";
import { createFakeApi, silentLog } from "@coxswain/controller/testing";
import { createRecorders } from "../../loop/controller.ts";
import { createSharedInformers } from "../../loop/informers.ts";
import { isActive } from "../../pods/state.ts";
import { createReplicaSetController } from "../replica-set/controller.ts";
import { createDeploymentController } from "./controller.ts";

function deployment(replicas: number, image: string, strategy?: NonNullable<Deployment["spec"]>["strategy"]): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image }] } },
      strategy: strategy ?? { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      progressDeadlineSeconds: 600,
    },
  };
}

function createWorld(seed: number) {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const api = createFakeApi({ clock, random });
  const stop = new AbortController();
  const agent = { works: true };
  /** Makes every pod that is not ready so, as a node agent would. */
  const runPods = async (): Promise<void> => {
    for (const pod of agent.works ? api.all(pods).filter((one) => one.status?.phase === undefined) : []) {
      const status: Pod["status"] = { phase: "Running", conditions: [{ type: "Ready", status: "True", lastTransitionTime: rfc3339(clock.now()) }] };
      await api.resource(pods).update({ ...pod, status }, { subresource: "status" });
    }
  };
  const startManager = (): { stop: () => Promise<void> } => {
    const ending = new AbortController();
    const shared = { client: api.client, clock, random, log: silentLog };
    const informers = createSharedInformers(api.client, shared);
    const ports = { ...shared, informers, events: createRecorders(shared) };
    const work = [createDeploymentController(ports), createReplicaSetController(ports)].map((controller) => controller.run(ending.signal));
    work.push(informers.run(ending.signal));
    return {
      stop: async () => {
        ending.abort();
        await clock.advance(0);
        await Promise.all(work);
      },
    };
  };
  const settle = async (seconds = 30, each: () => void = () => {}): Promise<void> => {
    for (let step = 0; step < seconds * 2; step++) {
      await clock.advance(500);
      await runPods();
      each();
    }
  };
  return { clock, api, agent, stop, startManager, settle, deploymentClient: api.resource(deployments) };
}

const activePods = (api: ReturnType<typeof createFakeApi>): Pod[] => api.all(pods).filter(isActive);

describe("a Deployment", () => {
  it("makes one replica set and its pods, and says so", async () => {
    const world = createWorld(1);
    const manager = world.startManager();
    await world.deploymentClient.create(deployment(3, "a"));
    await world.settle();
    const made = await world.deploymentClient.get({ namespace: "default", name: "web" });
    expect(activePods(world.api)).toHaveLength(3);
    expect(world.api.all(replicaSets).map((set) => set.metadata.labels?.["pod-template-hash"])).toHaveLength(1);
    expect(made.metadata.annotations?.["deployment.kubernetes.io/revision"]).toBe("1");
    expect(made.status).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, unavailableReplicas: 0 });
    expect(made.status?.conditions?.map(({ type, status, reason }) => ({ type, status, reason }))).toEqual([
      { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
    ]);
    await manager.stop();
  });

  it("rolls back to an earlier replica set when its template comes back", async () => {
    const world = createWorld(2);
    const manager = world.startManager();
    await world.deploymentClient.create(deployment(2, "a"));
    await world.settle();
    for (const image of ["b", "a"]) {
      const { resourceVersion: _, ...now } = (await world.deploymentClient.get({ namespace: "default", name: "web" })).metadata;
      await world.deploymentClient.update({ ...deployment(2, image), metadata: now });
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
    world.agent.works = false;
    const manager = world.startManager();
    await world.deploymentClient.create(deployment(1, "a"));
    await world.settle(660);
    const { status } = await world.deploymentClient.get({ namespace: "default", name: "web" });
    expect(status?.conditions?.find(({ type }) => type === "Progressing")).toMatchObject({ status: "False", reason: "ProgressDeadlineExceeded" });
    await manager.stop();
  });

  it("ends all old pods before it begins new ones when it recreates", async () => {
    const world = createWorld(4);
    const manager = world.startManager();
    await world.deploymentClient.create(deployment(3, "a", { type: "Recreate" }));
    await world.settle();
    const { resourceVersion: _, ...metadata } = (await world.deploymentClient.get({ namespace: "default", name: "web" })).metadata;
    await world.deploymentClient.update({ ...deployment(3, "b", { type: "Recreate" }), metadata });
    let mixed = false;
    await world.settle(30, () => (mixed ||= new Set(activePods(world.api).map((pod) => pod.spec?.containers[0]?.image)).size > 1));
    expect(mixed).toBe(false);
    expect(activePods(world.api).map((pod) => pod.spec?.containers[0]?.image)).toEqual(["b", "b", "b"]);
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
        let manager = world.startManager();
        const look = (): void => void (most = Math.max(most, activePods(world.api).length));
        await world.deploymentClient.create(deployment(replicas, "a", strategy));
        await world.settle(60, look);
        // The process dies after some write, carried out or not, and a new one goes on.
        let writes = 0;
        world.api.faults.afterWrite = (verb, { resource }) => {
          const byAgent = resource === "pods" && verb === "update/status";
          if (!byAgent && ++writes === killAfter) throw new Error("killed");
        };
        const { resourceVersion: _, ...metadata } = (await world.deploymentClient.get({ namespace: "default", name: "web" })).metadata;
        await world.deploymentClient.update({ ...deployment(replicas, "b", strategy), metadata });
        await world.settle(5, look);
        await manager.stop();
        world.api.loseHistory();
        manager = world.startManager();
        await world.settle(120, look);
        await manager.stop();
        const surge = maxSurge === 0 && maxUnavailable === 0 ? 0 : maxSurge;
        expect(most).toBeLessThanOrEqual(replicas + surge);
        expect(activePods(world.api).map((pod) => pod.spec?.containers[0]?.image)).toEqual(Array.from({ length: replicas }, () => "b"));
      },
    );
    await fc.assert(run, { numRuns: 15 });
  }, 60_000);
});
