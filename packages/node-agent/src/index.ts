export { createNodeAgent } from "./node-agent.ts";
export type { NodeAgentConfig } from "./config.ts";
