// Every daemon of every machine is stopped with a word, one after the other.
import type { Action } from "../../cluster/action.ts";
import { masterDaemons, nodeDaemons } from "../../cluster/action.ts";
import { clusterFault } from "./fault.ts";

export const rollingRestart = clusterFault({
  name: "rolling restart of all daemons of a machine",
  usual: { who: "each-master" },
  needs: ["stop"],
  inject: ({ machine }, target) => {
    const place = target.machines.find(({ name }) => name === machine);
    const daemons = [...(place?.master ? masterDaemons : []), ...(place?.worker ? nodeDaemons : [])];
    return daemons.map((daemon): Action => ({ act: "stop", machine, daemon }));
  },
});
