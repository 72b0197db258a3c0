// Decides how many more pods of a budget may be taken away now. The API server spends it when pods are evicted; this fills it up.
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "@coxswain/api/policy/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import { isFinished, isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { share } from "../deployment/shares.ts";

export interface BudgetView {
  readonly budget: DeepReadonly<PodDisruptionBudget>;
  /** Pods that its selector matches. */
  readonly pods: readonly ReadonlyPod[];
  /** How many pods their controllers want in all; undefined when that cannot be told (a pod without a controller). */
  readonly wantedByControllers: number | undefined;
  readonly nowMs: number;
}

/** An eviction that was granted counts as gone for this long; by then the pod is deleted, or was not evicted after all. */
const evictionMemoryMs = 120_000;

export function budgetStatus(view: BudgetView): {
  readonly status: PodDisruptionBudgetStatus;
  readonly wakeAfterMs: number | undefined;
} {
  const { budget, nowMs } = view;
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const living = view.pods.filter((pod) => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined);
  const byController = maxUnavailable !== undefined || typeof minAvailable === "string";
  const expected = byController ? view.wantedByControllers : living.length;
  const unknown = expected === undefined;
  const desired = unknown
    ? living.length
    : maxUnavailable === undefined
      ? share(minAvailable ?? 1, expected, Math.ceil)
      : Math.max(0, expected - share(maxUnavailable, expected, Math.ceil));
  const disrupted = stillDisrupted(view);
  const healthy = living.filter((pod) => isReady(pod) && disrupted[pod.metadata.name] === undefined).length;
  const allowed = unknown || expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const status: PodDisruptionBudgetStatus = {
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected ?? living.length,
    conditions: conditionsOf(view, unknown ? "SyncFailed" : allowed > 0 ? "SufficientPods" : "InsufficientPods"),
  };
  const ends = Object.values(disrupted).map((time) => (parseRfc3339(time) ?? 0) + evictionMemoryMs - nowMs);
  return { status, wakeAfterMs: ends.length > 0 ? Math.max(0, Math.min(...ends)) : undefined };
}

/** Granted evictions whose pods are still there, and young enough to be believed. */
function stillDisrupted({ budget, pods, nowMs }: BudgetView): Record<string, string> {
  const present = new Set(
    pods.filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => pod.metadata.name),
  );
  const entries = Object.entries(budget.status?.disruptedPods ?? {});
  return Object.fromEntries(
    entries.filter(([name, time]) => present.has(name) && (parseRfc3339(time) ?? 0) + evictionMemoryMs > nowMs),
  );
}

function conditionsOf({ budget, nowMs }: BudgetView, reason: string) {
  const status = reason === "SufficientPods" ? ("True" as const) : ("False" as const);
  const before = budget.status?.conditions?.find((condition) => condition.type === "DisruptionAllowed");
  return [
    {
      type: "DisruptionAllowed",
      status,
      reason,
      message: reason === "SyncFailed" ? "found no controllers for pods" : "",
      observedGeneration: budget.metadata.generation ?? 0,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : rfc3339(nowMs),
    },
  ];
}
