// The DNS servers of all workers stand still.
import type { Action } from "../../cluster/action.ts";
import { workers } from "../../cluster/target.ts";
import { clusterFault } from "./fault.ts";

export const noDns = clusterFault({
  name: "DNS down",
  usual: { who: "nobody" },
  needs: ["pause-daemon"],
  inject: (_aim, target) =>
    workers(target).map(({ name }): Action => ({ act: "pause-daemon", machine: name, daemon: "dns" })),
});
