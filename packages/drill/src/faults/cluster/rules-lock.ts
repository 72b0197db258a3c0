// A stranger empties the packet filter, and another holds its lock, so that nobody may write what is missing.
import { clusterFault } from "./fault.ts";

export const lockHeldSeconds = 30;

export const rulesLock = clusterFault({
  name: "rules flushed while somebody holds their lock",
  usual: { who: "busy-worker" },
  needs: ["hold-rules-lock", "flush-rules"],
  inject: ({ machine }) => [
    { act: "flush-rules", machine },
    { act: "hold-rules-lock", machine, seconds: lockHeldSeconds },
  ],
});
