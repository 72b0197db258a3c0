// The pods' network on this machine: a bridge with the first address of the node's CIDR, a veth pair into each sandbox,
// routes to the other nodes' pods, and the rules that let the traffic through. What exists is read from the kernel.
import { access, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import type { Netfilter } from "@coxswain/netfilter";
import type { HostPort } from "../../core/network/host-ports.ts";
import { freeAddress, gatewayOf, parseCidr } from "../../core/network/ipam.ts";
import type { Cidr } from "../../core/network/ipam.ts";
import { routeChanges } from "../../core/network/routes.ts";
import type { Route } from "../../core/network/routes.ts";
import { podRuleset } from "../../core/network/rules.ts";
import { AgentError } from "../../errors.ts";
import type { PodNetwork } from "../../ports.ts";
import { ipBatch, runTool } from "./tool.ts";

export interface PodNetworkConfig {
  readonly bridge: string;
  /** All pods of the cluster; traffic that leaves it is masqueraded. */
  readonly clusterCidr: string;
}

export interface PodNetworkPorts {
  readonly netfilter: Netfilter;
  /** Addresses that sandboxes on this machine carry, running or not. */
  readonly taken: () => Promise<ReadonlySet<string>>;
}

export interface ManagedPodNetwork extends PodNetwork {
  /** Makes bridge, forwarding and rules. May be called again. */
  configure(podCidr: string, signal?: AbortSignal): Promise<void>;
  setRoutes(routes: readonly Route[], signal?: AbortSignal): Promise<void>;
  /** Writes what is missing of rules and bridge; for the periodic look. */
  repair(signal?: AbortSignal): Promise<void>;
  /** Takes everything away again: links, routes, rules. */
  remove(): Promise<void>;
}

/** Marks our routes in the kernel's table, so that no other is ever touched. */
const routeProtocol = "110";

export function createPodNetwork(config: PodNetworkConfig, ports: PodNetworkPorts): ManagedPodNetwork {
  const { bridge } = config;
  const reserved = new Set<string>();
  const exposed = new Map<string, readonly HostPort[]>();
  let cidr: Cidr | undefined;
  let podCidr = "";
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
      const parsed = parseCidr(text);
      if (!parsed || parsed.prefix > 30)
        throw new AgentError(
          "network",
          `the pod CIDR ${JSON.stringify(text)} is not an IPv4 network with room for pods`,
        );
      podCidr = text;
      cidr = parsed;
      await configure(signal);
    },
    repair: configure,
    missing: () => (cidr ? undefined : "the node has no pod CIDR yet"),

    reserve() {
      const reservation = turn.then(async () => {
        if (!cidr) throw new AgentError("network", "the node has no pod CIDR yet");
        const taken = new Set([...(await ports.taken()), ...reserved]);
        const address = freeAddress(cidr, taken, last);
        if (address === undefined) throw new AgentError("network", `no address is free in ${podCidr}`);
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
      if (!cidr) throw new AgentError("network", "the node has no pod CIDR yet");
      const link = linkName(id);
      await ipBatch(
        [
          `link add ${link} mtu 1500 type veth peer name eth0 netns ${pid}`,
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
      const own = Object.values(networkInterfaces()).flatMap((addresses) =>
        (addresses ?? []).map((address) => address.address),
      );
      const { add, remove } = routeChanges(routes, await ourRoutes(signal), own);
      const lines = [
        ...remove.map((route) => `route del ${route.to} proto ${routeProtocol}`),
        ...add.map((route) => `route replace ${route.to} via ${route.via} proto ${routeProtocol}`),
      ];
      // One by one: a node that cannot be reached directly must not keep the others from their routes.
      const failures: unknown[] = [];
      for (const line of lines)
        await ipBatch([line], undefined, signal).catch((error: unknown) => failures.push(error));
      if (failures.length > 0)
        throw new AggregateError(failures, `${failures.length} of ${lines.length} routes could not be changed`);
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
