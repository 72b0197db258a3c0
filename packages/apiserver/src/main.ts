// The process: flags in, apiserver out. No decision here.
import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
enableCompileCache();
// Patterns come from definitions and expressions of others: one that goes astray is run again, where it can be (no flags, no large counts), by an
// engine whose time grows with the text only.
setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
const { runDaemon } = await import("@coxswain/daemon");
const { flagTable, readConfig } = await import("./config.ts");
const { createApiServer } = await import("./apiserver.ts");

await runDaemon({
  name: "apiserver",
  summary: "Serves the Kubernetes API over a store that speaks etcd v3.",
  flags: flagTable,
  config: readConfig,
  assemble: createApiServer,
});
