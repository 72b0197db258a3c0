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
  /** How many pods their controllers want in all, pods without one left out. */
  readonly wantedByControllers: Wanted;
  readonly nowMs: number;
}

/** A number, or why it cannot be told. */
export type Wanted = number | { readonly problem: string };

/** Whether a budget counts against what controllers want, rather than against the pods that there are. */
export function asksControllers({ spec }: DeepReadonly<PodDisruptionBudget>): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === "string";
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
  const wanted = asksControllers(budget) ? view.wantedByControllers : living.length;
  const problem = typeof wanted === "number" ? undefined : wanted.problem;
  const expected = typeof wanted === "number" ? wanted : living.length;
  const desired =
    problem !== undefined
      ? living.length
      : maxUnavailable === undefined
        ? share(minAvailable ?? 1, expected, Math.ceil)
        : Math.max(0, expected - share(maxUnavailable, expected, Math.ceil));
  const disrupted = stillDisrupted(view);
  const healthy = living.filter((pod) => isReady(pod) && disrupted[pod.metadata.name] === undefined).length;
  const allowed = problem !== undefined || expected <= 0 ? 0 : Math.max(0, healthy - desired);
  const status: PodDisruptionBudgetStatus = {
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: conditionsOf(view, allowed > 0, problem),
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

function conditionsOf({ budget, nowMs }: BudgetView, allows: boolean, problem: string | undefined) {
  const status = allows ? ("True" as const) : ("False" as const);
  const before = budget.status?.conditions?.find((condition) => condition.type === "DisruptionAllowed");
  return [
    {
      type: "DisruptionAllowed",
      status,
      reason: problem !== undefined ? "SyncFailed" : allows ? "SufficientPods" : "InsufficientPods",
      message: problem ?? "",
      observedGeneration: budget.metadata.generation ?? 0,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : rfc3339(nowMs),
    },
  ];
}
