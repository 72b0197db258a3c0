// A whole scheduler, or several, on an API in memory and a clock that stands still until it is advanced: bindings take their time,
// fail, or succeed without an answer.
import { statuses, StatusError } from "@coxswain/apimachinery";
import { nodes, pods } from "@coxswain/api/core/v1";
import type { Node, Pod } from "@coxswain/api/core/v1";
import { ClientError } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import type { SimulatedClock } from "@coxswain/clock/testing";
import type { Clock, Random } from "@coxswain/clock";
import { createFakeApi, silentLog } from "@coxswain/controller/testing";
import type { FakeApi } from "@coxswain/controller/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import type { Component, MetricsRegistry } from "@coxswain/daemon";
import type { SchedulerConfig } from "../src/config.ts";
import { defaultConfiguration } from "../src/core/configuration/configuration.ts";
import { nodeAllocatable, podRequests } from "../src/core/resources.ts";
import type { ExtraPlugin } from "../src/core/profile.ts";
import { createScheduler } from "../src/scheduler.ts";

export interface BindingFaults {
  /** Chances that a binding fails, and that its answer is lost. */
  readonly fail: number;
  readonly lose: number;
  /** Longest time that it takes. */
  readonly slowMs: number;
}

export interface WorldOptions {
  readonly seed?: number;
  readonly faults?: Partial<BindingFaults>;
  readonly config?: Partial<SchedulerConfig>;
  readonly plugins?: readonly ExtraPlugin[];
  /** Deletions of pods wait for a node agent. */
  readonly graceful?: boolean;
}

export interface World<C extends Clock = SimulatedClock> {
  readonly api: FakeApi;
  readonly clock: C;
  readonly random: Random;
  readonly client: Client;
  /** Another instance against the same API. */
  run(config?: Partial<SchedulerConfig>, plugins?: readonly ExtraPlugin[]): Promise<Instance>;
}

export interface Instance {
  readonly scheduler: Component;
  readonly metrics: MetricsRegistry;
}

let instances = 0;

export function createWorld<C extends Clock>(clock: C, options: WorldOptions = {}): World<C> {
  const random = createSeededRandom(options.seed ?? 1);
  const api = createFakeApi({ clock, random }, { graceful: options.graceful === true });
  const client = withBinding(api, clock, random, { fail: 0, lose: 0, slowMs: 300, ...options.faults });
  return {
    api,
    clock,
    random,
    client,
    async run(config = {}, plugins = []) {
      const metrics = createMetricsRegistry(`test-${instances++}`);
      const scheduler = createScheduler(
        {
          kubeconfig: "",
          scheduling: defaultConfiguration(),
          https: undefined,
          leaderElection: undefined,
          host: "test",
          ...config,
        },
        { client, clock, random, log: { ...silentLog, child: () => silentLog } as never, metrics, plugins },
      );
      await scheduler.start(new AbortController().signal);
      return { scheduler, metrics };
    },
  };
}

export interface RunningWorld extends World, Instance {}

export async function startWorld(options: WorldOptions = {}): Promise<RunningWorld> {
  const world = createWorld(createSimulatedClock(), options);
  return { ...world, ...(await world.run(options.config, options.plugins)) };
}

/** The fake's client, with the binding subresource as the API server has it. */
function withBinding(api: FakeApi, clock: Clock, random: Random, faults: BindingFaults): Client {
  const bind = async (namespace: string, name: string, target: string): Promise<void> => {
    if (faults.slowMs > 0) await clock.sleep(Math.floor(random.next() * faults.slowMs));
    if (random.next() < faults.fail) throw new StatusError(statuses.internalError("the store is on fire"));
    const pod = await api.resource(pods).get({ namespace, name });
    if ((pod.spec?.nodeName ?? "") !== "") {
      const text = `pod ${name} is already assigned to node "${pod.spec?.nodeName}"`;
      throw new StatusError(statuses.conflict({ group: "", resource: "pods/binding" }, name, text));
    }
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
        if (descriptor.resource !== "pods" || name !== "binding")
          throw new Error(`expected pods/binding, found ${descriptor.resource}/${name}`);
        await bind(ref.namespace ?? "", ref.name, (body as { target: { name: string } }).target.name);
        return body as R;
      },
    }),
  };
}

export const apiNode = (name: string, cpu: string, labels: Record<string, string> = {}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
  status: { allocatable: { cpu, memory: "8Gi", pods: "20" } },
});

export const apiPod = (name: string, cpu: string, spec: Partial<NonNullable<Pod["spec"]>> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: { containers: [{ name: "main", image: "web", resources: { requests: { cpu } } }], ...spec },
});

/** What is left of each node's CPU, in thousandths, by what the API shows. */
export function freeCpu(api: FakeApi): ReadonlyMap<string, number> {
  const free = new Map(api.all(nodes).map((one) => [one.metadata.name, nodeAllocatable(one).get("cpu") ?? 0]));
  for (const one of api.all(pods)) {
    const at = one.spec?.nodeName;
    if (at !== undefined) free.set(at, (free.get(at) ?? 0) - (podRequests(one).get("cpu") ?? 0));
  }
  return free;
}
