// The scheduler's assembly: informers feed the view, the loop places pods while this instance leads, the server shows
// health, metrics and decisions. Only wiring.
import { namespaces, nodes, pods } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { createEventRecorder, createInformer, createLeaderElector, fenceClient } from "@coxswain/controller";
import type { Clock, Random } from "@coxswain/clock";
import { createHttpsServer, sequence } from "@coxswain/daemon";
import type { Component, Logger, MetricsRegistry } from "@coxswain/daemon";
import type { SchedulerConfig } from "./config.ts";
import { ClusterState } from "./core/cluster.ts";
import { createDecisionLog } from "./core/explain.ts";
import type { DecisionLog } from "./core/explain.ts";
import { defaultProfile } from "./core/profile.ts";
import { SchedulingQueue } from "./core/queue.ts";
import { createSchedulingLoop } from "./loop.ts";
import { metricTable } from "./metrics.ts";
import { observeNode, observePod } from "./observe.ts";

export interface SchedulerPorts {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
}

/** Last decisions that are kept, one for each pod. */
const keptDecisions = 1000;

export function createScheduler(config: SchedulerConfig, ports: SchedulerPorts): Component {
  const decisions = createDecisionLog(keptDecisions);
  const placing = createPlacing(config, ports, decisions);
  if (config.https === undefined) return placing;
  const server = createHttpsServer(config.https, {
    ...ports,
    ready: () => placing.ready(),
    routes: (app) => {
      app.get("/debug/decisions", (_request, reply) => reply.send({ decisions: decisions.list() }));
      app.get<{ Params: { namespace: string; name: string } }>(
        "/debug/decisions/:namespace/:name",
        (request, reply) => {
          const { namespace, name } = request.params;
          const decision = decisions.get(`${namespace}/${name}`);
          return decision === undefined
            ? reply.code(404).send({ message: `no decision about pod ${namespace}/${name} is remembered` })
            : reply.send(decision);
        },
      );
    },
  });
  return sequence([server, placing]);
}

function createPlacing(config: SchedulerConfig, ports: SchedulerPorts, decisions: DecisionLog): Component {
  const { client, clock, log } = ports;
  const identity = `${config.host}_${ports.random.uuid()}`;
  const elector =
    config.leaderElection === undefined
      ? undefined
      : createLeaderElector({ ...config.leaderElection, identity }, ports);
  const fenced = elector === undefined ? client : fenceClient(client, () => elector.isLeading());
  const nodeInformer = createInformer(client.resource(nodes), {}, ports);
  // Only for namespace selectors of affinity terms: nothing waits for it.
  const namespaceInformer = createInformer(client.resource(namespaces), {}, ports);
  const podInformer = createInformer(client.resource(pods), { transform: withoutManagedFields }, ports);
  const cluster = new ClusterState();
  const queue = new SchedulingQueue(defaultProfile);
  const recorder = createEventRecorder({ component: config.schedulerName, host: config.host }, ports);
  const loop = createSchedulingLoop({
    ...ports,
    client: fenced,
    queue,
    cluster,
    plugins: defaultProfile,
    decisions,
    recorder,
    schedulerName: config.schedulerName,
    metrics: ports.metrics.create(metricTable),
  });
  const view = { cluster, queue, schedulerName: config.schedulerName };
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  return {
    async start(signal) {
      signal.addEventListener("abort", () => stopping.abort(signal.reason), { once: true });
      nodeInformer.subscribe((event) => {
        observeNode(view, event, clock.now());
        loop.nudge();
      });
      namespaceInformer.subscribe(({ type, object }) => {
        cluster.setNamespace(object.metadata.name, type === "deleted" ? undefined : (object.metadata.labels ?? {}));
      });
      podInformer.subscribe((event) => {
        observePod(view, event, clock.now());
        loop.nudge();
      });
      const lead = async (leading: AbortSignal): Promise<void> => {
        log.info({ identity }, "scheduling");
        await loop.run(AbortSignal.any([leading, stopping.signal]));
      };
      const following = [nodeInformer, podInformer, namespaceInformer].map((informer) => informer.run(stopping.signal));
      const placing = async (): Promise<void> => {
        await Promise.all([nodeInformer.whenSynced(stopping.signal), podInformer.whenSynced(stopping.signal)]);
        await (elector === undefined ? lead(stopping.signal) : elector.run(stopping.signal, lead));
      };
      running = Promise.all([...following, placing()]).catch((err: unknown) => {
        if (!stopping.signal.aborted) throw err;
      });
    },
    ready: () => [
      ...(nodeInformer.synced() ? [] : ["nodes have not been listed yet"]),
      ...(podInformer.synced() ? [] : ["pods have not been listed yet"]),
    ],
    async stop() {
      stopping.abort(new DOMException("the scheduler stops", "AbortError"));
      await running;
      await recorder.flush();
    },
  };
}

function withoutManagedFields<T extends { metadata: { managedFields?: unknown } }>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}
