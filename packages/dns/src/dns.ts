// The DNS daemon's assembly: informers and their indexes, the resolver, the sockets, the health server. Only wiring.
import { namespaces, services } from "@coxswain/api/core/v1";
import type { Namespace, Service } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import { createClient, loadKubeconfig } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { Lister } from "@coxswain/controller";
import { createHttpsServer, version } from "@coxswain/daemon";
import type { Component, DaemonPorts } from "@coxswain/daemon";
import type { DnsConfig, RunConfig } from "./config.ts";
import {
  addressesOfService,
  addressesOfSlice,
  serviceOf,
  trimNamespace,
  trimService,
  trimSlice,
} from "./core/memory.ts";
import type { ClusterView } from "./core/zone.ts";
import { createAddressLink } from "./io/link.ts";
import type { AddressLink } from "./io/link.ts";
import { createDnsServer } from "./io/server.ts";
import { createServers } from "./io/servers.ts";
import { createUpstream } from "./io/upstream.ts";
import { dnsMetrics, upstreamObservers } from "./metrics.ts";
import { createRecollection } from "./recollection.ts";
import { createResolver } from "./resolver.ts";

export function createDns(config: DnsConfig, ports: DaemonPorts): Component {
  const link = config.link.name === "" ? undefined : createAddressLink(config.link);
  return config.mode === "cleanup" ? cleanup(link, ports) : dns(config, ports, link);
}

function dns(config: RunConfig, ports: DaemonPorts, link: AddressLink | undefined): Component {
  const { clock, random, log } = ports;
  const client = createClient(loadKubeconfig(config.kubeconfig, { userAgent: `coxswain-dns/${version}` }), {
    clock,
    random,
  });
  const informers = {
    namespaces: createInformer<Namespace>(client.resource(namespaces), { transform: trimNamespace }, ports),
    services: createInformer<Service>(
      client.resource(services),
      { transform: trimService, indexers: { address: addressesOfService } },
      ports,
    ),
    slices: createInformer<EndpointSlice>(
      client.resource(endpointSlices),
      { transform: trimSlice, indexers: { service: (slice) => [serviceOf(slice)], address: addressesOfSlice } },
      ports,
    ),
  };
  const all = Object.values(informers);
  const known = (): boolean => all.every((informer) => informer.synced());
  const metrics = ports.metrics.create(dnsMetrics);
  const ended = new AbortController();
  const upstream = createUpstream({
    clock,
    random,
    servers: createServers(config.upstream, {
      clock,
      random,
      log,
      onHealthFailure: (to) => metrics.forwardHealthFailures.inc({ to }),
    }),
    ...upstreamObservers(metrics),
  });
  const recollection = createRecollection(config.memory, informers, known, viewOf(informers), ports);
  const handle = createResolver(
    config.zone,
    { clock, random, metrics, upstream, view: recollection.view, known: recollection.knows },
    ended.signal,
  );
  const sockets = createDnsServer(config.listen, { clock, log, handle });
  const ready = (): readonly string[] => [
    ...sockets.ready(),
    ...(known() ? [] : ["services and endpoints are not read yet"]),
  ];
  const server = createHttpsServer(config.server, {
    ...ports,
    ready,
    // Without a certificate it is open, as CoreDNS' is: counts of questions, no names.
    ...(config.server.certFile === undefined ? { gate: async () => undefined } : {}),
  });
  let running: Promise<unknown> = Promise.resolve();

  return {
    async start(signal) {
      const life = AbortSignal.any([signal, ended.signal]);
      await recollection.load();
      await link?.ensure(life);
      await sockets.start(life);
      await server.start(life);
      running = Promise.allSettled([...all.map((informer) => informer.run(life)), recollection.keep(life)]);
    },
    ready,
    // The address stays: a daemon that is only restarted is back before the askers give up.
    async stop() {
      ended.abort(new DOMException("the DNS daemon is stopped", "AbortError"));
      await running;
      await sockets.stop();
      await server.stop();
    },
  };
}

interface Listers {
  readonly namespaces: Lister<Namespace>;
  readonly services: Lister<Service>;
  readonly slices: Lister<EndpointSlice>;
}

function viewOf(listers: Listers): ClusterView {
  return {
    hasNamespace: (name) => listers.namespaces.get(name) !== undefined,
    service: (namespace, name) => listers.services.get(`${namespace}/${name}`),
    slicesOf: (namespace, service) => listers.slices.byIndex("service", `${namespace}/${service}`),
    servicesAt: (address) => listers.services.byIndex("address", address),
    slicesAt: (address) => listers.slices.byIndex("address", address),
  };
}

/** Takes the link away and is then done. */
function cleanup(link: AddressLink | undefined, ports: DaemonPorts): Component {
  return {
    async start() {
      const removed = (await link?.remove()) ?? false;
      ports.log.info({ removed }, "the link is removed");
      ports.end("the link is removed");
    },
    ready: () => [],
    stop: async () => undefined,
  };
}
