// No fault at all: the drill's web deployment gets new pods.
import { clusterFault } from "./fault.ts";

export const rollOut = clusterFault({
  name: "rolling update of the web deployment",
  usual: { who: "nobody" },
  needs: [],
  inject: () => [{ act: "roll-out" }],
});
