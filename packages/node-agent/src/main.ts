#!/usr/bin/env node
// The node agent's process.
import { enableCompileCache } from "node:module";
enableCompileCache();
const { runDaemon } = await import("@coxswain/daemon");
const { flags, readConfig } = await import("./config.ts");
const { createNodeAgent } = await import("./node-agent.ts");

await runDaemon({
  name: "node-agent",
  summary: "Makes this machine's containers match the pods that are bound to it.",
  flags,
  config: readConfig,
  stopGraceMs: (config) => 30_000 + config.shutdown.graceMs,
  assemble: createNodeAgent,
});
