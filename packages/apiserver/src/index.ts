export { createApiServer } from "./apiserver.ts";
export type { ApiServerPorts } from "./apiserver.ts";
export { flagTable, readConfig } from "./config.ts";
export type { ApiServerConfig } from "./config.ts";
