// The store's process with places at which it dies (`failpoints.ts`). For tests only; the product's is `src/main.ts`.
import { runDaemon } from "@coxswain/daemon";
import { flags, parseConfig } from "../src/config.ts";
import { createStore } from "../src/store.ts";
import { systemPorts } from "../src/system-ports.ts";
import { armed, withFailpoints } from "./failpoints.ts";

const reach = armed(process.env["COXSWAIN_FAILPOINT"] ?? "", () => {
  process.kill(process.pid, "SIGKILL");
  // The signal takes effect before the call is back.
  throw new Error("still alive");
});

await runDaemon({
  name: "store",
  summary: "A store that dies at a named place.",
  flags,
  config: parseConfig,
  assemble: (config, ports) => createStore(config, withFailpoints(systemPorts(ports), reach)),
});
