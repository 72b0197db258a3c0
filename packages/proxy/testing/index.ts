export { createHosts, hosts, must, nodeAddress } from "./hosts.ts";
export type { HostName, Hosts } from "./hosts.ts";
