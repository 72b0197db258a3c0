// How services get into the kernel: by iptables, by nftables or by relays (and by IPVS: ipvs/dataplane.ts), for one family of addresses. A family that no service uses
// and of which nothing is left from earlier costs nothing.
import { NetfilterError, createNetfilter, createNftTool, createNftables, createTool } from "@coxswain/netfilter";
import type { NftTool, Tool } from "@coxswain/netfilter";
import type { Clock } from "@coxswain/clock";
import type { Family } from "../core/address.ts";
import { isProxyChain, proxyTables } from "../core/chains.ts";
import { frontendsOf } from "../core/flows.ts";
import type { FlowProtocol, Frontend } from "../core/flows.ts";
import { nftRules, nftTableName } from "../core/nft-rules.ts";
import { createNftServiceTables } from "../core/nft-table.ts";
import { portals } from "../core/portals.ts";
import type { RelayPorts } from "../core/portals.ts";
import { serviceRules } from "../core/rules.ts";
import type { RulesConfig } from "../core/rules.ts";
import type { ServicePort } from "../core/service-port.ts";
import { chainHash } from "./chain-hash.ts";
import { createRelays } from "./relay/relays.ts";

/** How much of the kernel is compared: everything, what is cheap, or nothing but what was written last. */
export type Look = "look" | "glance" | "trust";

export interface Dataplane {
  /** Makes the rules as these ports want them and says what differed. */
  sync(ports: readonly ServicePort[], config: RulesConfig, how: Look, signal: AbortSignal): Promise<readonly string[]>;
  /** What clients may address by that protocol, and who may answer them, after the last `sync`. */
  frontends(ports: readonly ServicePort[], protocol: FlowProtocol): readonly Frontend[];
  /** Removes everything of ours; says what was there. */
  remove(signal?: AbortSignal): Promise<readonly string[]>;
  /** Gives back what is not in the kernel; the rules stay. */
  stop?(): void;
}

const lockWaitSeconds = 5;

export function createIptables(
  family: Family,
  tool: Tool = createTool({ family, waitSeconds: lockWaitSeconds }),
): Dataplane {
  // Rules that let pods' packets pass must not let them pass our refusals.
  const netfilter = createNetfilter(
    { owned: isProxyChain, before: (chain) => chain.startsWith("COX-"), tables: proxyTables },
    { tool },
  );
  return {
    sync: (ports, config, how, signal) => netfilter.sync(serviceRules(ports, config, chainHash), signal, how),
    frontends: frontendsOf,
    async remove(signal) {
      try {
        return await netfilter.remove(signal);
      } catch (error) {
        return nothingWhereMissing(error);
      }
    },
  };
}

export function createNftDataplane(
  family: Family,
  tool: NftTool = createNftTool(),
): Dataplane & { probe(signal: AbortSignal): Promise<void> } {
  const nftables = createNftables({ family, name: nftTableName }, { tool });
  const tableOf = createNftServiceTables(nftRules);
  return {
    sync: (ports, config, how, signal) => nftables.sync(tableOf(ports, config, chainHash), how, signal),
    frontends: frontendsOf,
    remove: (signal) => nftables.remove(signal),
    /** Fails where the tool or the kernel's part is missing. */
    async probe(signal) {
      await tool.list({ family, name: nftTableName }, true, signal);
    },
  };
}

/** Packets are led to relays on this node, which pick backends in turn; iptables only brings them there. */
export function createUserspace(
  family: Family,
  ports: { readonly clock: Clock },
  iptables: Dataplane = createIptables(family),
): Dataplane {
  const relays = createRelays(family, ports);
  let listening: RelayPorts = new Map();
  return {
    async sync(wanted, config, how, signal) {
      listening = await relays.update(wanted);
      // Clients must reach the relay with the address that they have: it tells them apart.
      const unmasked = { ...config, clusterCidr: undefined, masqueradeAll: false };
      return iptables.sync(portals(wanted, listening), unmasked, how, signal);
    },
    frontends: (wanted, protocol) => frontendsOf(portals(wanted, listening), protocol),
    remove: (signal) => iptables.remove(signal),
    stop: () => relays.stop(),
  };
}

/** Where the tool or the kernel's part is missing, nothing of ours can be there. */
function nothingWhereMissing(error: unknown): readonly string[] {
  if (
    error instanceof NetfilterError &&
    (error.code === "tool-missing" || /can't initialize|not supported/i.test(error.message))
  )
    return [];
  throw error;
}

/** Rules for a family appear with its first service. */
export function whileUsed(dataplane: Dataplane): Dataplane {
  let state: "unknown" | "empty" | "written" = "unknown";
  return {
    async sync(ports, config, how, signal) {
      if (ports.length > 0 || state === "written") {
        state = "written";
        return dataplane.sync(ports, config, how, signal);
      }
      if (state === "empty") return [];
      const removed = await dataplane.remove(signal);
      state = "empty";
      return removed;
    },
    frontends: (ports, protocol) => dataplane.frontends(ports, protocol),
    remove: (signal) => dataplane.remove(signal),
    stop: () => dataplane.stop?.(),
  };
}
