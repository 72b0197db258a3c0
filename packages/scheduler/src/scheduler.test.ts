import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { statuses, StatusError } from "@coxswain/apimachinery";
import { bindings, events, nodes, pods } from "@coxswain/api/core/v1";
import type { Node, Pod } from "@coxswain/api/core/v1";
import { ClientError } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import type { SimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi, silentLog } from "@coxswain/controller/testing";
import type { FakeApi } from "@coxswain/controller/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import type { Component } from "@coxswain/daemon";
import { defaultConfiguration } from "./core/configuration/configuration.ts";
import { nodeAllocatable, podRequests } from "./core/resources.ts";
import { createScheduler } from "./scheduler.ts";

interface World {
  readonly api: FakeApi;
  readonly clock: SimulatedClock;
  readonly scheduler: Component;
}

const config = {
  kubeconfig: "",
  scheduling: defaultConfiguration(),
  https: undefined,
  leaderElection: undefined,
  host: "test",
};

/** The fake's client, with the binding subresource as the API server has it. */
function withBinding(
  api: FakeApi,
  clock: SimulatedClock,
  random: { next(): number },
  faults: { readonly fail: number; readonly lose: number },
): Client {
  const bind = async (namespace: string, name: string, target: string): Promise<void> => {
    await clock.sleep(Math.floor(random.next() * 300));
    if (random.next() < faults.fail) throw new StatusError(statuses.internalError("the store is on fire"));
    const pod = await api.resource(pods).get({ namespace, name });
    if ((pod.spec?.nodeName ?? "") !== "")
      throw new StatusError(
        statuses.conflict(
          { group: "", resource: "pods/binding" },
          name,
          `pod ${name} is already assigned to node "${pod.spec?.nodeName}"`,
        ),
      );
    await api.resource(pods).update({ ...pod, spec: { containers: [], ...pod.spec, nodeName: target } });
    if (random.next() < faults.lose) throw new ClientError("connection-lost", "the connection broke off");
  };
  return {
    ...api.client,
    resource: (descriptor) => ({
      ...api.client.resource(descriptor),
      createSubresource: async <R>(
        ref: { namespace?: string | undefined; name: string },
        name: string,
        body: unknown,
      ): Promise<R> => {
        expect([descriptor.resource, name]).toEqual(["pods", "binding"]);
        await bind(ref.namespace ?? "", ref.name, (body as { target: { name: string } }).target.name);
        return body as R;
      },
    }),
  };
}

async function start(seed = 1, faults = { fail: 0, lose: 0 }): Promise<World> {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const api = createFakeApi({ clock, random });
  const client = withBinding(api, clock, random, faults);
  const scheduler = createScheduler(config, {
    client,
    clock,
    random,
    log: { ...silentLog, child: () => silentLog } as never,
    metrics: createMetricsRegistry(`test-${seed}`),
  });
  await scheduler.start(new AbortController().signal);
  return { api, clock, scheduler };
}

const node = (name: string, cpu: string): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  status: { allocatable: { cpu, memory: "8Gi", pods: "20" } },
});
const pod = (name: string, cpu: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: { containers: [{ name: "main", image: "web", resources: { requests: { cpu } } }] },
});

describe("the scheduler", () => {
  test("binds a pod to the node that fits, by the binding subresource, and says so in an event", async () => {
    const { api, clock, scheduler } = await start();
    await api.resource(nodes).create(node("small", "1"));
    await api.resource(nodes).create(node("big", "4"));
    await api.resource(pods).create(pod("web", "2"));
    await clock.advance(2000);
    expect(api.all(pods).map(({ spec }) => spec?.nodeName)).toEqual(["big"]);
    expect(api.all(events).map(({ type, reason, message }) => ({ type, reason, message }))).toEqual([
      { type: "Normal", reason: "Scheduled", message: "Successfully assigned default/web to big" },
    ]);
    expect(api.all(bindings)).toEqual([]);
    await scheduler.stop();
  });

  test("says why a pod is pending in its condition and an event, and binds it when a node comes that fits", async () => {
    const { api, clock, scheduler } = await start();
    await api.resource(nodes).create(node("small", "1"));
    await api.resource(pods).create(pod("web", "2"));
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
    await api.resource(nodes).create(node("big", "4"));
    await clock.advance(2000);
    expect(api.all(pods)[0]?.spec?.nodeName).toBe("big");
    await scheduler.stop();
  });

  test("leaves other schedulers' pods alone", async () => {
    const { api, clock, scheduler } = await start();
    await api.resource(nodes).create(node("big", "4"));
    const theirs = pod("theirs", "1");
    await api.resource(pods).create({ ...theirs, spec: { containers: [], ...theirs.spec, schedulerName: "other" } });
    await clock.advance(2000);
    expect(api.all(pods)[0]?.spec?.nodeName).toBeUndefined();
    await scheduler.stop();
  });

  test("never over-commits a node and leaves no pod behind that fits, whatever fails, is lost, or comes late", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 100, max: 1500 }), { minLength: 1, maxLength: 25 }),
        async (seed, sizes, asks) => {
          const { api, clock, scheduler } = await start(seed, { fail: 0.2, lose: 0.2 });
          const random = createSeededRandom(seed);
          api.faults.repeat = 0.1;
          api.faults.drop = 0.05;
          api.faults.delayMs = 50;
          for (const [index, cpu] of sizes.entries()) await api.resource(nodes).create(node(`n${index}`, String(cpu)));
          for (const [index, cpu] of asks.entries()) {
            await api.resource(pods).create(pod(`p${index}`, `${cpu}m`));
            if (random.next() < 0.2) await clock.advance(random.int(500));
            if (random.next() < 0.1) api.dropWatches();
            if (random.next() < 0.05) api.loseHistory();
            const [victim] = api.all(pods);
            if (victim !== undefined && random.next() < 0.1) api.remove(pods, `default/${victim.metadata.name}`);
          }
          await clock.advance(400_000);
          const free = new Map(api.all(nodes).map((one) => [one.metadata.name, nodeAllocatable(one).get("cpu") ?? 0]));
          for (const one of api.all(pods)) {
            const at = one.spec?.nodeName;
            if (at !== undefined) free.set(at, (free.get(at) ?? 0) - (podRequests(one).get("cpu") ?? 0));
          }
          for (const left of free.values()) expect(left).toBeGreaterThanOrEqual(0);
          for (const one of api.all(pods)) {
            const asked = podRequests(one).get("cpu") ?? 0;
            if (one.spec?.nodeName === undefined) for (const left of free.values()) expect(left).toBeLessThan(asked);
          }
          await scheduler.stop();
        },
      ),
      { numRuns: 25 },
    );
  });
});
