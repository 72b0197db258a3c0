// From services and endpoints to the whole ruleset: the heart of the proxy. It decides and forgets; the shell compares
// the result with the kernel. The chains are kube-proxy's, so that its documentation holds here, too:
//
//   KUBE-SERVICES ── cluster address ─────────────► KUBE-SVC-x ──at random──► KUBE-SEP-y ──► backend (DNAT)
//        │   └────── external, load balancer ─► [KUBE-FW-x] ─► KUBE-EXT-x ──► KUBE-SVC-x or KUBE-SVL-x (local only)
//        └─────────── any local address ─► KUBE-NODEPORTS ─► KUBE-EXT-x
//   KUBE-MARK-MASQ marks what KUBE-POSTROUTING gives the node's own source address.
// What cannot be served is refused or dropped in the filter table, since nat cannot.
import { comment, jump } from "@coxswain/netfilter";
import type { Chain, Match, Rule, Ruleset, Target } from "@coxswain/netfilter";
import { chains, chainsOf, filterHooks, natHooks } from "./chains.ts";
import type { ChainHash, PortChains } from "./chains.ts";
import { hostPort } from "./address.ts";
import type { Family } from "./address.ts";
import type { Backend } from "./endpoints.ts";
import { perPort } from "./per-port.ts";
import type { HealthCheck, ServicePort, TrafficPolicy } from "./service-port.ts";

export interface RulesConfig {
  readonly family: Family;
  /** Node ports are served on the node's addresses within these ranges; empty: on all but loopback. */
  readonly nodePortRanges: readonly string[];
  /** Addresses of pods. Traffic to cluster addresses from elsewhere is masqueraded; undefined: nobody's is. */
  readonly clusterCidr: string | undefined;
  /** Masquerade even traffic from pods. */
  readonly masqueradeAll: boolean;
  /** The bit of the packet mark that asks for masquerading. */
  readonly masqueradeMark: number;
}

/** The ruleset for these ports. The same ports in the same order give the same text. */
export function serviceRules(ports: readonly ServicePort[], config: RulesConfig, hash: ChainHash): Ruleset {
  const rules = noRules();
  const key = JSON.stringify(config);
  for (const port of ports) addAll(rules, rulesOf(port, { config, hash }, key));
  const { masqueradeMark: mark } = config;
  const nat: Chain[] = [
    { name: chains.services, rules: [...rules.services, ...nodePortEntries(config)] },
    { name: chains.nodePorts, rules: rules.nodePorts },
    {
      name: chains.postrouting,
      rules: [
        { matches: [{ kind: "mark", value: mark, mask: mark, not: true }], target: { kind: "return" } },
        // The mark is taken off so that a packet which comes by again is not masqueraded twice.
        { target: { kind: "setMark", value: mark, mask: 0 } },
        {
          matches: [comment("kubernetes service traffic requiring SNAT")],
          target: { kind: "masquerade", randomFully: true },
        },
      ],
    },
    { name: chains.markMasquerade, rules: [{ target: { kind: "setMark", value: mark, mask: mark } }] },
    ...[...rules.chains]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, chainRules]) => ({ name, rules: chainRules })),
  ];
  const filter: Chain[] = [
    { name: chains.services, rules: rules.rejected },
    { name: chains.externalServices, rules: rules.externalRejected },
    { name: chains.firewall, rules: rules.firewall },
    { name: chains.nodePorts, rules: [...rules.healthChecks.values()] },
    {
      name: chains.forward,
      rules: [
        { matches: [{ kind: "connection", states: ["INVALID"] }], target: { kind: "drop" } },
        {
          matches: [comment("kubernetes forwarding rules"), { kind: "mark", value: mark, mask: mark }],
          target: { kind: "accept" },
        },
        {
          matches: [
            comment("kubernetes forwarding conntrack rule"),
            { kind: "connection", states: ["RELATED", "ESTABLISHED"] },
          ],
          target: { kind: "accept" },
        },
      ],
    },
  ];
  return {
    family: config.family,
    tables: [
      { name: "nat", chains: nat, hooks: natHooks },
      { name: "filter", chains: filter, hooks: filterHooks },
    ],
  };
}

const rulesOf = perPort((port, { config, hash }: { readonly config: RulesConfig; readonly hash: ChainHash }): Rules => {
  const rules = noRules();
  addPort(rules, port, chainsOf(port, hash), config);
  return rules;
});

function noRules(): Rules {
  return {
    services: [],
    nodePorts: [],
    rejected: [],
    externalRejected: [],
    firewall: [],
    healthChecks: new Map(),
    chains: new Map(),
  };
}

function addAll(all: Rules, own: Rules): void {
  for (const list of ["services", "nodePorts", "rejected", "externalRejected", "firewall"] as const)
    for (const rule of own[list]) all[list].push(rule);
  for (const [port, rule] of own.healthChecks) all.healthChecks.set(port, rule);
  for (const [name, chain] of own.chains) all.chains.set(name, chain);
}

interface Rules {
  readonly services: Rule[];
  readonly nodePorts: Rule[];
  readonly rejected: Rule[];
  readonly externalRejected: Rule[];
  readonly firewall: Rule[];
  /** By port: the service's ports share one. */
  readonly healthChecks: Map<number, Rule>;
  readonly chains: Map<string, Rule[]>;
}

/** Loopback addresses stay out: serving them would need the kernel to route 127.0.0.0/8. */
function nodePortEntries({ family, nodePortRanges }: RulesConfig): Rule[] {
  const destinations =
    nodePortRanges.length > 0 ? nodePortRanges : [{ not: family === "ipv4" ? "127.0.0.0/8" : "::1/128" }];
  return destinations.map((destination) => ({
    destination,
    matches: [
      comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain"),
      { kind: "destinationType", type: "LOCAL" },
    ],
    target: jump(chains.nodePorts),
  }));
}

function addPort(rules: Rules, port: ServicePort, names: PortChains, config: RulesConfig): void {
  addInternal(rules, port, names);
  if (isExternal(port)) addExternal(rules, port, names, config);
  addBackends(rules, port, names, config);
  if (port.healthCheck) rules.healthChecks.set(port.healthCheck.port, healthCheckRule(port.healthCheck));
}

/** Whoever filters what comes in from outside must let the balancers' questions pass. */
function healthCheckRule({ port, namespace, name }: HealthCheck): Rule {
  return {
    protocol: "tcp",
    matches: [comment(`${namespace}/${name} health check node port`), { kind: "destinationPort", port }],
    target: { kind: "accept" },
  };
}

/** From pods and nodes to the cluster address. */
function addInternal(rules: Rules, port: ServicePort, names: PortChains): void {
  const backends = backendsFor(port, port.internalPolicy);
  if (backends.length > 0) {
    rules.services.push(toAddress(port, port.clusterIp, "cluster IP", jump(policyChain(names, port.internalPolicy))));
  } else {
    const { target, reason } = refusal(port);
    rules.rejected.push(toAddress(port, port.clusterIp, reason, target));
  }
}

/** From outside: external addresses, load balancers, node ports. */
function addExternal(rules: Rules, port: ServicePort, names: PortChains, config: RulesConfig): void {
  const served = port.backends.length > 0;
  const firewalled = port.loadBalancerSourceRanges.length > 0;
  const localOnly = port.externalPolicy === "Local" && port.localBackends.length === 0;
  for (const address of served ? port.externalIps : [])
    rules.services.push(toAddress(port, address, "external IP", jump(names.external)));
  for (const address of served ? port.loadBalancerIps : []) {
    rules.services.push(
      toAddress(port, address, "loadbalancer IP", jump(firewalled ? names.firewall : names.external)),
    );
    if (firewalled)
      rules.firewall.push(toAddress(port, address, "traffic not accepted by " + names.firewall, { kind: "drop" }));
  }
  if (served && port.nodePort) rules.nodePorts.push(toNodePort(port, port.nodePort, undefined, jump(names.external)));
  if (served) {
    rules.chains.set(names.external, externalRules(port, names, config));
    if (firewalled && port.loadBalancerIps.length > 0) rules.chains.set(names.firewall, firewallRules(port, names));
  }
  if (!served || localOnly) {
    const { target, reason } = refusal(port);
    for (const address of [...port.externalIps, ...port.loadBalancerIps])
      rules.externalRejected.push(toAddress(port, address, reason, target));
    if (port.nodePort) rules.externalRejected.push(toNodePort(port, port.nodePort, reason, target));
  }
}

/** Policy Cluster hides the client behind the node so that answers come back; policy Local keeps its address. */
function externalRules(port: ServicePort, names: PortChains, config: RulesConfig): Rule[] {
  if (port.externalPolicy === "Cluster") {
    return [
      {
        matches: [comment(`masquerade traffic for ${port.id} external destinations`)],
        target: jump(chains.markMasquerade),
      },
      { target: jump(names.cluster) },
    ];
  }
  const fromNode: Match = { kind: "sourceType", type: "LOCAL" };
  return [
    ...(config.clusterCidr
      ? [
          {
            source: config.clusterCidr,
            matches: [comment(`pod traffic for ${port.id} external destinations`)],
            target: jump(names.cluster),
          },
        ]
      : []),
    {
      matches: [comment(`masquerade LOCAL traffic for ${port.id} external destinations`), fromNode],
      target: jump(chains.markMasquerade),
    },
    {
      matches: [comment(`route LOCAL traffic for ${port.id} external destinations`), fromNode],
      target: jump(names.cluster),
    },
    ...(port.localBackends.length > 0 ? [{ target: jump(names.local) }] : []),
  ];
}

function firewallRules(port: ServicePort, names: PortChains): Rule[] {
  const sources = [...port.loadBalancerSourceRanges, ...(port.nodeMayUseLoadBalancer ? port.loadBalancerIps : [])];
  return sources.map((source) => ({
    source,
    matches: [comment(`${port.id} loadbalancer IP`)],
    target: jump(names.external),
  }));
}

/** The chains that choose a backend, and the backends' own. */
function addBackends(rules: Rules, port: ServicePort, names: PortChains, config: RulesConfig): void {
  const clusterUsed = port.backends.length > 0 && (port.internalPolicy === "Cluster" || isExternal(port));
  const localUsed =
    port.localBackends.length > 0 &&
    (port.internalPolicy === "Local" || (isExternal(port) && port.externalPolicy === "Local"));
  if (clusterUsed)
    rules.chains.set(names.cluster, [...masqueradeRules(port, config), ...choiceRules(port, names, port.backends)]);
  if (localUsed) rules.chains.set(names.local, choiceRules(port, names, port.localBackends));
  for (const backend of [...(clusterUsed ? port.backends : []), ...(localUsed ? port.localBackends : [])]) {
    rules.chains.set(names.endpoint(backend), endpointRules(port, names, backend));
  }
}

function masqueradeRules(port: ServicePort, config: RulesConfig): Rule[] {
  if (port.internalPolicy !== "Cluster") return [];
  if (config.masqueradeAll) return [toAddress(port, port.clusterIp, "cluster IP", jump(chains.markMasquerade))];
  if (!config.clusterCidr) return [];
  return [
    {
      ...toAddress(port, port.clusterIp, "cluster IP", jump(chains.markMasquerade)),
      source: { not: config.clusterCidr },
    },
  ];
}

/** Clients that were here lately go where they went; all others take each backend with the same probability. */
function choiceRules(port: ServicePort, names: PortChains, backends: readonly Backend[]): Rule[] {
  const affine = backends.map((backend): Rule => {
    const chain = names.endpoint(backend);
    return {
      matches: [arrow(port, backend), { kind: "remembered", list: chain, seconds: port.affinitySeconds ?? 0 }],
      target: jump(chain),
    };
  });
  const random = backends.map((backend, index): Rule => {
    const left = backends.length - index;
    const chance: Match[] = left > 1 ? [{ kind: "probability", probability: 1 / left }] : [];
    return { matches: [arrow(port, backend), ...chance], target: jump(names.endpoint(backend)) };
  });
  return port.affinitySeconds === undefined ? random : [...affine, ...random];
}

/** A backend that calls its own service would see itself as the client: then the node stands in between. */
function endpointRules(port: ServicePort, names: PortChains, backend: Backend): Rule[] {
  if (backend.address === "") {
    return [{ protocol: port.protocol, matches: [comment(port.id)], target: { kind: "redirect", port: backend.port } }];
  }
  const remember: Match[] =
    port.affinitySeconds === undefined ? [] : [{ kind: "remember", list: names.endpoint(backend) }];
  return [
    { source: backend.address, matches: [comment(port.id)], target: jump(chains.markMasquerade) },
    {
      protocol: port.protocol,
      matches: [comment(port.id), ...remember],
      target: { kind: "destinationNat", to: hostPort(backend) },
    },
  ];
}

function isExternal(port: ServicePort): boolean {
  return port.nodePort !== undefined || port.externalIps.length + port.loadBalancerIps.length > 0;
}

function backendsFor(port: ServicePort, policy: TrafficPolicy): readonly Backend[] {
  return policy === "Local" ? port.localBackends : port.backends;
}

function policyChain(names: PortChains, policy: TrafficPolicy): string {
  return policy === "Local" ? names.local : names.cluster;
}

/** Nothing anywhere is refused at once; nothing on this node is dropped, since another node may serve it. */
function refusal(port: ServicePort): { readonly target: Target; readonly reason: string } {
  return port.backends.length === 0
    ? { target: { kind: "reject" }, reason: "has no endpoints" }
    : { target: { kind: "drop" }, reason: "has no local endpoints" };
}

function toAddress(port: ServicePort, destination: string, what: string, target: Target): Rule {
  return {
    destination,
    protocol: port.protocol,
    matches: [comment(`${port.id} ${what}`), { kind: "destinationPort", port: port.port }],
    target,
  };
}

function toNodePort(port: ServicePort, nodePort: number, reason: string | undefined, target: Target): Rule {
  return {
    protocol: port.protocol,
    matches: [
      comment(reason ? `${port.id} ${reason}` : port.id),
      ...(reason ? [{ kind: "destinationType", type: "LOCAL" } as const] : []),
      { kind: "destinationPort", port: nodePort },
    ],
    target,
  };
}

function arrow(port: ServicePort, backend: Backend): Match {
  return comment(`${port.id} -> ${hostPort(backend)}`);
}
