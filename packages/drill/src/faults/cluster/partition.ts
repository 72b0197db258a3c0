// A machine and all others do not hear each other.
import { bothWays, clusterFault, cut, others } from "./fault.ts";

export const partition = clusterFault({
  name: "partition of one machine from all others",
  usual: { who: "store-leader" },
  needs: ["cut"],
  inject: ({ machine }, target) => cut(others(machine, target).flatMap((other) => bothWays(machine, other))),
});
