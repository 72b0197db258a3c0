// dockerd restarts under its containers.
import { machineFault } from "./fault.ts";

export const restartEngine = machineFault("container engine restarted", "restart-engine", { who: "busy-worker" });
