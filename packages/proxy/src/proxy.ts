// The proxy's assembly: two informers, the rules, the loop that keeps them, and the health server. Only wiring.
import { services } from "@coxswain/api/core/v1";
import type { Service } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import { createClient, loadKubeconfig } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { InformerEvent } from "@coxswain/controller";
import { StartError, createHttpsServer, version } from "@coxswain/daemon";
import type { Component, DaemonPorts } from "@coxswain/daemon";
import { createNetfilter, createTool } from "@coxswain/netfilter";
import type { Netfilter } from "@coxswain/netfilter";
import type { ProxyConfig, RunConfig } from "./config.ts";
import { isProxyChain, proxyTables } from "./core/chains.ts";
import { serviceRules } from "./core/rules.ts";
import { proxyNameLabel, servicePorts } from "./core/service-port.ts";
import { chainHash } from "./io/chain-hash.ts";
import { createConntrack } from "./io/conntrack.ts";
import { createRuleSync } from "./io/sync.ts";
import { proxyMetrics } from "./metrics.ts";

const lockWaitSeconds = 5;

export function createProxy(config: ProxyConfig, ports: DaemonPorts): Component {
  // Rules that let pods' packets pass must not let them pass our refusals.
  const netfilter = createNetfilter(
    { owned: isProxyChain, before: (chain) => chain.startsWith("COX-"), tables: proxyTables },
    { tool: createTool({ family: "ipv4", waitSeconds: lockWaitSeconds }) },
  );
  return config.mode === "cleanup" ? cleanup(netfilter, ports) : proxy(config, ports, netfilter);
}

function proxy(config: RunConfig, ports: DaemonPorts, netfilter: Netfilter): Component {
  const { clock, random, log } = ports;
  const client = createClient(loadKubeconfig(config.kubeconfig, { userAgent: `coxswain-proxy/${version}` }), {
    clock,
    random,
  });
  const ours = `!${proxyNameLabel}`;
  const followed = createInformer<Service>(
    client.resource(services),
    { labelSelector: ours, transform: withoutManagedFields },
    ports,
  );
  const slices = createInformer<EndpointSlice>(
    client.resource(endpointSlices),
    { labelSelector: `${ours},!service.kubernetes.io/headless`, transform: withoutManagedFields },
    ports,
  );
  const sync = createRuleSync(config.sync, {
    clock,
    log,
    metrics: ports.metrics.create(proxyMetrics),
    netfilter,
    conntrack: createConntrack(),
    ports: () => servicePorts({ services: followed.list(), endpointSlices: slices.list(), nodeName: config.nodeName }),
    rules: (wanted) => serviceRules(wanted, config.rules, chainHash),
  });
  const ready = (): readonly string[] => [
    ...(followed.synced() && slices.synced() ? [] : ["services and endpoints are not read yet"]),
    ...(sync.synced() ? [] : ["the rules are not written yet"]),
  ];
  const server = createHttpsServer(config.server, { ...ports, ready });
  const ended = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  return {
    async start(signal) {
      const life = AbortSignal.any([signal, ended.signal]);
      await server.start(life);
      // Rules of an earlier proxy stay in force until everything is known: an unread service is not a deleted one.
      const rules = Promise.all([followed.whenSynced(life), slices.whenSynced(life)]).then(() => {
        const wake = (event: InformerEvent<Service> | InformerEvent<EndpointSlice>): void =>
          isRelevant(event) ? sync.wake() : undefined;
        followed.subscribe(wake);
        slices.subscribe(wake);
        return sync.run(life);
      });
      running = Promise.allSettled([followed.run(life), slices.run(life), rules]);
    },
    ready,
    async stop() {
      ended.abort(new DOMException("the proxy is stopped", "AbortError"));
      await running;
      await server.stop();
    },
  };
}

/** An update that leaves spec, status, labels and endpoints as they were needs no look at the rules. */
function isRelevant(event: InformerEvent<Service> | InformerEvent<EndpointSlice>): boolean {
  if (event.type !== "updated") return true;
  const { metadata: before, ...old } = event.old;
  const { metadata: after, ...object } = event.object;
  return JSON.stringify([before.labels, old]) !== JSON.stringify([after.labels, object]);
}

function withoutManagedFields<T extends { metadata: { managedFields?: unknown } }>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}

/** Removes everything and is then done. */
function cleanup(netfilter: Netfilter, ports: DaemonPorts): Component {
  return {
    async start(signal) {
      try {
        const removed = await netfilter.remove(signal);
        ports.log.info({ changes: removed.length }, "every rule of the proxy is removed");
        ports.end("the rules are removed");
      } catch (cause) {
        throw new StartError(`the rules cannot be removed: ${(cause as Error).message}`, { cause });
      }
    },
    ready: () => [],
    stop: async () => undefined,
  };
}
