// A Deployment's status and conditions, with Kubernetes' reasons and sentences. kubectl rollout status reads them.
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import { available, fences, sum, wantedReplicas } from "./shares.ts";

type Set = DeepReadonly<ReplicaSet>;
type Conditions = readonly DeepReadonly<DeploymentCondition>[];

/** A deadline of this many seconds means none. */
const noDeadline = 2147483647;

export interface RolloutView {
  readonly deployment: DeepReadonly<Deployment>;
  readonly sets: readonly Set[];
  readonly newSet: Set | undefined;
  readonly collisionCount: number | undefined;
  readonly nowMs: number;
}

export interface StatusResult {
  readonly status: DeploymentStatus;
  /** When the progress deadline will have passed. */
  readonly wakeAfterMs: number | undefined;
}

export function deploymentStatus(view: RolloutView): StatusResult {
  const { deployment, sets, newSet, nowMs } = view;
  const counts = countReplicas(view);
  let conditions: Conditions = deployment.status?.conditions ?? [];
  const least = wantedReplicas(deployment) - fences(deployment).unavailable;
  conditions = withCondition(
    conditions,
    counts.availableReplicas >= least
      ? entry("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", nowMs)
      : entry(
          "Available",
          "False",
          "MinimumReplicasUnavailable",
          "Deployment does not have minimum availability.",
          nowMs,
        ),
  );
  conditions = pauseCondition(conditions, deployment, nowMs);
  conditions = progressCondition(conditions, view, counts);
  const failure = [newSet, ...sets]
    .flatMap((set) => set?.status?.conditions ?? [])
    .find((condition) => condition.type === "ReplicaFailure" && condition.status === "True");
  conditions = failure
    ? withCondition(conditions, entry("ReplicaFailure", "True", failure.reason ?? "", failure.message ?? "", nowMs))
    : conditions.filter((condition) => condition.type !== "ReplicaFailure");
  return {
    status: { ...counts, conditions: conditions.map((condition) => ({ ...condition })) },
    wakeAfterMs: deadlineInMs(conditions, view, counts),
  };
}

/** The status while no ReplicaSet can be made for a template: as it was, without progress. */
export function failedStatus(
  deployment: DeepReadonly<Deployment>,
  message: string,
  nowMs: number,
): DeepReadonly<DeploymentStatus> {
  if (!hasDeadline(deployment)) return deployment.status ?? {};
  const before = deployment.status?.conditions ?? [];
  const failed = entry("Progressing", "False", "ReplicaSetCreateError", message, nowMs);
  return { ...deployment.status, conditions: [...withCondition(before, failed)] };
}

interface Counts extends DeploymentStatus {
  replicas: number;
  updatedReplicas: number;
  readyReplicas: number;
  availableReplicas: number;
  unavailableReplicas: number;
}

function countReplicas({ deployment, sets, newSet, collisionCount }: RolloutView): Counts {
  const total = sum(sets, (set) => set.status?.replicas ?? 0);
  const availableReplicas = sum(sets, available);
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: total,
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(
      0,
      sum(sets, (set) => Math.max(set.spec?.replicas ?? 0, set.status?.replicas ?? 0)) - availableReplicas,
    ),
    terminatingReplicas: sum(sets, (set) => set.status?.terminatingReplicas ?? 0),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
}

function pauseCondition(conditions: Conditions, deployment: DeepReadonly<Deployment>, nowMs: number): Conditions {
  if (!hasDeadline(deployment)) return conditions;
  const current = conditions.find((condition) => condition.type === "Progressing");
  if (current?.reason === "ProgressDeadlineExceeded") return conditions;
  if (deployment.spec?.paused && current?.reason !== "DeploymentPaused") {
    return withCondition(
      conditions,
      entry("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", nowMs),
    );
  }
  if (!deployment.spec?.paused && current?.reason === "DeploymentPaused") {
    return withCondition(
      conditions,
      entry("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", nowMs),
    );
  }
  return conditions;
}

function progressCondition(conditions: Conditions, view: RolloutView, counts: Counts): Conditions {
  const { deployment, newSet, nowMs } = view;
  if (!hasDeadline(deployment)) return conditions.filter((condition) => condition.type !== "Progressing");
  const current = conditions.find((condition) => condition.type === "Progressing");
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (counts.replicas === counts.updatedReplicas && current?.reason === "NewReplicaSetAvailable") return conditions;
  if (isComplete(view, counts)) {
    return withCondition(
      conditions,
      entry("Progressing", "True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`, nowMs),
    );
  }
  if (deployment.spec?.paused) return conditions;
  if (current === undefined && newSet === undefined) return conditions;
  if (current === undefined) {
    return withCondition(
      conditions,
      entry("Progressing", "True", "NewReplicaSetCreated", `Created new replica set "${newSet?.metadata.name}"`, nowMs),
    );
  }
  if (hasProgressed(deployment, counts)) {
    const condition = entry("Progressing", "True", "ReplicaSetUpdated", `${subject} is progressing.`, nowMs);
    const kept =
      current.status === "True" ? { ...condition, lastTransitionTime: current.lastTransitionTime } : condition;
    return [...conditions.filter((other) => other.type !== "Progressing"), kept];
  }
  if (hasTimedOut(current, deployment, nowMs)) {
    return withCondition(
      conditions,
      entry("Progressing", "False", "ProgressDeadlineExceeded", `${subject} has timed out progressing.`, nowMs),
    );
  }
  return conditions;
}

function isComplete({ deployment }: RolloutView, counts: Counts): boolean {
  const wanted = wantedReplicas(deployment);
  return counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas === wanted;
}

function hasProgressed(deployment: DeepReadonly<Deployment>, counts: Counts): boolean {
  const before = deployment.status ?? {};
  const oldBefore = (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  return (
    counts.updatedReplicas > (before.updatedReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < oldBefore ||
    counts.readyReplicas > (before.readyReplicas ?? 0) ||
    counts.availableReplicas > (before.availableReplicas ?? 0)
  );
}

const hasDeadline = (deployment: DeepReadonly<Deployment>): boolean =>
  (deployment.spec?.progressDeadlineSeconds ?? noDeadline) !== noDeadline;

function hasTimedOut(
  current: DeepReadonly<DeploymentCondition>,
  deployment: DeepReadonly<Deployment>,
  nowMs: number,
): boolean {
  if (current.reason === "NewReplicaSetAvailable") return false;
  if (current.reason === "ProgressDeadlineExceeded") return true;
  const since = parseRfc3339(current.lastUpdateTime ?? "") ?? nowMs;
  return since + (deployment.spec?.progressDeadlineSeconds ?? noDeadline) * 1000 < nowMs;
}

function deadlineInMs(conditions: Conditions, view: RolloutView, counts: Counts): number | undefined {
  const { deployment, nowMs } = view;
  const current = conditions.find((condition) => condition.type === "Progressing");
  if (!hasDeadline(deployment) || deployment.spec?.paused || current === undefined || isComplete(view, counts))
    return undefined;
  if (current.reason === "ProgressDeadlineExceeded" || current.reason === "NewReplicaSetAvailable") return undefined;
  const since = parseRfc3339(current.lastUpdateTime ?? "") ?? nowMs;
  return Math.max(1_000, since + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000 - nowMs + 1_000);
}

function entry(type: string, status: string, reason: string, message: string, nowMs: number): DeploymentCondition {
  const now = rfc3339(nowMs);
  return { type, status, reason, message, lastUpdateTime: now, lastTransitionTime: now };
}

/** Replaces the condition of that type, unless it says the same; the transition's time stays when the status does. */
function withCondition(conditions: Conditions, wanted: DeploymentCondition): Conditions {
  const current = conditions.find((condition) => condition.type === wanted.type);
  if (current?.status === wanted.status && current.reason === wanted.reason) return conditions;
  const kept =
    current?.status === wanted.status ? { ...wanted, lastTransitionTime: current.lastTransitionTime } : wanted;
  return [...conditions.filter((condition) => condition.type !== wanted.type), kept];
}
