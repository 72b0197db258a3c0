// Definitions of custom resources: the first DELETE leaves them Terminating, with a finalizer, until the last of their objects is gone
// (io/custom/definitions.ts).
import type { CustomResourceDefinition } from "@coxswain/api/apiextensions/v1";
import { withConditions } from "../../../custom/definition-status.ts";
import type { Strategy } from "../../strategy.ts";

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

export const customResourceDefinitionStrategy: Strategy = {
  countsGenerations: true,
  unconditionalUpdate: false,
  statusKeepsMetadata: true,
  // What objects may have been stored as is on record from the start.
  prepareForCreate(definition) {
    const { spec, status } = definition as CustomResourceDefinition;
    const stored = spec.versions.find(({ storage }) => storage)?.name;
    if (status && stored !== undefined) status.storedVersions = [stored];
  },
  holdsDeletion: ({ metadata }) => metadata.deletionTimestamp === undefined,
  markDeleted(object) {
    const definition = object as CustomResourceDefinition;
    const { metadata, status } = definition;
    delete metadata.deletionGracePeriodSeconds;
    metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), cleanupFinalizer])];
    const ending = {
      type: "Terminating",
      status: "True",
      reason: "InstanceDeletionPending",
      message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    };
    definition.status = {
      ...status,
      conditions: withConditions(status?.conditions ?? [], [ending], metadata.deletionTimestamp ?? ""),
    };
  },
};
