// A small world for this package's tests: an API server in memory, a clock that is stepped, a pretended node agent, and the
// controllers under test. Killing a manager and starting another is part of it.
import { pods } from "@coxswain/api/core/v1";
import type { Node, Pod } from "@coxswain/api/core/v1";

import { rfc3339 } from "@coxswain/clock";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import type { SimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi, silentLog } from "@coxswain/controller/testing";
import type { FakeApi } from "@coxswain/controller/testing";
import { createRecorders } from "../src/loop/controller.ts";
import type { Controller, ControllerPorts } from "../src/loop/controller.ts";
import { createSharedInformers } from "../src/loop/informers.ts";
import { isActive } from "../src/pods/state.ts";

export interface World {
  readonly clock: SimulatedClock;
  readonly api: FakeApi;
  /** What the pretended agent makes of a pod that has just begun; undefined leaves it pending. */
  agent: (pod: Pod) => Pod["status"] | undefined;
  /** Starts the controllers; the result stops them as a kill would, in the middle of whatever they do. */
  start(...controllers: readonly ((ports: ControllerPorts) => Controller)[]): { stop: () => Promise<void> };
  /** Lets seconds pass; `each` looks after every half second. */
  settle(seconds?: number, each?: () => void): Promise<void>;
  activePods(): readonly Pod[];
  now(): string;
}

export function createWorld(seed: number, options: { readonly graceful?: boolean } = {}): World {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const api = createFakeApi({ clock, random }, options);
  const runPods = async (): Promise<void> => {
    for (const pod of api.all(pods)) {
      if (pod.metadata.deletionTimestamp !== undefined && options.graceful)
        api.remove(pods, `${pod.metadata.namespace}/${pod.metadata.name}`);
      else if (pod.status?.phase === undefined) {
        const status = world.agent(pod);
        if (status !== undefined) await api.resource(pods).update({ ...pod, status }, { subresource: "status" });
      }
    }
  };
  const world: World = {
    clock,
    api,
    agent: () => readyStatus(rfc3339(clock.now())),
    activePods: () => api.all(pods).filter(isActive),
    now: () => rfc3339(clock.now()),
    start(...controllers) {
      const ending = new AbortController();
      const shared = { client: api.client, clock, random, log: silentLog };
      const informers = createSharedInformers(api.client, shared);
      const ports = { ...shared, informers, events: createRecorders(shared) };
      const work = controllers.map((create) => create(ports)).map((controller) => controller.run(ending.signal));
      work.push(informers.run(ending.signal));
      return {
        stop: async () => {
          ending.abort();
          await clock.advance(0);
          await Promise.all(work);
        },
      };
    },
    async settle(seconds = 30, each = () => {}) {
      for (let step = 0; step < seconds * 2; step++) {
        await clock.advance(500);
        await runPods();
        each();
      }
    },
  };
  return world;
}

export function readyStatus(now: string): Pod["status"] {
  return {
    phase: "Running",
    podIP: "10.244.0.9",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: now }],
  };
}

export const testNode = (
  name: string,
  parts: Partial<Pick<Node, "spec" | "status">> & { readonly labels?: Record<string, string> } = {},
): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: parts.labels ?? {} },
  ...(parts.spec ? { spec: parts.spec } : {}),
  ...(parts.status ? { status: parts.status } : {}),
});
