// How packets get to the pods of other nodes: straight, by a route to their machine, where both share a link; wrapped into UDP
// packets between the machines (VXLAN, RFC 7348) where routers between them know nothing of pods. Pure; what is there, and
// what is done about it, is the pod network's.
import { contains, formatIPv4, parseCidr, parseIPv4 } from "./ipam.ts";
import type { Cidr } from "./ipam.ts";
import type { Route } from "./routes.ts";

export type NetworkMode = "auto" | "routes" | "vxlan";

/** A link of this machine that is not of the pod network's own. */
export interface Link {
  readonly name: string;
  readonly mtu: number;
  readonly addresses: readonly string[];
  /** What can be reached through it without a router. */
  readonly networks: readonly string[];
}

export interface Tunnel extends Route {
  /** The machine at the other end. */
  readonly machine: string;
  /** The other end's own address on the overlay's Ethernet. */
  readonly hardware: string;
}

export interface Ways {
  readonly direct: readonly Route[];
  /** `via` is the first address of the other node's pods: it stands for the tunnel's end there. */
  readonly tunnels: readonly Tunnel[];
  /** Sentences about nodes whose pods cannot be reached. */
  readonly refused: readonly string[];
}

/** Headers of Ethernet, IPv4, UDP and VXLAN that a wrapped packet needs room for. */
export const vxlanOverhead = 50;
const defaultMtu = 1500;

export function planWays(
  routes: readonly Route[],
  view: { readonly mode: NetworkMode; readonly podCidr: string; readonly links: readonly Link[] },
): Ways {
  const direct: Route[] = [];
  const tunnels: Tunnel[] = [];
  const refused: string[] = [];
  const own = view.links.flatMap(({ addresses }) => addresses);
  const networks = [...view.links.flatMap((link) => link.networks), view.podCidr];
  const given: string[] = [];
  for (const route of routes.filter(({ via }) => !own.includes(via))) {
    const cidr = parseCidr(route.to);
    const other = [...networks, ...given].find((each) => overlap(route.to, each));
    if (cidr === undefined)
      refused.push(`the pods of ${route.via} have no IPv4 network but ${JSON.stringify(route.to)}`);
    else if (other !== undefined)
      refused.push(`the network ${route.to} of the pods of ${route.via} overlaps with ${other}, which is in use`);
    else {
      given.push(route.to);
      if (isDirect(route, view.mode, view.links)) direct.push(route);
      else tunnels.push(tunnelTo(route, cidr));
    }
  }
  return { direct, tunnels, refused };
}

function isDirect({ via }: Route, mode: NetworkMode, links: readonly Link[]): boolean {
  if (mode !== "auto") return mode === "routes";
  return links.some(({ networks }) => networks.some((network) => holds(network, via)));
}

function holds(network: string, address: string): boolean {
  const cidr = parseCidr(network);
  return cidr !== undefined && contains(cidr, address);
}

function tunnelTo({ to, via }: Route, cidr: Cidr): Tunnel {
  return { to, via: formatIPv4(cidr.base), machine: via, hardware: hardwareOf(via) };
}

/** Follows from the machine's address, so that nobody has to be told. Locally administered. */
export function hardwareOf(address: string): string {
  const value = parseIPv4(address) ?? 0;
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
  return ["02", "cf", ...octets.map((octet) => octet.toString(16).padStart(2, "0"))].join(":");
}

/** The largest packet of the link that carries the node's address, and that of its pods. */
export function mtusOf(
  address: string | undefined,
  links: readonly Link[],
  wrapped: boolean,
): { readonly overlay: number; readonly pods: number } {
  const link = links.find(({ addresses }) => address !== undefined && addresses.includes(address))?.mtu ?? defaultMtu;
  return { overlay: link - vxlanOverhead, pods: wrapped ? link - vxlanOverhead : link };
}

/** Why a network cannot be this node's pods'. */
export function refusal(podCidr: string, links: readonly Link[]): string | undefined {
  const cidr = parseCidr(podCidr);
  if (!cidr || cidr.prefix > 30)
    return `the pod CIDR ${JSON.stringify(podCidr)} is not an IPv4 network with room for pods`;
  for (const { name, networks } of links) {
    const other = networks.find((network) => overlap(podCidr, network));
    if (other !== undefined) return `the pod CIDR ${podCidr} overlaps with ${other} of this machine's link ${name}`;
  }
  return undefined;
}

export function overlap(one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)];
  if (!a || !b) return false;
  return a.prefix <= b.prefix ? contains(a, formatIPv4(b.base)) : contains(b, formatIPv4(a.base));
}
