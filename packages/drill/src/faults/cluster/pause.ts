// SIGSTOP: a daemon stands still, its connections stay, and it goes on as if nothing had been.
import { daemonFault } from "./fault.ts";

export const pause = daemonFault("pause (SIGSTOP)", "pause-daemon", { who: "store-leader", daemon: "store" });
