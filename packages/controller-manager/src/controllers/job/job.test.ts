// Jobs over an API server in memory: every pod counts once, whatever happens between the writes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jobs } from "@coxswain/api/batch/v1";
import type { Job } from "@coxswain/api/batch/v1";
import { pods } from "@coxswain/api/core/v1";
import { createWorld } from "../../../testing/world.ts";
import { createJobController } from "./controller.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";

function job(spec: Partial<NonNullable<Job["spec"]>>): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "sum", namespace: "default" },
    spec: {
      parallelism: 2,
      completions: 5,
      backoffLimit: 6,
      completionMode: "NonIndexed",
      selector: { matchLabels: { "job-name": "sum" } },
      template: {
        metadata: { labels: { "job-name": "sum" } },
        spec: { containers: [{ name: "sum", image: "sum" }], restartPolicy: "Never" },
      },
      ...spec,
    },
  };
}
const tracking = "batch.kubernetes.io/job-tracking";
const ref = { namespace: "default", name: "sum" };

describe("a Job", () => {
  it("completes when enough pods have succeeded, and lets their finalizers go", async () => {
    const world = createWorld(1);
    world.agent = () => ({ phase: "Succeeded" });
    const manager = world.start(createJobController);
    await world.api.resource(jobs).create(job({}));
    await world.settle(60);
    const { status } = await world.api.resource(jobs).get(ref);
    expect(status).toMatchObject({ succeeded: 5, failed: 0, active: 0, uncountedTerminatedPods: {} });
    expect(status?.conditions?.map(({ type }) => type)).toEqual(["SuccessCriteriaMet", "Complete"]);
    expect(world.api.all(pods).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
    await manager.stop();
  });

  it("gives each index to one pod at a time and names the completed ones", async () => {
    const world = createWorld(2);
    world.agent = () => ({ phase: "Succeeded" });
    const manager = world.start(createJobController);
    await world.api.resource(jobs).create(job({ completionMode: "Indexed", completions: 4, parallelism: 3 }));
    await world.settle(60);
    const { status } = await world.api.resource(jobs).get(ref);
    expect(status).toMatchObject({ succeeded: 4, completedIndexes: "0-3" });
    expect(
      world.api
        .all(pods)
        .map((pod) => pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"])
        .sort(),
    ).toEqual(["0", "1", "2", "3"]);
    await manager.stop();
  });

  it("fails after its back-off limit, each retry later than the one before", async () => {
    const world = createWorld(3);
    world.agent = () => ({ phase: "Failed" });
    const manager = world.start(createJobController);
    await world.api.resource(jobs).create(job({ backoffLimit: 2, parallelism: 1, completions: 1 }));
    await world.settle(5);
    expect(world.api.all(pods)).toHaveLength(1);
    await world.settle(120);
    const { status } = await world.api.resource(jobs).get(ref);
    expect(status).toMatchObject({ failed: 3, succeeded: 0 });
    expect(status?.conditions?.map(({ type, reason }) => ({ type, reason }))).toEqual([
      { type: "FailureTarget", reason: "BackoffLimitExceeded" },
      { type: "Failed", reason: "BackoffLimitExceeded" },
    ]);
    await manager.stop();
  });

  it("stops its pods while it is suspended and goes on afterwards", async () => {
    const world = createWorld(4);
    const manager = world.start(createJobController);
    await world.api.resource(jobs).create(job({}));
    await world.settle(5);
    expect(world.activePods()).toHaveLength(2);
    await world.api.resource(jobs).patch(ref, { spec: { suspend: true } }, { type: "merge" });
    await world.settle(5);
    expect(world.activePods()).toHaveLength(0);
    world.agent = () => ({ phase: "Succeeded" });
    await world.api.resource(jobs).patch(ref, { spec: { suspend: false } }, { type: "merge" });
    await world.settle(60);
    expect((await world.api.resource(jobs).get(ref)).status).toMatchObject({ succeeded: 5 });
    await manager.stop();
  });

  it("limits the failures of each index by itself, and fails when the last of them has had its chances", async () => {
    const world = createWorld(5);
    // Index 1 never works; index 2 works at its second try.
    world.agent = ({ metadata }) => {
      const index = metadata.annotations?.["batch.kubernetes.io/job-completion-index"];
      const tries = metadata.annotations?.["batch.kubernetes.io/job-index-failure-count"];
      return { phase: index === "1" || (index === "2" && tries === "0") ? "Failed" : "Succeeded" };
    };
    const manager = world.start(createJobController);
    const spec = { completionMode: "Indexed", completions: 4, parallelism: 4, backoffLimitPerIndex: 1 } as const;
    await world.api.resource(jobs).create(job({ ...spec, backoffLimit: 2 ** 31 - 1 }));
    await world.settle(5);
    expect(world.api.all(pods)).toHaveLength(4); // each waits for its next try
    await world.settle(60);
    const { status } = await world.api.resource(jobs).get(ref);
    expect(status).toMatchObject({ completedIndexes: "0,2,3", failedIndexes: "1", succeeded: 3, failed: 3 });
    expect(status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      "FailureTarget FailedIndexes",
      "Failed FailedIndexes",
    ]);
    expect(world.api.all(pods).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
    await manager.stop();
  });

  it("ends at once when more indexes fail than may", async () => {
    const world = createWorld(6);
    world.agent = ({ metadata }) =>
      metadata.annotations?.["batch.kubernetes.io/job-completion-index"] === "0"
        ? { phase: "Failed" }
        : { phase: "Running" };
    const manager = world.start(createJobController);
    const spec = { completionMode: "Indexed", completions: 9, parallelism: 3, backoffLimitPerIndex: 0 } as const;
    await world.api.resource(jobs).create(job({ ...spec, backoffLimit: 2 ** 31 - 1, maxFailedIndexes: 0 }));
    await world.settle(30);
    const { status } = await world.api.resource(jobs).get(ref);
    expect(status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      "FailureTarget MaxFailedIndexesExceeded",
      "Failed MaxFailedIndexesExceeded",
    ]);
    expect(world.activePods()).toEqual([]);
    await manager.stop();
  });

  it("succeeds by the rule of its success policy that is met, and stops the rest", async () => {
    const world = createWorld(7);
    world.agent = ({ metadata }) =>
      Number(metadata.annotations?.["batch.kubernetes.io/job-completion-index"]) < 2
        ? { phase: "Succeeded" }
        : { phase: "Running" };
    const manager = world.start(createJobController);
    const successPolicy = { rules: [{ succeededIndexes: "3" }, { succeededIndexes: "0-2", succeededCount: 2 }] };
    await world.api
      .resource(jobs)
      .create(job({ completionMode: "Indexed", completions: 4, parallelism: 4, successPolicy }));
    await world.settle(30);
    const { status } = await world.api.resource(jobs).get(ref);
    expect(status?.conditions?.map(({ type, message }) => `${type}: ${message}`)).toEqual([
      "SuccessCriteriaMet: Matched rules at index 1",
      "Complete: Matched rules at index 1",
    ]);
    expect(world.activePods()).toEqual([]);
    await manager.stop();
  });

  it("replaces a pod on its way out at once, or only when it has ended if told so", async () => {
    for (const [podReplacementPolicy, expected] of [
      ["TerminatingOrFailed", { active: 1, terminating: 1 }],
      ["Failed", { active: 0, terminating: 1 }],
    ] as const) {
      const world = createWorld(8, { graceful: true });
      const manager = world.start(createJobController);
      world.agent = () => ({ phase: "Running" });
      await world.api.resource(jobs).create(job({ parallelism: 1, completions: 1, podReplacementPolicy }));
      await world.settle(3);
      const [first] = world.api.all(pods);
      const name = { namespace: "default", name: first?.metadata.name ?? "" };
      await world.api.resource(pods).patch(name, { spec: { nodeName: "a" } }, { type: "merge" });
      await world.api
        .resource(pods)
        .patch(
          name,
          { metadata: { finalizers: [...(first?.metadata.finalizers ?? []), "test/hold"] } },
          { type: "merge" },
        );
      await world.api.resource(pods).delete(name, { gracePeriodSeconds: 0 });
      await world.clock.advance(30_000);
      expect((await world.api.resource(jobs).get(ref)).status).toMatchObject(expected);
      await manager.stop();
    }
  });

  it("gives up on pods whose containers start again too often", async () => {
    const world = createWorld(9);
    const manager = world.start(createJobController);
    world.agent = () => ({
      phase: "Running",
      containerStatuses: [{ name: "sum", restartCount: 3, image: "sum", imageID: "", ready: false }],
    });
    const base = job({ backoffLimit: 3, parallelism: 1, completions: 1 });
    const template = {
      ...base.spec?.template,
      spec: { containers: [{ name: "sum", image: "sum" }], restartPolicy: "OnFailure" as const },
    };
    await world.api.resource(jobs).create(job({ backoffLimit: 3, parallelism: 1, completions: 1, template }));
    await world.settle(10);
    expect((await world.api.resource(jobs).get(ref)).status?.conditions?.map(({ reason }) => reason)).toEqual([
      "BackoffLimitExceeded",
      "BackoffLimitExceeded",
    ]);
    await manager.stop();
  });

  it("loses no failure of an index, wherever the process is killed", async () => {
    const run = fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 60 }),
      async (seed, killAfter) => {
        const world = createWorld(seed);
        Object.assign(world.api.faults, { repeat: 0.1, drop: 0.05, delayMs: seed % 400 });
        world.agent = ({ metadata }) => ({
          phase: metadata.annotations?.["batch.kubernetes.io/job-completion-index"] === "1" ? "Failed" : "Succeeded",
        });
        let writes = 0;
        let manager = world.start(createJobController);
        const spec = { completionMode: "Indexed", completions: 3, parallelism: 3, backoffLimitPerIndex: 2 } as const;
        await world.api.resource(jobs).create(job({ ...spec, backoffLimit: 2 ** 31 - 1 }));
        world.api.faults.afterWrite = (verb, { resource }) => {
          if (!(resource === "pods" && verb === "update/status") && ++writes === killAfter) throw new Error("killed");
        };
        await world.settle(15);
        await manager.stop();
        manager = world.start(createJobController);
        await world.settle(100);
        await manager.stop();
        const { status } = await world.api.resource(jobs).get(ref);
        expect(status).toMatchObject({ succeeded: 2, failed: 3, completedIndexes: "0,2", failedIndexes: "1" });
      },
    );
    await fc.assert(run, { numRuns: 10 });
  }, 60_000);

  it("lets go what it does not count: pods that match no more, and all of them when it has gone", async () => {
    const world = createWorld(1);
    const manager = world.start(createJobController);
    const podClient = world.api.resource(pods);
    await world.api.resource(jobs).create(job({ completions: 2 }));
    await world.settle(3);
    const [first, second] = world.api.all(pods);
    expect([first, second].map((pod) => pod?.metadata.finalizers)).toEqual([[tracking], [tracking]]);
    const name = first?.metadata.name ?? "";
    await podClient.patch({ namespace: "default", name }, { metadata: { labels: null } }, { type: "merge" });
    await world.settle(3);
    const { finalizers, ownerReferences } = (await podClient.get({ namespace: "default", name })).metadata;
    expect([finalizers, ownerReferences]).toEqual([undefined, undefined]);
    await world.api.resource(jobs).delete(ref);
    for (const pod of world.api.all(pods))
      await podClient.delete({ namespace: "default", name: pod.metadata.name }, { gracePeriodSeconds: 0 });
    await world.settle(3);
    await manager.stop();
    expect(world.api.all(pods)).toEqual([]);
  });

  it("takes in a pod that matches, and counts it", async () => {
    const world = createWorld(1);
    const manager = world.start(createJobController);
    const podClient = world.api.resource(pods);
    await world.api.resource(jobs).create(job({ completions: 2 }));
    await world.settle(3);
    const name = world.api.all(pods)[0]?.metadata.name ?? "";
    await podClient.patch({ namespace: "default", name }, { metadata: { ownerReferences: null } }, { type: "merge" });
    await world.settle(3);
    const { finalizers, ownerReferences } = (await podClient.get({ namespace: "default", name })).metadata;
    await manager.stop();
    expect([finalizers, ownerReferences?.map((owner) => owner.name)]).toEqual([[tracking], ["sum"]]);
  });

  it("counts every pod exactly once, wherever the process is killed", async () => {
    const run = fc.asyncProperty(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 40 }),
      async (seed, killAfter) => {
        const world = createWorld(seed);
        Object.assign(world.api.faults, { repeat: 0.1, drop: 0.05, delayMs: seed % 400 });
        world.agent = () => ({ phase: "Succeeded" });
        let writes = 0;
        let manager = world.start(createJobController);
        const client = world.api.resource(jobs);
        await client.create(job({ completions: 6, parallelism: 3 }));
        world.api.faults.afterWrite = (verb, { resource }) => {
          if (!(resource === "pods" && verb === "update/status") && ++writes === killAfter) throw new Error("killed");
        };
        await world.settle(3);
        await manager.stop();
        manager = world.start(createJobController);
        await world.settle(60);
        await manager.stop();
        expect((await client.get(ref)).status).toMatchObject({ succeeded: 6, failed: 0 });
        expect(world.api.all(pods).filter((pod) => pod.status?.phase === "Succeeded")).toHaveLength(6);
      },
    );
    await fc.assert(run, { numRuns: 15 });
  }, 60_000);
});

it("completion indexes are written as ranges and read back", () => {
  expect(formatIndexes([0, 1, 2, 4, 7, 8])).toBe("0-2,4,7,8");
  const check = fc.property(fc.uniqueArray(fc.nat(60)), (indexes) => {
    expect(new Set(parseIndexes(formatIndexes(indexes)))).toEqual(new Set(indexes));
  });
  fc.assert(check);
});
