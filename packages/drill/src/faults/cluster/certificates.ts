// Certificates that end soon on every machine, or that have ended on one.
import type { Action } from "../../cluster/action.ts";
import { clusterFault, hardshipFault } from "./fault.ts";

/** Long enough for every daemon to take them up and, later, the new ones: the slowest looks every 30 s. */
const leftSeconds = 80;

export const certificatesEnding = clusterFault({
  name: `all certificates end in ${leftSeconds} s`,
  usual: { who: "nobody" },
  needs: ["old-certificates"],
  inject: (_aim, target) =>
    target.machines.map(({ name }): Action => ({
      act: "impose",
      what: "old-certificates",
      machine: name,
      amount: leftSeconds,
    })),
});

export const certificatesExpired = hardshipFault("certificates expired an hour ago", "old-certificates", -3600, {
  who: "other-master",
});
