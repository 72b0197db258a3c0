// Persistent volumes: born Pending.
import type { Loose, Strategy } from "../../strategy.ts";

export const persistentVolumeStrategy: Strategy = {
  prepareForCreate(volume) {
    (volume as Loose)["status"] = { phase: "Pending" };
  },
};
