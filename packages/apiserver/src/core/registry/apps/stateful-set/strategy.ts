// Stateful sets and replica sets: generations.
import type { Strategy } from "../../strategy.ts";

export const statefulSetStrategy: Strategy = { countsGenerations: true };
export const replicaSetStrategy: Strategy = { countsGenerations: true };
