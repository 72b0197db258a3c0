// Claims: born Pending.
import type { Loose, Strategy } from "../../strategy.ts";

export const persistentVolumeClaimStrategy: Strategy = {
  prepareForCreate(claim) {
    (claim as Loose)["status"] = { phase: "Pending" };
  },
};
