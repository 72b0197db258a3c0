// The assembly: a client, an election, and, while leading, informers and controllers over a fenced client. Each term of
// leadership begins with new informers, whose first list is consistent, so that nothing of an earlier term is believed.
import { hostname } from "node:os";
import { createClient } from "@coxswain/client";
import type { Client } from "@coxswain/client";
import { createLeaderElector, fenceClient } from "@coxswain/controller";
import type { LeaderElector } from "@coxswain/controller";
import { createHttpsServer, sequence } from "@coxswain/daemon";
import type { Component, DaemonPorts } from "@coxswain/daemon";
import type { ControllerManagerConfig } from "./config.ts";
import { accountOf, createController } from "./controllers.ts";
import { clientOfAccount } from "./identities.ts";
import { createRecorders } from "./loop/controller.ts";
import { createSharedInformers } from "./loop/informers.ts";
import { metricTable } from "./metrics.ts";

export function createControllerManager(config: ControllerManagerConfig, ports: DaemonPorts): Component {
  const client = createClient(config.client, ports);
  const { cert: _cert, key: _key, token: _token, basic: _basic, ...nobody } = config.client;
  const term = createTerm(config, { client, anonymous: createClient(nobody, ports) }, ports);
  if (config.serving === undefined) return term;
  const { clock, log, metrics } = ports;
  const server = createHttpsServer(config.serving, { clock, log, metrics, ready: () => term.ready() });
  return sequence([server, term]);
}

function createTerm(
  config: ControllerManagerConfig,
  { client, anonymous }: { readonly client: Client; readonly anonymous: Client },
  ports: DaemonPorts,
): Component {
  const { clock, random, log } = ports;
  const accounts = { anonymous, clock, random };
  const metrics = ports.metrics.create(metricTable);
  // Named after its machine, as Kubernetes does it: who leads can be found.
  const identity = `${hostname()}_${random.uuid()}`;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let missing: readonly string[] = ["the first contact with the API server"];

  /** Everything that happens while leading. Resolves when all of it has ended. */
  const lead = async (fence: (client: Client) => Client, signal: AbortSignal): Promise<void> => {
    const fenced = fence(client);
    const informers = createSharedInformers(fenced, { clock, random, log });
    const controllers = config.controllers.map((name) => {
      const account = config.ownAccounts ? accountOf(name) : undefined;
      const own = account === undefined ? fenced : fence(clientOfAccount(account, { own: fenced, ...accounts }));
      const shared = { client: own, clock, random, log };
      const controllerPorts = { ...shared, informers, queueMetrics: metrics, events: createRecorders(shared) };
      return { name, controller: createController(name, controllerPorts, config) };
    });
    log.info({ controllers: controllers.map(({ name }) => name) }, "controllers start");
    const work = controllers.map(async ({ name, controller }) => {
      await controller.run(signal);
      if (!signal.aborted) throw new Error(`the controller ${name} ended by itself`);
    });
    const following = informers.run(signal);
    missing = ["the first lists"];
    const synced = Promise.race([informers.whenAllSynced(signal), Promise.all(work)]).then(
      () => (missing = []),
      () => undefined, // the signal, or an error that the work below reports
    );
    await Promise.all([following, synced, ...work]);
  };

  const runAlone = (signal: AbortSignal): Promise<void> => lead((any) => any, signal);

  const runElected = (elector: LeaderElector, name: string, signal: AbortSignal): Promise<void> => {
    missing = [];
    const fence = (any: Client): Client => fenceClient(any, elector.isLeading);
    return elector.run(signal, async (leading) => {
      metrics.leading.set(1, { name });
      try {
        await lead(fence, leading);
      } finally {
        metrics.leading.set(0, { name });
        missing = []; // a standby is ready to take over
      }
    });
  };

  return {
    start(signal) {
      const ending = AbortSignal.any([signal, stopping.signal]);
      const { leaderElection } = config;
      if (leaderElection === undefined) running = runAlone(ending);
      else {
        const { namespace, name, ...times } = leaderElection;
        const elector = createLeaderElector(
          { lease: { namespace, name }, identity, ...times },
          { client, clock, random, log },
        );
        running = runElected(elector, name, ending);
      }
      running.catch((error: unknown) => ports.die("a controller failed beyond repair", error));
      return Promise.resolve();
    },
    ready: () => missing,
    async stop() {
      stopping.abort(new DOMException("stopping", "AbortError"));
      await running;
      await Promise.all([client.close(), anonymous.close()]);
    },
  };
}
