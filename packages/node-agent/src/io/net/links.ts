// The machine's links as the kernel has them. It changes nothing.
import { formatIPv4, parseCidr } from "../../core/network/ipam.ts";
import type { Link } from "../../core/network/ways.ts";
import { runTool } from "./tool.ts";

interface ShownLink {
  readonly ifname: string;
  readonly mtu?: number;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

/** Links with IPv4 addresses, without loopback and those that are named. */
export async function readLinks(without: readonly string[], signal?: AbortSignal): Promise<readonly Link[]> {
  // The tool prints an empty object for a link without addresses.
  const shown = JSON.parse(await runTool("ip", ["-j", "-4", "address", "show"], "", signal)) as Partial<ShownLink>[];
  return shown.flatMap(({ ifname, mtu, addr_info: list }) => {
    if (ifname === undefined || ifname === "lo" || without.includes(ifname)) return [];
    const found = (list ?? []).flatMap(({ local, prefixlen }) =>
      local === undefined || prefixlen === undefined ? [] : [{ local, cidr: parseCidr(`${local}/${prefixlen}`) }],
    );
    return [
      {
        name: ifname,
        mtu: mtu ?? 1500,
        addresses: found.map(({ local }) => local),
        networks: found.flatMap(({ cidr }) => (cidr ? [`${formatIPv4(cidr.base)}/${cidr.prefix}`] : [])),
      },
    ];
  });
}
