// Nobody hears a machine that hears everybody.
import type { Action } from "../../cluster/action.ts";
import { clusterFault, others } from "./fault.ts";

export const oneWay = clusterFault({
  name: "partition in one direction: nobody hears it",
  usual: { who: "store-leader" },
  needs: ["cut"],
  inject: ({ machine }, target) => others(machine, target).map((to): Action => ({ act: "cut", from: machine, to })),
});
