// The daemons of a machine live an hour ahead, then an hour behind.
import { clusterFault } from "./fault.ts";

const hour = 3600;

export const clockAhead = clusterFault({
  name: "clock an hour ahead",
  usual: { who: "busy-worker" },
  needs: ["clock-offset"],
  inject: ({ machine }) => [{ act: "impose", what: "clock-offset", machine, amount: hour }],
});

export const clockBehind = clusterFault({
  name: "clock an hour behind",
  usual: { who: "busy-worker" },
  needs: ["clock-offset"],
  inject: ({ machine }) => [{ act: "impose", what: "clock-offset", machine, amount: -hour }],
});
