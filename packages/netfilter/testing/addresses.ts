// Questions about addresses that both walkers ask.
import { BlockList } from "node:net";
import type { World } from "./walk-packet.ts";

export function isLocalAddress(world: World, address: string): boolean {
  return world.localAddresses.includes(address) || within(address, address.includes(":") ? "::1/128" : "127.0.0.0/8");
}

export function within(address: string, cidr: string): boolean {
  const [network = "", bits] = cidr.split("/");
  const list = new BlockList();
  const family = network.includes(":") ? "ipv6" : "ipv4";
  list.addSubnet(network, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
  return list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}
