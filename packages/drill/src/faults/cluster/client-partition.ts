// A machine sees no master, but all workers: what runs on it must be reached, and reach others, all the same.
import type { Action } from "../../cluster/action.ts";
import { masters } from "../../cluster/target.ts";
import { clusterFault } from "./fault.ts";

export const clientPartition = clusterFault({
  name: "partition of a machine from the masters alone",
  usual: { who: "busy-worker" },
  needs: ["cut"],
  inject: ({ machine }, target) =>
    masters(target)
      .filter(({ name }) => name !== machine)
      .flatMap(({ name }): Action[] => [
        { act: "cut", from: machine, to: name },
        { act: "cut", from: name, to: machine },
      ]),
});
