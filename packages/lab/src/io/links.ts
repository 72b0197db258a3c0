// The bridge between the machines and their cables, made and removed through `ip`. A cable ends with its machine.
import { addressOf, cableOf, filterChain, gatewayOf, hardwareAddressOf } from "../core/topology.ts";
import type { MachinePlace, Topology } from "../core/topology.ts";
import { createNetfilter, createTool, comment, jump } from "@coxswain/netfilter";
import type { Netfilter, Ruleset } from "@coxswain/netfilter";
import { command, succeeds } from "./command.ts";

/** Makes the bridge and lets the computer forward for it; harmless when all is there. */
export async function ensureBridge(topology: Topology, signal?: AbortSignal): Promise<void> {
  const { bridge } = topology;
  if (!(await succeeds(["ip", "link", "show", "dev", bridge], signal)))
    await command(["ip", "link", "add", bridge, "type", "bridge"], signal);
  await command(["ip", "address", "replace", `${gatewayOf(topology)}/24`, "dev", bridge], signal);
  await command(["ip", "link", "set", bridge, "up"], signal);
  await rulesOf(topology.id).sync(ruleset(topology), signal);
}

export async function removeBridge(id: string, bridge: string, signal?: AbortSignal): Promise<void> {
  await rulesOf(id).remove(signal);
  if (await succeeds(["ip", "link", "show", "dev", bridge], signal))
    await command(["ip", "link", "delete", bridge], signal);
}

/** Plugs a machine in: its end of the cable is eth0 in the network namespace of `pid`. */
export async function plugIn(
  topology: Topology,
  place: MachinePlace,
  pid: number,
  signal?: AbortSignal,
): Promise<void> {
  const cable = cableOf(topology, place);
  await unplug(topology, place, signal);
  await command(
    [
      "ip",
      "link",
      "add",
      cable,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "address",
      hardwareAddressOf(topology, place),
      "netns",
      String(pid),
    ],
    signal,
  );
  await command(["ip", "link", "set", cable, "master", topology.bridge, "up"], signal);
  const inside = [
    `ip address add ${addressOf(topology, place)}/24 dev eth0`,
    "ip link set eth0 up",
    `ip route add default via ${gatewayOf(topology)}`,
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
  ];
  await command(["nsenter", `--net=/proc/${pid}/ns/net`, "sh", "-ec", inside.join("; ")], signal);
}

export async function unplug(topology: Topology, place: MachinePlace, signal?: AbortSignal): Promise<void> {
  const cable = cableOf(topology, place);
  if (!(await succeeds(["ip", "link", "show", "dev", cable], signal))) return;
  // The kernel may be about to remove it itself, with the namespace of a machine that has just lost power.
  if (
    !(await succeeds(["ip", "link", "delete", cable], signal)) &&
    (await succeeds(["ip", "link", "show", "dev", cable], signal))
  ) {
    await command(["ip", "link", "delete", cable], signal);
  }
}

/** Docker lets the computer forward nothing by default, and where bridged packets are filtered, not even on the bridge. */
function ruleset({ id, bridge, network }: Topology): Ruleset {
  const forward = filterChain(id);
  const leave = `${forward}-NAT`;
  return {
    family: "ipv4",
    tables: [
      {
        name: "filter",
        chains: [
          {
            name: forward,
            rules: [
              { inInterface: bridge, target: { kind: "accept" } },
              { outInterface: bridge, target: { kind: "accept" } },
            ],
          },
        ],
        hooks: [{ hook: "FORWARD", rule: { matches: [comment(`coxswain lab ${id}`)], target: jump(forward) } }],
      },
      {
        name: "nat",
        chains: [
          {
            name: leave,
            rules: [{ source: `${network}.0/24`, outInterface: { not: bridge }, target: { kind: "masquerade" } }],
          },
        ],
        hooks: [{ hook: "POSTROUTING", rule: { matches: [comment(`coxswain lab ${id}`)], target: jump(leave) } }],
      },
    ],
  };
}

function rulesOf(id: string): Netfilter {
  const chain = filterChain(id);
  return createNetfilter(
    { owned: (name) => name === chain || name === `${chain}-NAT`, tables: ["nat", "filter"] },
    { tool: createTool({ family: "ipv4", waitSeconds: 10 }) },
  );
}
