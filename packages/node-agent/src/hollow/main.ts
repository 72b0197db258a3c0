#!/usr/bin/env node
// The process of the hollow nodes.
import { enableCompileCache } from "node:module";
enableCompileCache();
const { runDaemon } = await import("@coxswain/daemon");
const { flags, readConfig } = await import("./config.ts");
const { createHollowNodes } = await import("./hollow-nodes.ts");

await runDaemon({
  name: "hollow-nodes",
  summary: "Pretends to be many nodes: a real control plane has somebody to talk to, and no container runs.",
  flags,
  config: readConfig,
  assemble: createHollowNodes,
});
