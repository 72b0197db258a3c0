// DaemonSets over an API server in memory.
import { describe, expect, it } from "vitest";
import { controllerRevisions, daemonSets } from "@coxswain/api/apps/v1";
import type { DaemonSet } from "@coxswain/api/apps/v1";
import { events, nodes, pods } from "@coxswain/api/core/v1";
import { createWorld, readyStatus, testNode } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createDaemonSetController } from "./controller.ts";
import { nodeOf } from "./plan.ts";

const daemonSet = (image: string, parts: Partial<NonNullable<DaemonSet["spec"]>> = {}): DaemonSet => ({
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: {
    name: "agent",
    namespace: "default",
    annotations: { "deprecated.daemonset.template.generation": "3" },
  },
  spec: {
    selector: { matchLabels: { app: "agent" } },
    template: { metadata: { labels: { app: "agent" } }, spec: { containers: [{ name: "agent", image }] } },
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    ...parts,
  },
});

async function clusterOf(world: World, names: readonly string[]): Promise<void> {
  for (const name of names) await world.api.resource(nodes).create(testNode(name));
}
const placement = (world: World): readonly string[] =>
  world
    .activePods()
    .map((pod) => `${nodeOf(pod)} ${pod.spec?.containers[0]?.image}`)
    .sort();

describe("a DaemonSet", () => {
  it("has one pod on every node that it may run on, and on those that come later", async () => {
    const world = createWorld(1);
    await clusterOf(world, ["a", "b"]);
    await world.api
      .resource(nodes)
      .create(testNode("tainted", { spec: { taints: [{ key: "only", value: "db", effect: "NoSchedule" }] } }));
    const manager = world.start(createDaemonSetController);
    await world.api.resource(daemonSets).create(daemonSet("1"));
    await world.settle(5);
    await clusterOf(world, ["c"]);
    await world.settle(5);
    expect(placement(world)).toEqual(["a 1", "b 1", "c 1"]);
    expect(world.activePods()[0]?.metadata.labels).toEqual({
      app: "agent",
      "controller-revision-hash": expect.stringMatching(/./),
      "pod-template-generation": "3",
    });
    const { status } = await world.api.resource(daemonSets).get({ namespace: "default", name: "agent" });
    expect(status).toMatchObject({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberReady: 3,
      numberAvailable: 3,
      updatedNumberScheduled: 3,
      numberMisscheduled: 0,
    });
    await manager.stop();
  });

  it("is updated node by node, with never more than one away", async () => {
    const world = createWorld(2, { graceful: true });
    await clusterOf(world, ["a", "b", "c"]);
    const manager = world.start(createDaemonSetController);
    const client = world.api.resource(daemonSets);
    await client.create(daemonSet("1"));
    await world.settle(5);
    const { resourceVersion: _, ...metadata } = (await client.get({ namespace: "default", name: "agent" })).metadata;
    await client.update({ ...daemonSet("2"), metadata });
    let fewest = 3;
    await world.settle(30, () => (fewest = Math.min(fewest, world.activePods().length)));
    expect(placement(world)).toEqual(["a 2", "b 2", "c 2"]);
    expect(fewest).toBeGreaterThanOrEqual(2);
    // As the texts of Kubernetes, which kubectl compares with its own.
    expect(world.api.all(controllerRevisions).map(({ data }) => JSON.stringify(data))).toEqual(
      ["1", "2"].map(
        (image) =>
          `{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"agent"}},"spec":{"containers":[{"image":"${image}","name":"agent"}]}}}}`,
      ),
    );
    await manager.stop();
  });

  it("begins the new pod before the old one goes when it may surge", async () => {
    const world = createWorld(3, { graceful: true });
    await clusterOf(world, ["a", "b"]);
    const manager = world.start(createDaemonSetController);
    const client = world.api.resource(daemonSets);
    const strategy = {
      updateStrategy: { type: "RollingUpdate" as const, rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    };
    await client.create(daemonSet("1", strategy));
    await world.settle(5);
    const { resourceVersion: _, ...metadata } = (await client.get({ namespace: "default", name: "agent" })).metadata;
    await client.update({ ...daemonSet("2", strategy), metadata });
    const sizes = new Set<number>();
    await world.settle(30, () => sizes.add(world.activePods().length));
    expect(placement(world)).toEqual(["a 2", "b 2"]);
    expect([...sizes].sort()).toEqual([2, 3]);
    await manager.stop();
  });

  it("replaces a failed pod, later each time", async () => {
    const world = createWorld(4);
    await clusterOf(world, ["a"]);
    world.agent = () => ({ phase: "Failed" });
    const manager = world.start(createDaemonSetController);
    await world.api.resource(daemonSets).create(daemonSet("1"));
    await world.settle(30);
    const creations = world.api.writes.filter((write) => write.startsWith("create pods")).length;
    expect(creations).toBeGreaterThanOrEqual(4);
    expect(creations).toBeLessThanOrEqual(8);
    expect(world.api.all(pods).length).toBeLessThanOrEqual(1);
    await manager.stop();
  });

  it("replaces a pod that has ended well, and says so", async () => {
    const world = createWorld(5);
    await clusterOf(world, ["a"]);
    world.agent = () => ({ phase: "Succeeded" });
    const manager = world.start(createDaemonSetController);
    await world.api.resource(daemonSets).create(daemonSet("1"));
    await world.settle(1);
    world.agent = () => readyStatus(world.now());
    await world.settle(5);
    expect(world.activePods()).toHaveLength(1);
    expect(world.api.all(events).map(({ reason, message }) => `${reason}: ${message}`)).toContainEqual(
      expect.stringMatching(
        /^SucceededDaemonPod: Found succeeded daemon pod default\/agent-\w+ on node a?, will try to delete it$/,
      ),
    );
    await manager.stop();
  });
});
