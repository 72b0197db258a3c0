// The link that carries the services' addresses in IPVS mode, so that packets to them end in this machine's input, where IPVS takes them. It has
// Kubernetes' name for it, kube-ipvs0, and nothing else stands on it. Both families share it.
import { NetfilterError, runTool } from "@coxswain/netfilter";
import type { Family } from "../../core/address.ts";
import { canonicalAddress } from "../../core/address.ts";

export const serviceLinkName = "kube-ipvs0";

export interface ServiceLink {
  /** The machine's addresses of the family; `how` says whether what was seen last will do. */
  look(how: "look" | "glance" | "trust", signal?: AbortSignal): Promise<MachineAddresses>;
  /** Makes the link carry these addresses and no others; says what differed from what was seen last. */
  carry(addresses: ReadonlySet<string>, signal?: AbortSignal): Promise<readonly string[]>;
  /** Takes the family's addresses away, and the link when it is empty then; says what was there. */
  remove(signal?: AbortSignal): Promise<readonly string[]>;
}

export interface MachineAddresses {
  /** On the link; undefined: there is no link, or it is down. */
  readonly carried: ReadonlySet<string> | undefined;
  /** On all other links; sorted, each once. */
  readonly others: readonly string[];
}

interface ShownLink {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string; readonly scope?: string; readonly family?: string }[];
}

export function createServiceLink(family: Family, prefix: readonly string[] = []): ServiceLink {
  const ip = [...prefix, "ip", family === "ipv4" ? "-4" : "-6"];
  const bits = family === "ipv4" ? 32 : 128;
  let seen: MachineAddresses | undefined;

  const show = async (signal?: AbortSignal): Promise<readonly ShownLink[]> =>
    JSON.parse((await runTool([...prefix, "ip", "-j", "address", "show"], "", signal)) || "[]") as ShownLink[];
  const addressesOf = (link: ShownLink): string[] =>
    (link.addr_info ?? [])
      .filter((each) => each.family === (family === "ipv4" ? "inet" : "inet6"))
      // The kernel's own address of a link is nobody's wish.
      .filter(({ scope }) => link.ifname !== serviceLinkName || family === "ipv4" || scope !== "link")
      .flatMap(({ local }) => (local === undefined ? [] : [canonicalAddress(local)]));
  const read = async (signal?: AbortSignal): Promise<MachineAddresses> => {
    const links = await show(signal);
    const own = links.find(({ ifname }) => ifname === serviceLinkName);
    const others = links.filter((link) => link !== own).flatMap(addressesOf);
    return {
      carried: own?.flags?.includes("UP") ? new Set(addressesOf(own)) : undefined,
      others: [...new Set(others)].sort(),
    };
  };
  const change = async (
    verb: "replace" | "delete",
    addresses: readonly string[],
    signal?: AbortSignal,
  ): Promise<void> => {
    const how = verb === "replace" && family === "ipv6" ? " nodad" : "";
    const lines = addresses.map((each) => `address ${verb} ${each}/${bits} dev ${serviceLinkName}${how}\n`);
    if (lines.length > 0) await runTool([...ip, "-batch", "-"], lines.join(""), signal);
  };
  const raise = async (signal?: AbortSignal): Promise<ReadonlySet<string>> => {
    const there = (await show(signal)).some(({ ifname }) => ifname === serviceLinkName);
    if (!there) await runTool([...prefix, "ip", "link", "add", serviceLinkName, "type", "dummy"], "", signal);
    await runTool([...prefix, "ip", "link", "set", serviceLinkName, "up"], "", signal);
    return (await read(signal)).carried ?? new Set();
  };

  return {
    async look(how, signal) {
      if (how !== "trust" || seen === undefined) seen = await read(signal);
      return seen;
    },
    async carry(addresses, signal) {
      const before = seen ?? (await read(signal));
      if (addresses.size === 0 && !before.carried) return [];
      seen = undefined;
      const carried = before.carried ?? (await raise(signal));
      const come = [...addresses].filter((address) => !carried.has(address));
      const gone = [...carried].filter((address) => !addresses.has(address));
      await change("replace", come, signal);
      await change("delete", gone, signal);
      seen = { carried: new Set(addresses), others: before.others };
      return [
        ...(before.carried ? [] : [`link ${serviceLinkName} is missing`]),
        ...come.map((address) => `${address} is not on ${serviceLinkName}`),
        ...gone.map((address) => `${address} is not wanted on ${serviceLinkName}`),
      ];
    },
    async remove(signal) {
      seen = undefined;
      const own = (await show(signal).catch(nothingWithoutTool)).find(({ ifname }) => ifname === serviceLinkName);
      if (!own) return [];
      const ours = new Set(addressesOf(own));
      await change("delete", [...ours], signal);
      const rest = (own.addr_info ?? []).filter(
        ({ local = "", scope }) => !ours.has(canonicalAddress(local)) && scope !== "link",
      );
      if (rest.length === 0) await runTool([...prefix, "ip", "link", "delete", serviceLinkName], "", signal);
      return rest.length === 0 || ours.size > 0 ? [`${serviceLinkName} carries ${ours.size} addresses`] : [];
    },
  };
}

/** Where the tool is missing, no link can be of our making. */
function nothingWithoutTool(error: unknown): readonly ShownLink[] {
  if (error instanceof NetfilterError && error.code === "tool-missing") return [];
  throw error;
}
