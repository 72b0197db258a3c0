#!/usr/bin/env node
// The scheduler's process.
import { runDaemon } from "@coxswain/daemon";
import { createClient, loadKubeconfig } from "@coxswain/client";
import { flags, parseConfig } from "./config.ts";
import { createScheduler } from "./scheduler.ts";

await runDaemon({
  name: "scheduler",
  summary: "Picks a node for every pod that has none, and can say why.",
  flags,
  config: parseConfig,
  assemble: (config, ports) => {
    const client = createClient(loadKubeconfig(config.kubeconfig, { userAgent: "kube-scheduler" }), ports);
    return createScheduler(config, { ...ports, client });
  },
});
