// A machine sees no master, but all workers: what runs on it must be reached, and reach others, all the same.
import { masters } from "../../cluster/target.ts";
import { bothWays, clusterFault, cut } from "./fault.ts";

export const clientPartition = clusterFault({
  name: "partition of a machine from the masters alone",
  usual: { who: "busy-worker" },
  needs: ["cut"],
  inject: ({ machine }, target) =>
    cut(
      masters(target)
        .filter(({ name }) => name !== machine)
        .flatMap(({ name }) => bothWays(machine, name)),
    ),
});
