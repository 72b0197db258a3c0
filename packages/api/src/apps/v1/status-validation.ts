/** Validation of what workloads report about themselves. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { notNegative } from "../../validation/values.ts";
import type { DaemonSet, Deployment, StatefulSet } from "./types.ts";

const { invalid } = fieldErrors;

export function validateDeploymentStatus(next: DeepReadonly<Deployment>, old: DeepReadonly<Deployment>): FieldError[] {
  const status = next.status ?? {};
  const { replicas = 0, readyReplicas: ready = 0, availableReplicas: available = 0 } = status;
  const parts = ["updatedReplicas", "readyReplicas", "availableReplicas"] as const;
  const counts = ["observedGeneration", "replicas", ...parts, "unavailableReplicas", "collisionCount"] as const;
  const errors = [...counts, "terminatingReplicas" as const].flatMap((name) =>
    notNegative(status[name], `status.${name}`),
  );
  for (const name of parts) {
    const count = status[name] ?? 0;
    if (count > replicas) errors.push(invalid(`status.${name}`, count, "cannot be greater than status.replicas"));
  }
  if (available > ready)
    errors.push(invalid("status.availableReplicas", available, "cannot be greater than readyReplicas"));
  return [...errors, ...neverDecremented(status.collisionCount, old.status?.collisionCount)];
}

function neverDecremented(next: number | undefined, old: number | undefined): FieldError[] {
  const isLess = old !== undefined && (next === undefined || next < old);
  return isLess ? [invalid("status.collisionCount", next ?? 0, "cannot be decremented")] : [];
}

export function validateDaemonSetStatus(next: DeepReadonly<DaemonSet>, old: DeepReadonly<DaemonSet>): FieldError[] {
  const counts = [
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
  ] as const;
  return [
    ...counts.flatMap((name) => notNegative(next.status?.[name], `status.${name}`)),
    ...neverDecremented(next.status?.collisionCount, old.status?.collisionCount),
  ];
}

export function validateStatefulSetStatus(
  next: DeepReadonly<StatefulSet>,
  old: DeepReadonly<StatefulSet>,
): FieldError[] {
  const status: Partial<NonNullable<DeepReadonly<StatefulSet>["status"]>> = next.status ?? {};
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  const parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;
  const errors = (["replicas", ...parts, "observedGeneration", "collisionCount"] as const).flatMap((name) =>
    notNegative(status[name], `status.${name}`),
  );
  for (const name of parts) {
    const count = status[name] ?? 0;
    if (count > replicas) errors.push(invalid(`status.${name}`, count, "cannot be greater than status.replicas"));
  }
  if (availableReplicas > readyReplicas) {
    const words = "cannot be greater than status.readyReplicas";
    errors.push(invalid("status.availableReplicas", availableReplicas, words));
  }
  return [...errors, ...neverDecremented(status.collisionCount, old.status?.collisionCount)];
}
