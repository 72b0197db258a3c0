// The process. No decision is made here.
import { runDaemon } from "@coxswain/daemon";
import { flags, parseConfig } from "./config.ts";
import { createControllerManager } from "./controller-manager.ts";

await runDaemon({
  name: "controller-manager",
  summary: "Runs the control loops: desired state becomes actual state, always.",
  flags,
  config: parseConfig,
  assemble: createControllerManager,
});
