// The names of the chains, Kubernetes' own: people and tools know them, and rules of an earlier proxy are taken over.
import { comment, jump } from "@coxswain/netfilter";
import type { HookRule, TableName } from "@coxswain/netfilter";
import { hostPort } from "./address.ts";
import type { Backend } from "./endpoints.ts";
import type { ServicePort } from "./service-port.ts";

/** Sixteen characters of base32 that stand for a text; kube-proxy's SHA-256 is given by the shell. */
export type ChainHash = (text: string) => string;

export const chains = {
  services: "KUBE-SERVICES",
  externalServices: "KUBE-EXTERNAL-SERVICES",
  nodePorts: "KUBE-NODEPORTS",
  postrouting: "KUBE-POSTROUTING",
  markMasquerade: "KUBE-MARK-MASQ",
  forward: "KUBE-FORWARD",
  firewall: "KUBE-PROXY-FIREWALL",
} as const;

const fixed: ReadonlySet<string> = new Set(Object.values(chains));

/** Which chains are the proxy's, by name alone. */
export function isProxyChain(name: string): boolean {
  return fixed.has(name) || /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(name);
}

/** The tables that the proxy has chains in. */
export const proxyTables: readonly TableName[] = ["nat", "filter"];

export interface PortChains {
  readonly cluster: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
  readonly endpoint: (backend: Backend) => string;
}

export function chainsOf(port: ServicePort, hash: ChainHash): PortChains {
  const id = hash(port.id + port.protocol);
  return {
    cluster: `KUBE-SVC-${id}`,
    local: `KUBE-SVL-${id}`,
    external: `KUBE-EXT-${id}`,
    firewall: `KUBE-FW-${id}`,
    endpoint: (backend) => `KUBE-SEP-${hash(`${port.id}${port.protocol}${hostPort(backend)}`)}`,
  };
}

const onlyNew = { kind: "connection", states: ["NEW"] } as const;

/** How packets reach the proxy's chains, in the order in which they are asked. */
export const natHooks: readonly HookRule[] = [
  { hook: "PREROUTING", rule: { matches: [comment("kubernetes service portals")], target: jump(chains.services) } },
  { hook: "OUTPUT", rule: { matches: [comment("kubernetes service portals")], target: jump(chains.services) } },
  {
    hook: "POSTROUTING",
    rule: { matches: [comment("kubernetes postrouting rules")], target: jump(chains.postrouting) },
  },
];

export const filterHooks: readonly HookRule[] = [
  {
    hook: "INPUT",
    rule: { matches: [comment("kubernetes health check service ports")], target: jump(chains.nodePorts) },
  },
  {
    hook: "INPUT",
    rule: { matches: [onlyNew, comment("kubernetes load balancer firewall")], target: jump(chains.firewall) },
  },
  {
    hook: "INPUT",
    rule: {
      matches: [onlyNew, comment("kubernetes externally-visible service portals")],
      target: jump(chains.externalServices),
    },
  },
  {
    hook: "FORWARD",
    rule: { matches: [onlyNew, comment("kubernetes load balancer firewall")], target: jump(chains.firewall) },
  },
  { hook: "FORWARD", rule: { matches: [comment("kubernetes forwarding rules")], target: jump(chains.forward) } },
  {
    hook: "FORWARD",
    rule: { matches: [onlyNew, comment("kubernetes service portals")], target: jump(chains.services) },
  },
  {
    hook: "FORWARD",
    rule: {
      matches: [onlyNew, comment("kubernetes externally-visible service portals")],
      target: jump(chains.externalServices),
    },
  },
  {
    hook: "OUTPUT",
    rule: { matches: [onlyNew, comment("kubernetes load balancer firewall")], target: jump(chains.firewall) },
  },
  {
    hook: "OUTPUT",
    rule: { matches: [onlyNew, comment("kubernetes service portals")], target: jump(chains.services) },
  },
];
