// IPVS mode for the tests of rules: all that is written (table, virtual servers, addresses) as one text, and a packet's way through it. The kernel's
// balancer is modelled as far as our lines use it: its choice is drawn, not in turn.
import { planIpvsChanges, renderNftTable } from "@coxswain/netfilter";
import { walkNftPacket } from "@coxswain/netfilter/testing";
import type { Packet, Verdict, World } from "@coxswain/netfilter/testing";
import type { ChainHash } from "../src/core/chains.ts";
import { ipvsRules } from "../src/core/ipvs-rules.ts";
import { createNftServiceTables } from "../src/core/nft-table.ts";
import type { RulesConfig } from "../src/core/rules.ts";
import type { ServicePort } from "../src/core/service-port.ts";
import { serviceAddresses, virtualServers } from "../src/core/virtual-servers.ts";

/** `hostAddresses` are the machine's own. */
export function renderIpvs(
  ports: readonly ServicePort[],
  rules: RulesConfig,
  hash: ChainHash,
  hostAddresses: readonly string[],
): string {
  const config = { ...rules, scheduler: "rr", hostAddresses } as const;
  const addresses = [...serviceAddresses(ports, config)].sort().map((address) => `address ${address}\n`);
  return [
    renderNftTable(createNftServiceTables(ipvsRules)(ports, config, hash)),
    planIpvsChanges(virtualServers(ports, config), new Map()).text,
    ...addresses,
  ].join("");
}

export function walkIpvs(text: string, packet: Packet, world: World): Verdict {
  const [table = "", rest = ""] = text.split(/(?<=^\}\n)/m);
  const addresses = [...rest.matchAll(/^address (\S+)$/gm)].map(([, address = ""]) => address);
  const balance: World["balance"] = ({ protocol, source, destination, port }) => {
    const at = destination.includes(":") ? `[${destination}]:${port}` : `${destination}:${port}`;
    const option = { tcp: "-t", udp: "-u", sctp: "--sctp-service" }[protocol];
    const [, seconds] = new RegExp(`^-A ${option} ${escape(at)} -s rr(?: -p (\\d+))? -b flag-3$`, "m").exec(rest) ?? [
      "",
    ];
    if (!rest.includes(`-A ${option} ${at} `)) return undefined;
    const reals = [...rest.matchAll(new RegExp(`^-a ${option} ${escape(at)} -r (\\S+) -m -w 1$`, "gm"))].map(
      ([, real = ""]) => real,
    );
    if (reals.length === 0) return "reject";
    const drawn = reals[Math.floor((world.random?.() ?? 0) * reals.length)] ?? "";
    const real = seconds === undefined ? drawn : remembered(world, `${option} ${at} ${source}`, Number(seconds), drawn);
    const [, six, four = "", number] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(real) ?? [];
    return { address: six ?? four, port: Number(number) };
  };
  return walkNftPacket(table, packet, { ...world, localAddresses: [...world.localAddresses, ...addresses], balance });
}

/** Where the client was led within its time, or the one drawn now. */
function remembered(
  { recent = new Map(), nowSeconds = 0 }: World,
  client: string,
  seconds: number,
  drawn: string,
): string {
  const before = [...(recent.get(client) ?? [])].find(([, at]) => nowSeconds - at <= seconds)?.[0];
  const real = before ?? drawn;
  recent.set(client, new Map([[real, nowSeconds]]));
  return real;
}

function escape(text: string): string {
  return text.replace(/[.[\]]/g, "\\$&");
}
