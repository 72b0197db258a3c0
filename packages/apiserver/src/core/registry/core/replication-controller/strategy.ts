// Replication controllers: generations, and dependents that stay when nothing else is said (as in v1 since ever).
import type { Loose, Strategy } from "../../strategy.ts";
import { textOf } from "../../strategy.ts";

export const replicationControllerStrategy: Strategy = {
  countsGenerations: true,
  orphansByDefault: true,
  fieldNames: ["status.replicas"],
  fields: (controller) => ({ "status.replicas": textOf(controller, "status", "replicas") || "0" }),
  prepareForCreate(controller) {
    (controller as Loose)["status"] = { replicas: 0 };
  },
};
