export { readConfig } from "./config.ts";
export type { ProxyConfig } from "./config.ts";
export { createServicePorts } from "./core/service-port.ts";
export { createIptables, createNftDataplane } from "./io/dataplane.ts";
export type { Dataplane } from "./io/dataplane.ts";
export { createIpvsDataplane, ipvsTools } from "./io/ipvs/dataplane.ts";
export { createProxy } from "./proxy.ts";
