// SchedulingGates: a pod with gates is not looked at until the last one is removed (KEP-3521).
import { definePlugin } from "../plugin.ts";

export const schedulingGates = definePlugin({
  name: "SchedulingGates",
  scope: "node",
  preEnqueue: (pod) => {
    const gates = (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
    return gates.length === 0 ? undefined : `waiting for scheduling gates: [${gates.join(" ")}]`;
  },
  prepare: () => undefined,
  wakes: {},
});
