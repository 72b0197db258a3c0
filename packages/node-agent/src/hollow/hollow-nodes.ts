// Many hollow nodes in one process: they share one client and one watch of the pods, which are dealt out by the node they are bound to.
import { nodes, pods, services } from "@coxswain/api/core/v1";
import type { Node, Pod, Service } from "@coxswain/api/core/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import { createClient, loadKubeconfig } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import { createHttpsServer } from "@coxswain/daemon";
import type { Component, DaemonPorts } from "@coxswain/daemon";
import { agentMetrics } from "../metrics.ts";
import { createPodApi } from "../io/pods/api.ts";
import type { PodApi } from "../ports.ts";
import type { HollowConfig } from "./config.ts";
import { createHollowNode } from "./hollow-node.ts";
import type { HollowNode } from "./hollow-node.ts";
import { createTurns } from "./turns.ts";

/** So many nodes register at once; the next follow as they are done. */
const registrationsAtOnce = 20;
/** As many as keep an API server busy. */
const writesAtOnce = 12;

export function createHollowNodes(config: HollowConfig, ports: DaemonPorts): Component {
  const { clock, random, log } = ports;
  const client = createClient(loadKubeconfig(config.kubeconfig, { userAgent: "coxswain-hollow-nodes" }), {
    clock,
    random,
  });
  const metrics = ports.metrics.create(agentMetrics);
  const nodeInformer = createInformer<Node>(client.resource(nodes), { transform: bare }, ports);
  const podInformer = createInformer<Pod>(client.resource(pods), { transform: (pod) => hollowed(bare(pod)) }, ports);
  const serviceInformer = createInformer<Service>(client.resource(services), { transform: bare }, ports);
  const podApi = createPodApi({
    client,
    clock,
    services: () => serviceInformer.list().map((one) => own<Service>(one)),
  });
  const inTurn = createTurns(writesAtOnce);
  const api: PodApi = {
    ...podApi,
    deletePod: (...args) => inTurn(() => podApi.deletePod(...args)),
  };
  const all = new Map<string, HollowNode>(
    config.nodes.map((node) => [
      node.name,
      createHollowNode(node, {
        ...{ client, clock, random, log, api, inTurn, metrics },
        node: () => {
          const known = nodeInformer.get(node.name);
          return known && own<Node>(known);
        },
      }),
    ]),
  );
  const living = new AbortController();
  let loops: Promise<unknown> = Promise.resolve();
  const ready = (): readonly string[] => {
    const missing = [...all.values()].filter((node) => !node.registered()).length;
    return missing === 0 ? [] : [`${missing} of ${all.size} nodes are not registered`];
  };
  const server = createHttpsServer(config.server, { ...ports, ready });

  const deal = (object: DeepReadonly<Pod>, old: DeepReadonly<Pod> | undefined, gone: boolean): void => {
    const node = all.get(object.spec?.nodeName ?? "");
    if (!node) return;
    if (old && old.metadata.uid !== object.metadata.uid) node.pods.forget(old.metadata.uid ?? "");
    if (gone) node.pods.forget(object.metadata.uid ?? "");
    // Nobody changes it, neither here nor there, so that it need not be copied for each of its changes.
    else node.pods.put(object as Pod);
  };

  return {
    async start(signal) {
      const until = AbortSignal.any([signal, living.signal]);
      await server.start(until);
      podInformer.subscribe((event) =>
        deal(event.object, event.type === "updated" ? event.old : undefined, event.type === "deleted"),
      );
      const waiting = [...all.values()];
      const register = async (): Promise<unknown> => {
        const running: Promise<void>[] = [];
        for (let node = waiting.shift(); node; node = waiting.shift()) {
          running.push(node.run(until));
          while (!node.registered() && !until.aborted) await clock.sleep(registrationLookMs, until);
        }
        return Promise.all(running);
      };
      const owned = [
        nodeInformer.run(until),
        serviceInformer.run(until),
        podInformer.run(until),
        ...Array.from({ length: registrationsAtOnce }, register),
      ];
      loops = Promise.all(
        owned.map((loop) =>
          loop.catch((error: unknown) => (until.aborted ? undefined : ports.die("a loop of the nodes ended", error))),
        ),
      );
    },
    ready: () => [...server.ready(), ...ready()],
    async stop() {
      living.abort(new Error("the nodes stop"));
      await server.stop();
      for (const node of all.values()) await node.stop();
      await loops;
      await client.close();
    },
  };
}

const registrationLookMs = 100;

/** There is nobody to ask: every probe and every hook succeeds. */
function hollowed(pod: Pod): Pod {
  for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const kind of ["startupProbe", "livenessProbe", "readinessProbe"] as const) {
      const probe = container[kind];
      if (!probe) continue;
      const { httpGet: _http, tcpSocket: _tcp, grpc: _grpc, ...times } = probe;
      container[kind] = { ...times, exec: { command: ["true"] } };
    }
    delete container.lifecycle;
  }
  return pod;
}

function bare<T extends ApiObject>(object: T): T {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Objects of a cache are shared; what pods' workers keep is a copy of their own. */
function own<T extends ApiObject>(object: DeepReadonly<T>): T {
  return structuredClone(object) as T;
}
