// A network for members on one computer: a namespace each, joined by a bridge in a namespace of its own, so that no rule of the
// computer's own lies between them and every cut is made inside. Needs root. Carries the process id in its names; what a crashed
// run has left is taken away by the next.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface MemberNetwork extends AsyncDisposable {
  /** By member. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Words in front of a command that is to run there. */
  launcher(name: string): readonly string[];
  /** Drops what `from` sends to `to`. */
  cut(from: string, to: string): Promise<void>;
  /** Ends all cuts. */
  mend(): Promise<void>;
}

const mark = "cxdrill";

export async function createNetwork(names: readonly string[]): Promise<MemberNetwork> {
  await removeLeftovers();
  const id = process.pid.toString(36);
  const hub = `${mark}-${process.pid}-hub`;
  const space = (name: string): string => `${mark}-${process.pid}-${name}`;
  const net = freeNet();
  const addresses = new Map(names.map((name, position): [string, string] => [name, `${net}.${position + 11}`]));
  const inside = (namespace: string, ...words: string[]) => run("ip", ["netns", "exec", namespace, ...words]);
  const remove = async (): Promise<void> => {
    for (const namespace of [hub, ...names.map(space)])
      if (existsSync(`/run/netns/${namespace}`)) await run("ip", ["netns", "del", namespace]);
  };
  try {
    await run("ip", ["netns", "add", hub]);
    await inside(hub, "ip", "link", "add", "bridge", "type", "bridge");
    await inside(hub, "ip", "link", "set", "bridge", "up");
    const plug = async (outer: string, inner: string): Promise<void> => {
      await run("ip", ["link", "add", outer, "type", "veth", "peer", "name", inner]);
      await run("ip", ["link", "set", inner, "netns", hub]);
      await inside(hub, "ip", "link", "set", inner, "master", "bridge", "up");
    };
    await plug(`cxd${id}`, "computer");
    await run("ip", ["address", "add", `${net}.1/24`, "dev", `cxd${id}`]);
    await run("ip", ["link", "set", `cxd${id}`, "up"]);
    for (const name of names) {
      await run("ip", ["netns", "add", space(name)]);
      await plug(`cxd${id}${name}`, name);
      await run("ip", ["link", "set", `cxd${id}${name}`, "netns", space(name)]);
      await inside(space(name), "ip", "link", "set", "lo", "up");
      await inside(space(name), "ip", "address", "add", `${addresses.get(name) ?? ""}/24`, "dev", `cxd${id}${name}`);
      await inside(space(name), "ip", "link", "set", `cxd${id}${name}`, "up");
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    addresses,
    launcher: (name) => ["ip", "netns", "exec", space(name)],
    cut: async (from, to) => {
      await inside(space(to), "iptables", "-w", "-A", "INPUT", "-s", addresses.get(from) ?? "", "-j", "DROP");
    },
    mend: async () => {
      for (const name of names) await inside(space(name), "iptables", "-w", "-F", "INPUT");
    },
    [Symbol.asyncDispose]: remove,
  };
}

/** A /24 that no interface of the computer is in. */
function freeNet(): string {
  const taken = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  for (let third = 1; third < 255; third++)
    if (!taken.some((address) => address.startsWith(`10.231.${third}.`))) return `10.231.${third}`;
  throw new Error("no network 10.231.x.0/24 is free");
}

async function removeLeftovers(): Promise<void> {
  if (!existsSync("/run/netns")) return;
  for (const namespace of readdirSync("/run/netns")) {
    const pid = new RegExp(`^${mark}-(\\d+)-`).exec(namespace)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await run("ip", ["netns", "del", namespace]);
  }
}
