// Services by the kernel's own balancer: a table of nftables, virtual servers, settings, and the addresses that lead packets to them, in this order, so
// that nothing is led where nothing waits. For one family of addresses.
import { NetfilterError, createIpvs, createIpvsTool, createNftTool, createNftables } from "@coxswain/netfilter";
import type { IpvsScheduler, IpvsTool, NftTool } from "@coxswain/netfilter";
import type { Family } from "../../core/address.ts";
import { frontendsOf } from "../../core/flows.ts";
import { ipvsRules, ipvsTableName } from "../../core/ipvs-rules.ts";
import { createNftServiceTables } from "../../core/nft-table.ts";
import { serviceAddresses, virtualServers } from "../../core/virtual-servers.ts";
import { chainHash } from "../chain-hash.ts";
import type { Dataplane } from "../dataplane.ts";
import { createIpvsKernel } from "./kernel.ts";
import type { IpvsKernel, IpvsKernelConfig } from "./kernel.ts";
import { createServiceLink } from "./service-link.ts";
import type { ServiceLink } from "./service-link.ts";

export interface IpvsDataplaneConfig extends IpvsKernelConfig {
  readonly scheduler: IpvsScheduler;
}

export interface IpvsTools {
  readonly ipvs: IpvsTool;
  readonly nft: NftTool;
  readonly link: ServiceLink;
  readonly kernel: IpvsKernel;
}

/** `prefix` are words before each command, for example to enter a network namespace. */
export function ipvsTools(family: Family, config: IpvsKernelConfig, prefix: readonly string[] = []): IpvsTools {
  return {
    ipvs: createIpvsTool({ prefix }),
    nft: createNftTool({ prefix }),
    link: createServiceLink(family, prefix),
    kernel: createIpvsKernel(config, prefix),
  };
}

export function createIpvsDataplane(
  family: Family,
  config: IpvsDataplaneConfig,
  tools: IpvsTools = ipvsTools(family, config),
): Dataplane & { probe(signal: AbortSignal): Promise<void> } {
  const { link, kernel } = tools;
  const { scheduler } = config;
  const ipvs = createIpvs({ family }, { tool: tools.ipvs });
  const nftables = createNftables({ family, name: ipvsTableName }, { tool: tools.nft });
  const tableOf = createNftServiceTables(ipvsRules);
  return {
    async sync(ports, rules, how, signal) {
      const { others } = await link.look(how, signal);
      const full = { ...rules, scheduler, hostAddresses: others };
      return [
        ...(await nftables.sync(tableOf(ports, full, chainHash), how, signal)),
        ...(await ipvs.sync(virtualServers(ports, full), how, signal)),
        ...(how === "look" ? await kernel.ensure(signal) : []),
        ...(await link.carry(serviceAddresses(ports, full), signal)),
      ];
    },
    frontends: frontendsOf,
    async remove(signal) {
      const addresses = await link.remove(signal);
      return [...addresses, ...(await ipvs.remove(signal)), ...(await nftables.remove(signal))];
    },
    /** Fails, and says what to do, where a tool or the kernel's part is missing. */
    async probe(signal) {
      try {
        await tools.nft.list({ family, name: ipvsTableName }, true, signal);
        await ipvs.probe(scheduler, signal);
      } catch (cause) {
        throw new Error(`${reasonOf(cause, scheduler)}; --proxy-mode=nftables needs no IPVS and is as fast`, { cause });
      }
    },
  };
}

function reasonOf(error: unknown, scheduler: string): string {
  const { message } = error as Error;
  if (error instanceof NetfilterError && error.code === "tool-missing") return message;
  if (/can't initialize ipvs/i.test(message))
    return "this machine's kernel has no IPVS (CONFIG_IP_VS, module ip_vs), which a distribution's own kernel has";
  if (/scheduler/i.test(message))
    return `this machine's kernel has no IPVS scheduler ${scheduler} (module ip_vs_${scheduler})`;
  return message;
}
