// What the kernel holds of one family's virtual servers, read from `ipvsadm -Ln` text: that list, unlike `ipvsadm -Sn`, also tells how many
// connections a real server has. Servers by firewall mark are strangers' and left out.
import type { Family } from "../rule.ts";
import type { ObservedReal, ObservedServer, ObservedServers } from "./virtual-server.ts";

/** The flag that marks ours: no scheduler of the kernel gives it a meaning, and it stays there whoever restarts. */
export const ourFlag = "flag-3";

const virtualLine =
  /^(TCP|UDP|SCTP) +(\[[0-9a-f:.]+\]|[0-9.]+):(\d+) (\w+)(?: \(([^)]*)\))?(?: persistent (\d+))?(.*?) *$/;
const realLine = /^ +-> (\S+) +(\w+) +(\d+) +(\d+) +(\d+) *$/;

export function parseIpvsList(text: string, family: Family): ObservedServers {
  const found = new Map<string, ObservedServer>();
  let servers: Map<string, ObservedReal> | undefined;
  for (const line of text.split("\n")) {
    const real = realLine.exec(line);
    if (real) {
      const [, at = "", forward = "", weight, active, inactive] = real;
      const connections = Number(active) + Number(inactive);
      servers?.set(at, {
        weight: Number(weight),
        connections,
        isTranslated: forward === "Masq" || forward === "Local",
      });
      continue;
    }
    servers = undefined;
    const [, protocol = "", address, port, scheduler = "", flags, seconds, more] = virtualLine.exec(line) ?? [];
    if (address === undefined || address.startsWith("[") !== (family === "ipv6")) continue;
    servers = new Map();
    found.set(`${protocol.toLowerCase()} ${address}:${port}`, {
      scheduler,
      persistentSeconds: seconds === undefined ? undefined : Number(seconds),
      isOurs: isOurs(flags),
      isPlain: more === "",
      servers,
    });
  }
  return found;
}

/** Where the scheduler has names of its own for flags (sh, mh), the tool knows none for ours and prints "()". */
function isOurs(flags: string | undefined): boolean {
  return flags === "" || (flags?.split(",").includes(ourFlag) ?? false);
}
