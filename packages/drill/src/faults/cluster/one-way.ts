// Nobody hears a machine that hears everybody.
import { clusterFault, cut, others } from "./fault.ts";

export const oneWay = clusterFault({
  name: "partition in one direction: nobody hears it",
  usual: { who: "store-leader" },
  needs: ["cut"],
  inject: ({ machine }, target) => cut(others(machine, target).map((to) => ({ from: machine, to }))),
});
