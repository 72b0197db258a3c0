// Stateful sets, replica sets and daemon sets: generations; the status begins with its counts.
import type { Loose, Strategy } from "../../strategy.ts";

export const statefulSetStrategy: Strategy = {
  countsGenerations: true,
  prepareForCreate(set) {
    (set as Loose)["status"] = { replicas: 0, availableReplicas: 0 };
  },
};

export const replicaSetStrategy: Strategy = {
  countsGenerations: true,
  prepareForCreate(set) {
    (set as Loose)["status"] = { replicas: 0 };
  },
};

export const daemonSetStrategy: Strategy = {
  countsGenerations: true,
  prepareForCreate(set) {
    (set as Loose)["status"] = {
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    };
  },
};
