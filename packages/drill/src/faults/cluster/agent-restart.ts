// dockerd restarts and the node agent dies: all that is known has to be read again.
import { clusterFault } from "./fault.ts";

export const restartAgent = clusterFault({
  name: "engine and node agent restarted",
  usual: { who: "busy-worker" },
  needs: ["restart-engine", "kill"],
  inject: ({ machine }) => [
    { act: "restart-engine", machine },
    { act: "kill", machine, daemon: "node-agent" },
  ],
});
