// The process: flags in, apiserver out. No decision here.
import { enableCompileCache } from "node:module";
enableCompileCache();
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
