export { readConfig } from "./config.ts";
export type { DnsConfig } from "./config.ts";
export { createDns } from "./dns.ts";
export { createDnsServer } from "./io/server.ts";
export { dnsMetrics } from "./metrics.ts";
export { createResolver } from "./resolver.ts";
