// The same services as rules.ts, as a table of nftables. What is said per service is an element and not a rule: a packet is
// looked up once to learn how many backends its service has, draws one of their places, and is looked up in the map of that
// place. Chains and maps grow with the largest number of backends, not with the number of services:
//
//   services ──(address, protocol, port)──► choose-3 ──at random──► pick-0 │ pick-1 │ pick-2 ──► backends-N[same key]
//      ├ external ──► [masquerade-choose-3, or external-… for policy Local] ──► choose-3
//      └ any local address, (protocol, port) ──► node-choose-3 … the same once more, with keys without an address
// Clients that stick to a backend need a memory per endpoint: such services have chains of their own (`affine-…`).
// What may not pass is dropped before its destination changes (`firewall`), what cannot be served is refused after.
import { nftKey } from "@coxswain/netfilter";
import type { NftBase, NftChain, NftField, NftPart, NftRule, NftSet } from "@coxswain/netfilter";
import { hostPort } from "./address.ts";
import type { ChainHash } from "./chains.ts";
import type { Backend } from "./endpoints.ts";
import { perPort } from "./per-port.ts";
import type { RulesConfig } from "./rules.ts";
import type { ServicePort } from "./service-port.ts";

export const nftTableName = "coxswain-proxy";

/** By what a kind of address is looked up: node ports are served on every address of the node. */
interface Front {
  readonly prefix: "" | "node-";
  readonly fields: readonly NftField[];
  readonly parts: readonly NftPart[];
}

export const byAddress: Front = {
  prefix: "",
  fields: ["address", "protocol", "port"],
  parts: ["destination", "protocol", "port"],
};
export const byNodePort: Front = { prefix: "node-", fields: ["protocol", "port"], parts: ["protocol", "port"] };

export type NftElement = readonly [set: string, key: string, value: string];

/** A table's kind: what is always there, and what one port brings. */
export interface NftRules<C extends RulesConfig> {
  readonly table: string;
  readonly sets: readonly Omit<NftSet, "elements">[];
  readonly chains: (config: C) => readonly NftChain[];
  /** The same object for the same port and settings. */
  readonly partOf: (
    port: ServicePort,
    settings: { readonly config: C; readonly hash: ChainHash },
    key: string,
  ) => NftPortPart;
}

const commonSets: readonly Omit<NftSet, "elements">[] = [
  { name: "services", key: byAddress.fields, value: "verdict" },
  { name: "node-ports", key: byNodePort.fields, value: "verdict" },
  { name: "refused", key: byAddress.fields, value: "verdict" },
  { name: "refused-node-ports", key: byNodePort.fields, value: "verdict" },
  { name: "firewalls", key: byAddress.fields, value: "verdict" },
  { name: "masqueraded", key: byAddress.fields },
  { name: "hairpins", key: ["address", "address"] },
];

const partOf = perPort(
  (port, { config, hash }: { readonly config: RulesConfig; readonly hash: ChainHash }): NftPortPart => {
    const build: Build = { config, hash, sets: new Map(), chains: new Map(), elements: [], claims: [] };
    addPort(build, port);
    return build;
  },
);

export interface NftPortPart {
  readonly sets: ReadonlyMap<string, Omit<NftSet, "elements">>;
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly elements: readonly NftElement[];
  /** Elements that count only where nobody else has their key. */
  readonly claims: readonly NftClaim[];
}

export interface NftClaim {
  readonly map: string;
  readonly refused: string;
  readonly key: string;
  readonly elements: readonly NftElement[];
}

interface Build extends NftPortPart {
  readonly config: RulesConfig;
  readonly hash: ChainHash;
  readonly sets: Map<string, Omit<NftSet, "elements">>;
  readonly chains: Map<string, NftChain>;
  readonly elements: NftElement[];
  readonly claims: NftClaim[];
}

function addPort(build: Build, port: ServicePort): void {
  const internal = chooser(build, port, byAddress, port.internalPolicy === "Local");
  const address = nftKey(port.clusterIp, port.protocol, port.port);
  serve(build, port, byAddress, "services", "refused", address, internal);
  if (internal !== undefined && port.internalPolicy === "Cluster") put(build, "masqueraded", address, "");
  for (const { address: backend } of [...port.backends, ...port.localBackends])
    put(build, "hairpins", nftKey(backend, backend), "");
  const externals = [...port.externalIps, ...port.loadBalancerIps];
  const external = externals.length > 0 ? externalChooser(build, port, byAddress) : undefined;
  for (const each of externals) {
    const key = nftKey(each, port.protocol, port.port);
    serve(build, port, byAddress, "services", "refused", key, external);
    if (port.loadBalancerSourceRanges.length > 0 && port.loadBalancerIps.includes(each))
      put(build, "firewalls", key, `goto ${firewallChain(build, port)}`);
  }
  if (port.nodePort !== undefined) {
    const key = nftKey(port.protocol, port.nodePort);
    serve(build, port, byNodePort, "node-ports", "refused-node-ports", key, externalChooser(build, port, byNodePort));
  }
}

/** Leads a key to a chain, and refuses what that chain does not serve. */
function serve(
  build: Build,
  port: ServicePort,
  front: Front,
  map: string,
  refused: string,
  key: string,
  chain: string | undefined,
): void {
  const elements: NftElement[] = [];
  build.claims.push({ map, refused, key, elements });
  const external = front === byNodePort || !key.startsWith(`${port.clusterIp} .`);
  const policy = external ? port.externalPolicy : port.internalPolicy;
  if (chain !== undefined) {
    elements.push([map, key, `goto ${chain}`]);
    if (port.affinitySeconds === undefined) {
      if (external || policy === "Cluster") fill(elements, front, "", key, port.backends);
      if (policy === "Local") fill(elements, front, "local-", key, port.localBackends);
    }
  }
  // Nothing anywhere is refused at once; nothing on this node is dropped, since another node may serve it.
  if (port.backends.length === 0) elements.push([refused, key, "goto refuse"]);
  else if (policy === "Local" && port.localBackends.length === 0) elements.push([refused, key, "drop"]);
}

/** The backends of one key, each in the map of its place. */
function fill(
  elements: NftElement[],
  front: Front,
  kind: "" | "local-",
  key: string,
  backends: readonly Backend[],
): void {
  backends.forEach(({ address, port }, place) =>
    elements.push([`${front.prefix}${kind}backends-${place}`, key, nftKey(address, port)]),
  );
}

/** The chain that chooses among a port's backends; undefined where there are none. */
function chooser(build: Build, port: ServicePort, front: Front, local: boolean): string | undefined {
  const backends = local ? port.localBackends : port.backends;
  if (backends.length === 0) return undefined;
  if (port.affinitySeconds !== undefined) return affineChain(build, port, port.affinitySeconds, local);
  const kind = `${front.prefix}${local ? "local-" : ""}`;
  const places = backends.map((_backend, place) => {
    const map = `${kind}backends-${place}`;
    declare(build, { name: map, key: front.fields, value: ["address", "port"] });
    return chain(build, `${kind}pick-${place}`, [[{ kind: "destinationOf", key: front.parts, map }]]);
  });
  const [only] = places;
  if (places.length === 1 && only !== undefined) return only;
  return chain(build, `${kind}choose-${places.length}`, [[{ kind: "choose", chains: places }]]);
}

/** Policy Cluster hides the client behind the node so that answers come back; policy Local keeps its address. */
function externalChooser(build: Build, port: ServicePort, front: Front): string | undefined {
  const all = chooser(build, port, front, false);
  if (all === undefined) return undefined;
  if (port.externalPolicy === "Cluster")
    return chain(build, `masquerade-${all}`, [
      [{ kind: "jump", chain: "mark-masquerade" }],
      [{ kind: "goto", chain: all }],
    ]);
  const here = chooser(build, port, front, true);
  const { clusterCidr } = build.config;
  const rules: NftRule[] = [
    ...(clusterCidr === undefined
      ? []
      : [[{ kind: "address", of: "source", cidr: clusterCidr } as const, { kind: "goto", chain: all } as const]]),
    [
      { kind: "local", of: "source" },
      { kind: "jump", chain: "mark-masquerade" },
    ],
    [
      { kind: "local", of: "source" },
      { kind: "goto", chain: all },
    ],
    ...(here === undefined ? [] : [[{ kind: "goto", chain: here } as const]]),
  ];
  return chain(build, `external-${all}-${here ?? "none"}`, rules);
}

/** Clients that were here lately go where they went; all others take each backend with the same probability. */
function affineChain(build: Build, port: ServicePort, seconds: number, local: boolean): string {
  const id = `${build.hash(port.id + port.protocol)}`;
  const ends = (local ? port.localBackends : port.backends).map((backend) => {
    const endpoint = build.hash(`${port.id}${port.protocol}${hostPort(backend)}`);
    const set = `clients-${endpoint}`;
    declare(build, { name: set, key: ["address"], timeoutSeconds: seconds });
    const rules: NftRule[] = [
      [{ kind: "remember", set }],
      [
        { kind: "protocol", protocol: port.protocol },
        { kind: "destinationNat", ...backend },
      ],
    ];
    return { set, chain: chain(build, `endpoint-${endpoint}`, rules) };
  });
  const known = ends.map((end): NftRule => [
    { kind: "within", key: ["source"], set: end.set },
    { kind: "goto", chain: end.chain },
  ]);
  const [only] = ends;
  const fresh: NftRule[] =
    ends.length === 1 && only
      ? [[{ kind: "goto", chain: only.chain }]]
      : [[{ kind: "choose", chains: ends.map((end) => end.chain) }]];
  return chain(build, `affine-${local ? "local-" : ""}${id}`, [...known, ...fresh]);
}

function firewallChain(build: Build, port: ServicePort): string {
  const { name, rules } = firewallOf(port, build.hash);
  return chain(build, name, rules);
}

/** Sources within the ranges return and pass. */
export function firewallOf(port: ServicePort, hash: ChainHash): NftChain {
  const sources = [...port.loadBalancerSourceRanges, ...(port.nodeMayUseLoadBalancer ? port.loadBalancerIps : [])];
  return {
    name: `firewall-${hash(port.id + port.protocol)}`,
    rules: [
      ...sources.map((cidr): NftRule => [{ kind: "address", of: "source", cidr }, { kind: "return" }]),
      [{ kind: "drop" }],
    ],
  };
}

function chain(build: Build, name: string, rules: readonly NftRule[]): string {
  if (!build.chains.has(name)) build.chains.set(name, { name, rules });
  return name;
}

function declare(build: Build, set: Omit<NftSet, "elements">): void {
  if (!build.sets.has(set.name)) build.sets.set(set.name, set);
}

function put(build: Build, set: string, key: string, value: string): void {
  build.elements.push([set, key, value]);
}

/** The kernel's way in, and the two chains that everybody uses. */
function baseChains(config: RulesConfig): NftChain[] {
  const { masqueradeMark: bit } = config;
  const isNew = { kind: "state", state: "new" } as const;
  const lookUp = (front: Front, map: string): NftRule[number] => ({ kind: "verdictOf", key: front.parts, map });
  const toNode = { kind: "local", of: "destination" } as const;
  const refusals: NftRule[] = [
    [isNew, lookUp(byAddress, "refused")],
    [isNew, toNode, lookUp(byNodePort, "refused-node-ports")],
  ];
  const toServices: NftRule[] = [[{ kind: "jump", chain: "to-services" }]];
  const base = (name: string, at: NftBase, rules: readonly NftRule[]): NftChain => ({ name, base: at, rules });
  const firewall: NftRule[] = [[isNew, lookUp(byAddress, "firewalls")]];
  return [
    base("firewall-in", { type: "filter", hook: "prerouting", priority: "dstnat - 10" }, firewall),
    base("firewall-out", { type: "filter", hook: "output", priority: "-110" }, firewall),
    base("nat-in", { type: "nat", hook: "prerouting", priority: "dstnat" }, toServices),
    base("nat-out", { type: "nat", hook: "output", priority: "-100" }, toServices),
    base("filter-in", { type: "filter", hook: "input", priority: "filter" }, refusals),
    base("filter-forward", { type: "filter", hook: "forward", priority: "filter" }, [
      [{ kind: "state", state: "invalid" }, { kind: "drop" }],
      ...refusals,
    ]),
    base("filter-out", { type: "filter", hook: "output", priority: "filter" }, refusals),
    base("nat-post", { type: "nat", hook: "postrouting", priority: "srcnat" }, [
      // The mark is taken off so that a packet which comes by again is not masqueraded twice.
      [{ kind: "marked", bit }, { kind: "clearMark", bit }, { kind: "masquerade" }],
      // A backend that calls its own service would see itself as the client: then the node stands in between.
      [
        { kind: "translated" },
        { kind: "within", key: ["source", "destination"], set: "hairpins" },
        { kind: "masquerade" },
      ],
    ]),
    { name: "mark-masquerade", rules: [[{ kind: "setMark", bit }]] },
    { name: "refuse", rules: [[{ kind: "reject" }]] },
    {
      name: "to-services",
      rules: [...masqueradeRules(config), [lookUp(byAddress, "services")], ...toNodePorts(config, "node-ports")],
    },
  ];
}

/** What goes to node ports, on the addresses that they are served on. */
export function toNodePorts({ family, nodePortRanges }: RulesConfig, map: string): NftRule[] {
  const loopback = { cidr: family === "ipv4" ? "127.0.0.0/8" : "::1/128", not: true } as const;
  const ranges = nodePortRanges.length > 0 ? nodePortRanges.map((cidr) => ({ cidr })) : [loopback];
  return ranges.map((range) => [
    { kind: "address", of: "destination", ...range },
    { kind: "local", of: "destination" },
    { kind: "verdictOf", key: byNodePort.parts, map },
  ]);
}

export const nftRules: NftRules<RulesConfig> = { table: nftTableName, sets: commonSets, chains: baseChains, partOf };

/** Who is masqueraded on the way to a cluster address. */
export function masqueradeRules({ clusterCidr, masqueradeAll }: RulesConfig): NftRule[] {
  const known = { kind: "within", key: byAddress.parts, set: "masqueraded" } as const;
  const mark = { kind: "jump", chain: "mark-masquerade" } as const;
  if (masqueradeAll) return [[known, mark]];
  return clusterCidr === undefined
    ? []
    : [[{ kind: "address", of: "source", cidr: clusterCidr, not: true }, known, mark]];
}
