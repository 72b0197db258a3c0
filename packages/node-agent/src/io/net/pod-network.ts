// The pods' network on this machine: a bridge with the first address of the node's CIDR, a veth pair into each sandbox,
// routes to the other nodes' pods (through the overlay, where routers lie between), and the rules that let the traffic
// through. What exists is read from the kernel.
import { access, readFile, writeFile } from "node:fs/promises";
import type { Netfilter } from "@coxswain/netfilter";
import type { HostPort } from "../../core/network/host-ports.ts";
import { formatIPv4, freeAddress, gatewayOf, parseCidr } from "../../core/network/ipam.ts";
import type { Cidr } from "../../core/network/ipam.ts";
import { routeChanges } from "../../core/network/routes.ts";
import type { Route } from "../../core/network/routes.ts";
import { podRuleset } from "../../core/network/rules.ts";
import { mtusOf, planWays, refusal } from "../../core/network/ways.ts";
import type { NetworkMode } from "../../core/network/ways.ts";
import { AgentError, messageOf } from "../../errors.ts";
import type { PodNetwork } from "../../ports.ts";
import { readLinks } from "./links.ts";
import { createOverlay } from "./overlay.ts";
import { ipBatch, runTool } from "./tool.ts";

export interface PodNetworkConfig {
  readonly bridge: string;
  /** All pods of the cluster; traffic that leaves it is masqueraded. */
  readonly clusterCidr: string;
  readonly mode: NetworkMode;
  /** UDP port of wrapped packets. */
  readonly vxlanPort: number;
  /** The node's address; its link decides how large pods' packets may be. */
  readonly address: string | undefined;
}

export interface PodNetworkPorts {
  readonly netfilter: Netfilter;
  /** Addresses that sandboxes on this machine carry, running or not. */
  readonly taken: () => Promise<ReadonlySet<string>>;
}

export interface ManagedPodNetwork extends PodNetwork {
  /** Makes bridge, forwarding and rules. May be called again. */
  configure(podCidr: string, signal?: AbortSignal): Promise<void>;
  /** Leads to the other nodes' pods and nowhere else; throws in the end when some could not be done, and says which. */
  setRoutes(routes: readonly Route[], signal?: AbortSignal): Promise<void>;
  /** Writes what is missing of rules and bridge; for the periodic look. */
  repair(signal?: AbortSignal): Promise<void>;
  /** Before sandboxes are removed: what they have beyond their own namespaces. */
  detachAll?(): Promise<void>;
  /** Takes everything away again: links, routes, rules. */
  remove(): Promise<void>;
}

/** Marks our routes in the kernel's table, so that no other is ever touched. */
const routeProtocol = "110";

export function createPodNetwork(config: PodNetworkConfig, ports: PodNetworkPorts): ManagedPodNetwork {
  const { bridge, mode } = config;
  const overlay = createOverlay({ bridge, port: config.vxlanPort });
  const readForeignLinks = (signal?: AbortSignal) => readLinks([bridge, overlay.device], signal);
  const reserved = new Set<string>();
  const exposed = new Map<string, readonly HostPort[]>();
  let cidr: Cidr | undefined;
  let podCidr = "";
  let refused: string | undefined;
  let podMtu = 1500;
  let last: string | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const syncRules = (signal?: AbortSignal): Promise<unknown> =>
    ports.netfilter.sync(podRuleset(bridge, podCidr, config.clusterCidr, [...exposed.values()].flat()), signal);

  const configure = async (signal?: AbortSignal): Promise<void> => {
    if (!cidr) return;
    const exists = await access(`/sys/class/net/${bridge}`).then(
      () => true,
      () => false,
    );
    const address = `${gatewayOf(cidr)}/${cidr.prefix}`;
    await ipBatch(
      [
        ...(exists ? [] : [`link add name ${bridge} type bridge`]),
        `address replace ${address} dev ${bridge}`,
        `link set dev ${bridge} up`,
      ],
      undefined,
      signal,
    );
    for (const [path, value] of kernelSettings(bridge)) await setKernel(path, value);
    await syncRules(signal);
  };

  return {
    async configure(text, signal) {
      const links = await readForeignLinks(signal);
      refused = refusal(text, links);
      if (refused !== undefined) throw new AgentError("network", refused);
      podCidr = text;
      cidr = parseCidr(text);
      podMtu = mtusOf(config.address, links, mode === "vxlan").pods;
      await configure(signal);
    },
    repair: configure,
    missing: () => refused ?? (cidr ? undefined : "the node has no pod CIDR yet"),

    reserve() {
      const reservation = turn.then(async () => {
        if (!cidr) throw new AgentError("network", "the node has no pod CIDR yet");
        const taken = new Set([...(await ports.taken()), ...reserved]);
        const address = freeAddress(cidr, taken, last);
        if (address === undefined)
          throw new AgentError("network", `no address is free in ${podCidr}: all ${taken.size} are taken`);
        reserved.add(address);
        last = address;
        return address;
      });
      turn = reservation.catch(() => undefined);
      return reservation;
    },
    release: (address) => void reserved.delete(address),

    async expose(podUid, hostPorts, signal) {
      const before = exposed.get(podUid) ?? [];
      if (JSON.stringify(before) === JSON.stringify(hostPorts)) return;
      if (hostPorts.length === 0) exposed.delete(podUid);
      else exposed.set(podUid, hostPorts);
      if (cidr) await syncRules(signal);
    },

    async attach({ id, pid, address }, signal) {
      if (!cidr || address === undefined) throw new AgentError("network", "the node has no pod CIDR yet");
      const link = linkName(id);
      await ipBatch(
        [
          `link add ${link} mtu ${podMtu} type veth peer name eth0 mtu ${podMtu} netns ${pid}`,
          `link set dev ${link} master ${bridge} up`,
          `link set dev ${link} type bridge_slave hairpin on`,
        ],
        undefined,
        signal,
      );
      const inside = [
        "link set dev lo up",
        `address add ${address}/${cidr.prefix} dev eth0`,
        "link set dev eth0 up",
        `route add default via ${gatewayOf(cidr)} dev eth0`,
      ];
      await ipBatch(inside, pid, signal);
    },
    isAttached: (id) =>
      access(`/sys/class/net/${linkName(id)}`).then(
        () => true,
        () => false,
      ),

    async setRoutes(routes, signal) {
      if (!cidr) throw new AgentError("network", "the node has no pod CIDR yet");
      const links = await readForeignLinks(signal);
      const ways = planWays(routes, { mode, podCidr, links });
      const mtus = mtusOf(config.address, links, mode === "vxlan" || ways.tunnels.length > 0);
      podMtu = mtus.pods;
      const failures: unknown[] = ways.refused.map((sentence) => new AgentError("network", sentence));
      const own = links.flatMap(({ addresses }) => addresses);
      const address = config.address ?? own[0] ?? "";
      const device = { address, inner: formatIPv4(cidr.base), mtu: mtus.overlay };
      await overlay.sync(device, ways.tunnels, signal).catch((error: unknown) => failures.push(error));
      const { add, remove } = routeChanges([...ways.direct, ...ways.tunnels], await ourRoutes(signal), own);
      const through = ({ to }: Route): string =>
        ways.tunnels.some((tunnel) => tunnel.to === to) ? ` dev ${overlay.device} onlink` : "";
      const lines = [
        ...remove.map((route) => `route del ${route.to} proto ${routeProtocol}`),
        ...add.map((route) => `route replace ${route.to} via ${route.via}${through(route)} proto ${routeProtocol}`),
      ];
      // One by one: a node that cannot be reached directly must not keep the others from their routes.
      for (const line of lines)
        await ipBatch([line], undefined, signal).catch((error: unknown) => failures.push(error));
      if (failures.length > 0)
        throw new AggregateError(
          failures,
          `some nodes' pods cannot be reached: ${failures.map((failure) => messageOf(failure)).join("; ")}`,
        );
    },

    async remove() {
      for (const route of await ourRoutes()) await ipBatch([`route del ${route.to} proto ${routeProtocol}`]);
      if (
        await access(`/sys/class/net/${bridge}`).then(
          () => true,
          () => false,
        )
      )
        await ipBatch([`link del ${bridge}`]);
      await overlay.remove();
      await ports.netfilter.remove();
      cidr = undefined;
    },
  };
}

/** An interface's name has at most 15 bytes. */
function linkName(sandboxId: string): string {
  return `cox${sandboxId.slice(0, 12)}`;
}

async function ourRoutes(signal?: AbortSignal): Promise<readonly Route[]> {
  const text = await runTool("ip", ["-4", "route", "show", "proto", routeProtocol], "", signal);
  return text.split("\n").flatMap((line) => {
    const [, to, via] = /^(\S+) via (\S+)/.exec(line) ?? [];
    return to && via ? [{ to, via }] : [];
  });
}

/** What must hold for packets to pass; the bridge netfilter one exists only where its module is loaded. */
function kernelSettings(bridge: string): readonly [string, string][] {
  return [
    ["/proc/sys/net/ipv4/ip_forward", "1"],
    ["/proc/sys/net/bridge/bridge-nf-call-iptables", "1"],
    [`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, "1"],
  ];
}

async function setKernel(path: string, value: string): Promise<void> {
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present !== undefined && present.trim() !== value) await writeFile(path, value);
}
