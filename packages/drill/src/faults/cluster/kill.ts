// kill -9: a daemon dies without a word.
import { daemonFault } from "./fault.ts";

export const kill = daemonFault("kill -9", "kill", { who: "store-leader", daemon: "store" });
