export { readConfig } from "./config.ts";
export type { ProxyConfig } from "./config.ts";
export { createProxy } from "./proxy.ts";
