// Replication controllers: generations, and dependents that stay when nothing else is said (as in v1 since ever).
import type { Strategy } from "../../strategy.ts";

export const replicationControllerStrategy: Strategy = {
  countsGenerations: true,
  orphansByDefault: true,
};
