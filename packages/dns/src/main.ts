#!/usr/bin/env node
// The DNS daemon's process.
import { enableCompileCache } from "node:module";
enableCompileCache();
const { runDaemon } = await import("@coxswain/daemon");
const { flags, readConfig } = await import("./config.ts");
const { createDns } = await import("./dns.ts");

await runDaemon({
  name: "dns",
  summary: "Answers the names of services and pods on this machine, and forwards all others.",
  flags,
  config: readConfig,
  assemble: createDns,
});
