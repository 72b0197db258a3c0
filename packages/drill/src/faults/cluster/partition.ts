// A machine and all others do not hear each other.
import type { Action } from "../../cluster/action.ts";
import { clusterFault, others } from "./fault.ts";

export const partition = clusterFault({
  name: "partition of one machine from all others",
  usual: { who: "store-leader" },
  needs: ["cut"],
  inject: ({ machine }, target) =>
    others(machine, target).flatMap((other): Action[] => [
      { act: "cut", from: machine, to: other },
      { act: "cut", from: other, to: machine },
    ]),
});
