#!/usr/bin/env node
// The proxy's process.
import { enableCompileCache } from "node:module";
enableCompileCache();
const { runDaemon } = await import("@coxswain/daemon");
const { flags, readConfig } = await import("./config.ts");
const { createProxy } = await import("./proxy.ts");

await runDaemon({
  name: "proxy",
  summary: "Makes the addresses of services reach ready pods on this machine.",
  flags,
  config: readConfig,
  assemble: createProxy,
});
