// Deployments: a changed annotation counts as a new generation, too, since revisions live in annotations.
import { jsonEqual } from "@coxswain/apimachinery";
import type { Loose, Strategy } from "../../strategy.ts";

export const deploymentStrategy: Strategy = {
  countsGenerations: true,
  statusKeepsLabels: true,
  prepareForUpdate(deployment, old) {
    if (
      jsonEqual((deployment as Loose)["spec"], (old as Loose)["spec"]) &&
      !jsonEqual(deployment.metadata.annotations ?? {}, old.metadata.annotations ?? {})
    ) {
      deployment.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
  },
};
