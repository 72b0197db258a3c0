// The proxy's assembly: what it follows, the loop that keeps the rules, acknowledgements and the health servers. Only wiring.
import { createClient, loadKubeconfig } from "@coxswain/client";
import { StartError, createHttpsServer, version } from "@coxswain/daemon";
import type { Component, DaemonPorts, Refusal } from "@coxswain/daemon";
import type { ProxyConfig, RunConfig } from "./config.ts";
import type { Family } from "./core/address.ts";
import { familyOf } from "./core/address.ts";
import type { RulesConfig } from "./core/rules.ts";
import { createServicePorts } from "./core/service-port.ts";
import { createAcknowledgement } from "./io/acknowledgement.ts";
import { createConntrack } from "./io/conntrack.ts";
import { createIptables, createNftDataplane, createUserspace, whileUsed } from "./io/dataplane.ts";
import type { Dataplane } from "./io/dataplane.ts";
import { createIpvsDataplane } from "./io/ipvs/dataplane.ts";
import { createHealthChecks } from "./io/health-checks.ts";
import { createRuleSync } from "./io/sync.ts";
import type { FamilyPorts } from "./io/sync.ts";
import { createServiceWatch } from "./io/watch-services.ts";
import type { ServiceWatch } from "./io/watch-services.ts";
import { proxyMetrics } from "./metrics.ts";

const families: readonly Family[] = ["ipv4", "ipv6"];

export function createProxy(config: ProxyConfig, ports: DaemonPorts): Component {
  return config.mode === "cleanup" ? cleanup(ports) : proxy(config, ports);
}

function proxy(config: RunConfig, ports: DaemonPorts): Component {
  const { clock, random, log } = ports;
  const client = createClient(loadKubeconfig(config.kubeconfig, { userAgent: `coxswain-proxy/${version}` }), {
    clock,
    random,
  });
  const watch = createServiceWatch(client, config.nodeName, ports);
  const acknowledgement = createAcknowledgement(config.nodeName, { client, clock, log });
  const checks = createHealthChecks({ log, healthy: () => sync.synced() });
  let acknowledged = 0;
  const led = families.map((family) => familyPorts(family, config, watch, ports, checks.update));
  const sync = createRuleSync(config.sync, {
    clock,
    log,
    metrics: ports.metrics.create(proxyMetrics),
    families: led,
    turn: () => {
      const { newest, departed } = watch.revision();
      return () => {
        acknowledgement.programmed(newest, departed > acknowledged);
        acknowledged = newest;
      };
    },
  });
  const ready = (): readonly string[] => [
    ...(watch.synced() ? [] : ["services and endpoints are not read yet"]),
    ...(sync.synced() ? [] : ["the rules are not written yet"]),
  ];
  const server = createHttpsServer(config.server, {
    ...ports,
    ready,
    // Without certificates nobody can be known: what happens on this machine is for this machine.
    ...(config.server.certFile === undefined ? { gate: async ({ socket }) => onlyFromHere(socket.remoteAddress) } : {}),
  });
  const ended = new AbortController();
  let running: Promise<unknown> = Promise.resolve();

  return {
    async start(signal) {
      const life = AbortSignal.any([signal, ended.signal]);
      await refuseMissingTools(config, life);
      await server.start(life);
      // Rules of an earlier proxy stay in force until everything is known: an unread service is not a deleted one.
      const rules = watch.whenSynced(life).then(async () => {
        await removeOtherModes(config, ports, life);
        watch.subscribe((changedAtMs) => sync.wake(changedAtMs));
        await Promise.all([sync.run(life), acknowledgement.run(life)]);
      });
      running = Promise.allSettled([watch.run(life), rules]);
    },
    ready,
    async stop() {
      ended.abort(new DOMException("the proxy is stopped", "AbortError"));
      await running;
      await checks.stop();
      for (const { dataplane } of led) dataplane.stop?.();
      await server.stop();
    },
  };
}

function onlyFromHere(address: string | undefined): Refusal | undefined {
  const here = address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
  return here ? undefined : { status: 403, text: "only from this machine" };
}

function familyPorts(
  family: Family,
  config: RunConfig,
  watch: ServiceWatch,
  ports: DaemonPorts,
  told: (ports: ReturnType<FamilyPorts["ports"]>) => void,
): FamilyPorts {
  const servicePorts = createServicePorts();
  const ranges = config.nodePortAddresses.filter((range) => familyOf(range.split("/")[0]) === family);
  const dataplane = dataplaneOf(config, family, ports);
  return {
    dataplane: family === "ipv4" ? dataplane : whileUsed(dataplane),
    conntrack: createConntrack(family),
    ports() {
      const wanted = servicePorts({ ...watch.view(), family });
      if (family === "ipv4") told(wanted);
      return wanted;
    },
    rules: (): RulesConfig => ({
      family,
      nodePortRanges: config.nodePortsOnPrimary
        ? watch
            .view()
            .node.addresses.filter((address) => familyOf(address) === family)
            .slice(0, 1)
        : ranges,
      clusterCidr: config.clusterCidrs.find((cidr) => familyOf(cidr.split("/")[0]) === family),
      masqueradeAll: config.masqueradeAll,
      masqueradeMark: config.masqueradeMark,
    }),
  };
}

function dataplaneOf({ proxyMode, ipvs }: RunConfig, family: Family, ports: DaemonPorts): Dataplane {
  switch (proxyMode) {
    case "iptables":
      return createIptables(family);
    case "nftables":
      return createNftDataplane(family);
    case "ipvs":
      return createIpvsDataplane(family, ipvs);
    case "userspace":
      return createUserspace(family, ports);
  }
}

/** What rules of ours may be made of; userspace mode's are made of the first. */
function allDataplanes(): readonly (readonly ["iptables" | "nftables" | "ipvs", Dataplane])[] {
  return families.flatMap((family) => [
    ["iptables", createIptables(family)] as const,
    ["nftables", createNftDataplane(family)] as const,
    ["ipvs", createIpvsDataplane(family, { scheduler: "rr", strictArp: false })] as const,
  ]);
}

/** A mode without its tool fails at the start and not at the first rule. */
async function refuseMissingTools(config: RunConfig, signal: AbortSignal): Promise<void> {
  const { proxyMode, ipvs } = config;
  if (proxyMode !== "nftables" && proxyMode !== "ipvs") return;
  try {
    await (proxyMode === "ipvs" ? createIpvsDataplane("ipv4", ipvs) : createNftDataplane("ipv4")).probe(signal);
  } catch (cause) {
    throw new StartError(`--proxy-mode=${proxyMode}: ${(cause as Error).message}`, { cause });
  }
}

/** Two modes at once would both translate; the old one's rules go before the new one's come, in a moment. */
async function removeOtherModes(config: RunConfig, { log }: DaemonPorts, signal: AbortSignal): Promise<void> {
  const own = config.proxyMode === "userspace" ? "iptables" : config.proxyMode;
  for (const [mode, dataplane] of allDataplanes()) {
    if (mode === own) continue;
    const removed = await dataplane.remove(signal);
    if (removed.length > 0) log.info({ mode, changes: removed.length }, "rules of another mode are removed");
  }
}

/** Removes everything and is then done. */
function cleanup(ports: DaemonPorts): Component {
  return {
    async start(signal) {
      try {
        const removed: string[] = [];
        for (const [, dataplane] of allDataplanes()) removed.push(...(await dataplane.remove(signal)));
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
