// SIGTERM: a daemon hands over and goes.
import { daemonFault } from "./fault.ts";

export const stop = daemonFault("graceful stop", "stop", { who: "store-leader", daemon: "apiserver" });
