import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bindings, events, nodes, pods } from "@coxswain/api/core/v1";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { apiNode, apiPod, createWorld, freeCpu, startWorld } from "../testing/world.ts";
import { podRequests } from "./core/resources.ts";

const leaderElection = {
  lease: { namespace: "kube-system", name: "kube-scheduler" },
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

describe("the scheduler", () => {
  test("binds a pod to the node that fits, by the binding subresource, and says so in an event", async () => {
    const { api, clock, scheduler } = await startWorld();
    await api.resource(nodes).create(apiNode("small", "1"));
    await api.resource(nodes).create(apiNode("big", "4"));
    await clock.advance(100);
    await api.resource(pods).create(apiPod("web", "2"));
    await clock.advance(2000);
    expect(api.all(pods).map(({ spec }) => spec?.nodeName)).toEqual(["big"]);
    expect(api.all(events).map(({ type, reason, message }) => ({ type, reason, message }))).toEqual([
      { type: "Normal", reason: "Scheduled", message: "Successfully assigned default/web to big" },
    ]);
    expect(api.all(bindings)).toEqual([]);
    await scheduler.stop();
  });

  test("says why a pod is pending in its condition and an event, and binds it when a node comes that fits", async () => {
    const { api, clock, scheduler } = await startWorld();
    await api.resource(nodes).create(apiNode("small", "1"));
    await api.resource(pods).create(apiPod("web", "2"));
    await clock.advance(2000);
    const message =
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    expect(api.all(pods)[0]?.status?.conditions).toEqual([
      {
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message,
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
    expect(api.all(events).map(({ type, reason, message: text }) => ({ type, reason, text }))).toEqual([
      { type: "Warning", reason: "FailedScheduling", text: message },
    ]);
    await api.resource(nodes).create(apiNode("big", "4"));
    await clock.advance(2000);
    expect(api.all(pods)[0]?.spec?.nodeName).toBe("big");
    await scheduler.stop();
  });

  test("leaves other schedulers' pods alone", async () => {
    const { api, clock, scheduler } = await startWorld();
    await api.resource(nodes).create(apiNode("big", "4"));
    await api.resource(pods).create(apiPod("theirs", "1", { schedulerName: "other" }));
    await clock.advance(2000);
    expect(api.all(pods)[0]?.spec?.nodeName).toBeUndefined();
    await scheduler.stop();
  });

  test("places the same pods on the same nodes from the same seed", async () => {
    const placed = async (seed: number): Promise<readonly (string | undefined)[]> => {
      const { api, clock, scheduler } = await startWorld({ seed });
      for (let i = 0; i < 5; i++) await api.resource(nodes).create(apiNode(`n${i}`, "8"));
      for (let i = 0; i < 12; i++) await api.resource(pods).create(apiPod(`p${i}`, "500m"));
      await clock.advance(5000);
      await scheduler.stop();
      return api.all(pods).map(({ spec }) => spec?.nodeName);
    };
    const first = await placed(7);
    expect(first).not.toContain(undefined);
    expect(await placed(7)).toEqual(first);
  });

  test("takes less important pods away, keeps the room for the one it was made for, and says so to both", async () => {
    const { api, clock, scheduler } = await startWorld({ graceful: true });
    await api.resource(nodes).create(apiNode("n", "4"));
    await api.resource(pods).create(apiPod("low", "3"));
    await clock.advance(1000);
    await api.resource(pods).create(apiPod("vip", "3", { priority: 10 }));
    await clock.advance(1000);
    const shown = (): readonly unknown[] =>
      api.all(pods).map(({ metadata, spec, status }) => ({
        name: metadata.name,
        node: spec?.nodeName,
        nominated: status?.nominatedNodeName,
        leaving: metadata.deletionTimestamp !== undefined,
      }));
    expect(shown()).toEqual([
      { name: "low", node: "n", nominated: undefined, leaving: true },
      { name: "vip", node: undefined, nominated: "n", leaving: false },
    ]);
    expect(api.all(pods)[0]?.status?.conditions).toMatchObject([
      { type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" },
    ]);
    // The room that is left is not given to one that matters less, not even what comes free.
    await api.resource(pods).create(apiPod("greedy", "2"));
    await clock.advance(1000);
    api.remove(pods, "default/low");
    await clock.advance(1000);
    expect(shown()).toEqual([
      { name: "vip", node: "n", nominated: "n", leaving: false },
      { name: "greedy", node: undefined, nominated: undefined, leaving: false },
    ]);
    const said = api.all(events).map(({ involvedObject, reason }) => `${involvedObject.name} ${reason}`);
    expect(said).toEqual(expect.arrayContaining(["low Preempted", "vip Scheduled", "greedy FailedScheduling"]));
    await scheduler.stop();
  });

  test("tries a preemption again when a victim cannot be deleted", async () => {
    const { api, clock, scheduler } = await startWorld();
    await api.resource(nodes).create(apiNode("n", "4"));
    await api.resource(pods).create(apiPod("low", "3"));
    await clock.advance(1000);
    let refusals = 0;
    api.faults.beforeWrite = (verb, { resource }) => {
      if (verb === "delete" && resource === "pods" && refusals++ < 2) throw new Error("the store is on fire");
    };
    await api.resource(pods).create(apiPod("vip", "3", { priority: 10 }));
    await clock.advance(30_000);
    expect(api.all(pods).map(({ metadata, spec }) => [metadata.name, spec?.nodeName])).toEqual([["vip", "n"]]);
    expect(refusals).toBe(3);
    await scheduler.stop();
  });

  test("lets thousands of pods wait that fit nowhere, without trying them over and over or telling of each again", async () => {
    const { api, clock, scheduler, metrics } = await startWorld();
    await api.resource(nodes).create(apiNode("n", "1"));
    for (let i = 0; i < 2000; i++) await api.resource(pods).create(apiPod(`p${i}`, "64"));
    await clock.advance(1000);
    // Nodes that beat, pods that come and go: nothing that could help the waiting ones.
    for (let i = 0; i < 15; i++) {
      await api.resource(nodes).update({ ...apiNode("n", "1", { beat: "same" }), status: { phase: `${i}` } } as never);
      await api.resource(pods).create(apiPod(`small-${i}`, "10m"));
      await clock.advance(1000);
    }
    const attempts = /scheduler_schedule_attempts_total\{result="unschedulable".*\} (\d+)/.exec(await metrics.expose());
    expect(Number(attempts?.[1])).toBe(2000);
    expect(api.writes.filter((write) => write.startsWith("create events")).length).toBeLessThan(2100);
    await scheduler.stop();
  });

  test("finds no node for a pod that contradicts itself, and says so", async () => {
    const { api, clock, scheduler } = await startWorld();
    await api.resource(nodes).create(apiNode("n", "4", { app: "x" }));
    const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "self" } } };
    const both = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
    const torn = apiPod("torn", "1", { affinity: { podAffinity: both, podAntiAffinity: both } });
    await api.resource(pods).create({ ...torn, metadata: { ...torn.metadata, labels: { app: "self" } } });
    await api.resource(pods).create({
      ...apiPod("torn-2", "1", { affinity: { podAffinity: both, podAntiAffinity: both } }),
      metadata: { name: "torn-2", namespace: "default", labels: { app: "self" } },
    });
    await clock.advance(20_000);
    const [first, second] = api.all(pods);
    expect(first?.spec?.nodeName).toBe("n");
    expect(second?.status?.conditions?.[0]?.message).toContain("node(s) didn't match pod anti-affinity rules");
    await scheduler.stop();
  });

  test("survives a pod whose selector is none, and schedules the others", async () => {
    const { api, clock, scheduler } = await startWorld();
    await api.resource(nodes).create(apiNode("n", "4"));
    const term = {
      topologyKey: "kubernetes.io/hostname",
      labelSelector: { matchExpressions: [{ key: "a", operator: "Near" as never, values: ["b"] }] },
    };
    const odd = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
    await api.resource(pods).create(apiPod("odd", "1", { affinity: odd }));
    await api.resource(pods).create(apiPod("plain", "1"));
    await clock.advance(5000);
    expect(api.all(pods).map(({ spec }) => spec?.nodeName)).toEqual([undefined, "n"]);
    expect(api.all(pods)[0]?.status?.conditions?.[0]).toMatchObject({ reason: "SchedulerError" });
    await scheduler.stop();
  });

  test("follows nodes that flap", async () => {
    const { api, clock, scheduler } = await startWorld();
    for (let i = 0; i < 12; i++) await api.resource(pods).create(apiPod(`p${i}`, "1"));
    for (let i = 0; i < 40; i++) {
      await api.resource(nodes).create(apiNode("flapping", "4"));
      await clock.advance(50);
      api.remove(nodes, "flapping");
      await clock.advance(50);
    }
    await api.resource(nodes).create(apiNode("flapping", "4"));
    await api.resource(nodes).create(apiNode("steady", "8"));
    await clock.advance(30_000);
    expect([...freeCpu(api)]).toEqual([
      ["flapping", 0],
      ["steady", 0],
    ]);
    await scheduler.stop();
  });

  test("lets a plugin of one's own hold pods back until a whole gang has nodes", async () => {
    const waiting = new Set<string>();
    const gang = {
      points: ["permit" as const],
      plugin: {
        name: "Gang",
        scope: "pod" as const,
        prepare: () => undefined,
        wakes: {},
        permit: (
          pod: { metadata: { name: string } },
          _node: string,
          desk: { keys(): readonly string[]; allow(key: string, plugin: string): void },
        ) => {
          waiting.add(pod.metadata.name);
          if (desk.keys().length < 3) return { verdict: "wait" as const, timeoutMs: 60_000 };
          for (const key of desk.keys()) desk.allow(key, "Gang");
          return { verdict: "allow" as const };
        },
      },
    };
    const { defaultConfiguration, readConfiguration } = await import("./core/configuration/configuration.ts");
    const { configuration, errors } = readConfiguration(
      {
        apiVersion: "kubescheduler.config.k8s.io/v1",
        kind: "KubeSchedulerConfiguration",
        profiles: [{ plugins: { permit: { enabled: [{ name: "Gang" }] } } }],
      },
      () => undefined,
      { Gang: ["permit"] },
    );
    expect([errors, defaultConfiguration().profiles[0]?.plugins.permit]).toEqual([[], []]);
    const { api, clock, scheduler } = await startWorld({ config: { scheduling: configuration }, plugins: [gang] });
    await api.resource(nodes).create(apiNode("n", "8"));
    const bound = (): number => api.all(pods).filter(({ spec }) => spec?.nodeName !== undefined).length;
    for (const name of ["a", "b"]) await api.resource(pods).create(apiPod(name, "1"));
    await clock.advance(10_000);
    expect([waiting.size, bound()]).toEqual([2, 0]);
    await api.resource(pods).create(apiPod("c", "1"));
    await clock.advance(2000);
    expect(bound()).toBe(3);
    await scheduler.stop();
  });
});

describe("no node is ever given more than it has, and no pod is left that fits", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  const asks = fc.array(
    fc.record({ cpu: fc.integer({ min: 100, max: 1500 }), priority: fc.constantFrom(0, 0, 0, 5) }),
    { minLength: 1, maxLength: 25 },
  );

  test("whatever fails, is lost, or comes late", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), sizes, asks, async (seed, cpus, wanted) => {
        const { api, clock, scheduler } = await startWorld({ seed, faults: { fail: 0.2, lose: 0.2 } });
        const random = createSeededRandom(seed);
        Object.assign(api.faults, { repeat: 0.1, drop: 0.05, delayMs: 50 });
        for (const [index, cpu] of cpus.entries()) await api.resource(nodes).create(apiNode(`n${index}`, String(cpu)));
        for (const [index, { cpu, priority }] of wanted.entries()) {
          await api.resource(pods).create(apiPod(`p${index}`, `${cpu}m`, { priority }));
          if (random.next() < 0.2) await clock.advance(random.int(500));
          if (random.next() < 0.1) api.dropWatches();
          if (random.next() < 0.05) api.loseHistory();
          const [victim] = api.all(pods);
          if (victim !== undefined && random.next() < 0.1) api.remove(pods, `default/${victim.metadata.name}`);
          for (const left of freeCpu(api).values()) expect(left).toBeGreaterThanOrEqual(0);
        }
        await clock.advance(400_000);
        const free = freeCpu(api);
        for (const left of free.values()) expect(left).toBeGreaterThanOrEqual(0);
        for (const one of api.all(pods)) {
          const asked = podRequests(one).get("cpu") ?? 0;
          if (one.spec?.nodeName === undefined) for (const left of free.values()) expect(left).toBeLessThan(asked);
        }
        await scheduler.stop();
      }),
      { numRuns: 25 },
    );
  });

  test("with two schedulers of which one leads, that crash, come back, and are raced for pods by a stranger", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), sizes, asks, async (seed, cpus, wanted) => {
        const world = createWorld(createSimulatedClock(), { seed, faults: { fail: 0.1, lose: 0.1, slowMs: 2000 } });
        const { api, clock } = world;
        const random = createSeededRandom(seed);
        Object.assign(api.faults, { drop: 0.05, delayMs: 80 });
        const pair = [await world.run({ leaderElection }), await world.run({ leaderElection, host: "other" })];
        for (const [index, cpu] of cpus.entries()) await api.resource(nodes).create(apiNode(`n${index}`, String(cpu)));
        // Where the stranger puts what it takes.
        const theirs = {
          apiVersion: "v1" as const,
          kind: "Node" as const,
          metadata: { name: "theirs" },
          spec: { unschedulable: true },
        };
        await api.resource(nodes).create({ ...theirs, status: { allocatable: { cpu: "1000", pods: "1000" } } });
        for (const [index, { cpu, priority }] of wanted.entries()) {
          await api.resource(pods).create(apiPod(`p${index}`, `${cpu}m`, { priority }));
          if (random.next() < 0.3) await clock.advance(random.int(4000));
          if (random.next() < 0.15) {
            const target = { target: { apiVersion: "v1", kind: "Node", name: "theirs" } };
            const rival = world.client.resource(pods);
            const stolen = rival.createSubresource({ namespace: "default", name: `p${index}` }, "binding", target);
            await Promise.all([stolen.catch(() => undefined), clock.advance(2500)]);
          }
          if (random.next() < 0.2) {
            const at = random.int(2);
            const stopped = pair[at]?.scheduler.stop();
            await clock.advance(random.int(9000));
            await stopped;
            pair[at] = await world.run({ leaderElection, host: `again-${index}` });
          }
          for (const left of freeCpu(api).values()) expect(left).toBeGreaterThanOrEqual(0);
        }
        await clock.advance(400_000);
        const free = freeCpu(api);
        for (const left of free.values()) expect(left).toBeGreaterThanOrEqual(0);
        for (const one of api.all(pods)) {
          const asked = podRequests(one).get("cpu") ?? 0;
          if (one.spec?.nodeName !== undefined) continue;
          for (const [name, left] of free) if (name !== "theirs") expect(left).toBeLessThan(asked);
        }
        const ending = pair.map(({ scheduler }) => scheduler.stop());
        await clock.advance(10_000);
        await Promise.all(ending);
      }),
      { numRuns: 15 },
    );
  });
});
