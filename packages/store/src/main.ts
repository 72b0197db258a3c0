// The store's process. No decision is made here.
import { enableCompileCache } from "node:module";
enableCompileCache();
const { runDaemon } = await import("@coxswain/daemon");
const { flags, parseConfig } = await import("./config.ts");
const { parseConfigFile } = await import("./config-file.ts");
const { commands } = await import("./commands.ts");
const { createStore } = await import("./store.ts");
const { systemPorts } = await import("./system-ports.ts");

await runDaemon({
  name: "store",
  summary: "The cluster's memory: a replicated key-value store that speaks etcd's API.",
  flags,
  environmentPrefix: "ETCD_",
  configFile: { flag: "config-file", parse: parseConfigFile },
  commands,
  config: parseConfig,
  assemble: (config, ports) => createStore(config, systemPorts(ports)),
});
