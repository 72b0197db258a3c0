export { readConfig } from "./config.ts";
export type { DnsConfig } from "./config.ts";
export { createDns } from "./dns.ts";
