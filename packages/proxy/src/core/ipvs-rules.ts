// What IPVS alone does not do, as a table of nftables: IPVS chooses a backend and translates (virtual-servers.ts); this table says before it who may
// pass and whose address is hidden, and after it hides it. The services' addresses are on a link of this machine (`addresses`), so that packets to
// them end in its input, where IPVS waits. All that is said per service is an element:
//
//   prerouting, output ── firewalls ─► may this source? ── mark: masqueraded, external, node-ports ─► input ── refused? not a service's port? ─► IPVS
//   postrouting ── marked, or a backend that calls itself ─► masquerade
import { nftKey } from "@coxswain/netfilter";
import type { IpvsScheduler, NftBase, NftChain, NftRule } from "@coxswain/netfilter";
import type { Backend } from "./endpoints.ts";
import { byAddress, byNodePort, firewallOf, masqueradeRules, toNodePorts } from "./nft-rules.ts";
import type { NftClaim, NftElement, NftPortPart, NftRules } from "./nft-rules.ts";
import { perPort } from "./per-port.ts";
import type { ChainHash } from "./chains.ts";
import type { RulesConfig } from "./rules.ts";
import type { ServicePort, TrafficPolicy } from "./service-port.ts";

export interface IpvsConfig extends RulesConfig {
  readonly scheduler: IpvsScheduler;
  /** The machine's addresses of this family, but for those that stand there for services. */
  readonly hostAddresses: readonly string[];
}

export const ipvsTableName = "coxswain-proxy-ipvs";

const sets: NftRules<IpvsConfig>["sets"] = [
  { name: "addresses", key: ["address"] },
  { name: "services", key: byAddress.fields, value: "verdict" },
  { name: "refused", key: byAddress.fields, value: "verdict" },
  { name: "refused-node-ports", key: byNodePort.fields, value: "verdict" },
  { name: "firewalls", key: byAddress.fields, value: "verdict" },
  { name: "masqueraded", key: byAddress.fields },
  { name: "external", key: byAddress.fields, value: "verdict" },
  { name: "node-ports", key: byNodePort.fields, value: "verdict" },
  { name: "hairpins", key: ["address", "address"] },
];

interface Settings {
  readonly config: IpvsConfig;
  readonly hash: ChainHash;
}

const partOf = perPort((port, { config, hash }: Settings): NftPortPart => {
  const elements: NftElement[] = [];
  const claims: NftClaim[] = [];
  const chains = new Map<string, NftChain>();
  const put = (set: string, key: string, value = ""): void => void elements.push([set, key, value]);
  for (const address of new Set([port.clusterIp, ...externalsOf(port)]))
    if (!config.hostAddresses.includes(address)) put("addresses", address);
  for (const { address } of [...port.backends, ...port.localBackends]) put("hairpins", nftKey(address, address));
  const cluster = nftKey(port.clusterIp, port.protocol, port.port);
  if (port.internalPolicy === "Cluster") put("masqueraded", cluster);
  claims.push(
    claim(
      "services",
      "refused",
      cluster,
      [["services", cluster, "return"]],
      refusal(port, port.internalPolicy, "drop"),
    ),
  );
  const outside = refusal(port, port.externalPolicy, "goto refuse-outside");
  const hidden = `goto ${port.externalPolicy === "Cluster" ? "mark-masquerade" : "mark-node"}`;
  for (const address of externalsOf(port)) {
    const key = nftKey(address, port.protocol, port.port);
    const own: NftElement[] = [
      ["services", key, "return"],
      ["external", key, hidden],
    ];
    claims.push(claim("services", "refused", key, own, outside));
    if (port.loadBalancerSourceRanges.length > 0 && port.loadBalancerIps.includes(address)) {
      const firewall = firewallOf(port, hash);
      chains.set(firewall.name, firewall);
      put("firewalls", key, `goto ${firewall.name}`);
    }
  }
  if (port.nodePort !== undefined) {
    const key = nftKey(port.protocol, port.nodePort);
    claims.push(claim("node-ports", "refused-node-ports", key, [["node-ports", key, hidden]], outside));
  }
  return { sets: new Map(), chains, elements, claims };
});

/** External addresses and load balancers', each once. */
export function externalsOf(port: ServicePort): readonly string[] {
  return [...new Set([...port.externalIps, ...port.loadBalancerIps])];
}

/** Those that a policy leads to. Who comes from outside under policy Local is refused where there are none here; all others go anywhere. */
export function backendsBehind(port: ServicePort, policy: TrafficPolicy, external: boolean): readonly Backend[] {
  if (policy === "Cluster") return port.backends;
  return external && port.localBackends.length === 0 ? port.backends : port.localBackends;
}

function claim(
  map: string,
  refused: string,
  key: string,
  own: readonly NftElement[],
  verdict: string | undefined,
): NftClaim {
  return {
    map,
    refused,
    key,
    elements: [...own, ...(verdict === undefined ? [] : [[refused, key, verdict] as const])],
  };
}

/** Nothing anywhere is refused at once; nothing on this node is dropped, since another node may serve it. */
function refusal(port: ServicePort, policy: TrafficPolicy, nothingHere: string): string | undefined {
  if (port.backends.length === 0) return "goto refuse";
  return policy === "Local" && port.localBackends.length === 0 ? nothingHere : undefined;
}

function baseChains(config: IpvsConfig): readonly NftChain[] {
  const { masqueradeMark: bit, clusterCidr } = config;
  const isNew = { kind: "state", state: "new" } as const;
  const fromHere = { kind: "local", of: "source" } as const;
  const base = (name: string, at: NftBase, rules: readonly NftRule[]): NftChain => ({ name, base: at, rules });
  const toAddresses = { kind: "within", key: ["destination"], set: "addresses" } as const;
  const firewall: NftRule = [isNew, { kind: "verdictOf", key: byAddress.parts, map: "firewalls" }];
  const refusals: NftRule[] = [
    [isNew, { kind: "verdictOf", key: byAddress.parts, map: "refused" }],
    [
      isNew,
      { kind: "local", of: "destination" },
      { kind: "verdictOf", key: byNodePort.parts, map: "refused-node-ports" },
    ],
    // The addresses are this machine's now, but what listens on all of its addresses is not meant to be reached by them.
    [{ kind: "verdictOf", key: byAddress.parts, map: "services" }],
    ...(["tcp", "udp", "sctp"] as const).map((protocol): NftRule => [
      isNew,
      { kind: "protocol", protocol },
      toAddresses,
      { kind: "reject" },
    ]),
  ];
  const toServices: NftRule = [{ kind: "jump", chain: "to-services" }];
  const mark = { kind: "jump", chain: "mark-masquerade" } as const;
  return [
    base("firewall-in", { type: "filter", hook: "prerouting", priority: "dstnat - 10" }, [firewall]),
    base("mark-in", { type: "nat", hook: "prerouting", priority: "dstnat" }, [toServices]),
    base("filter-in", { type: "filter", hook: "input", priority: "filter" }, refusals),
    // What the machine itself sends, IPVS takes early.
    base("filter-out", { type: "filter", hook: "output", priority: "-110" }, [firewall, ...refusals]),
    base("mark-out", { type: "nat", hook: "output", priority: "-100" }, [
      // Its source is the service's own address, since that is on this machine.
      [toAddresses, mark],
      toServices,
    ]),
    base("nat-post", { type: "nat", hook: "postrouting", priority: "srcnat" }, [
      // The mark is taken off so that a packet which comes by again is not masqueraded twice.
      [{ kind: "marked", bit }, { kind: "clearMark", bit }, { kind: "masquerade" }],
      // A backend that calls its own service would see itself as the client: then the node stands in between.
      [{ kind: "within", key: ["source", "destination"], set: "hairpins" }, { kind: "masquerade" }],
    ]),
    { name: "mark-masquerade", rules: [[{ kind: "setMark", bit }]] },
    // Under policy Local only the machine's own packets are hidden: they may bear an address that nobody else can answer to.
    { name: "mark-node", rules: [[fromHere, mark]] },
    { name: "refuse", rules: [[{ kind: "reject" }]] },
    {
      name: "refuse-outside",
      rules: [
        ...(clusterCidr === undefined
          ? []
          : [[{ kind: "address", of: "source", cidr: clusterCidr } as const, { kind: "return" } as const]]),
        [fromHere, { kind: "return" }],
        [{ kind: "drop" }],
      ],
    },
    {
      name: "to-services",
      rules: [
        ...masqueradeRules(config),
        [{ kind: "verdictOf", key: byAddress.parts, map: "external" }],
        ...toNodePorts(config, "node-ports"),
      ],
    },
  ];
}

export const ipvsRules: NftRules<IpvsConfig> = { table: ipvsTableName, sets, chains: baseChains, partOf };
