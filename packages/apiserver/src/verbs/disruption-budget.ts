// Whether a pod may be evicted: the budgets of its namespace that select it have a disruption left, which is taken here
// by compare-and-set so that two evictions cannot share it.
import { labelSelectorMatcher, StatusError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import type { Loose } from "../core/registry/strategy.ts";
import { memberOf, textOf } from "../core/registry/strategy.ts";
import type { Parts } from "./parts.ts";

const budgets = { group: "policy", resource: "poddisruptionbudgets" };

export async function checkBudgets(parts: Parts, pod: ApiObject, dryRun: boolean): Promise<void> {
  const phase = textOf(pod, "status", "phase");
  if (
    phase === "Succeeded" ||
    phase === "Failed" ||
    phase === "Pending" ||
    pod.metadata.deletionTimestamp !== undefined
  )
    return;
  const namespace = pod.metadata.namespace ?? "";
  const matching = (await parts.objects.readAll(budgets, namespace)).filter((budget) =>
    labelSelectorMatcher(memberOf(budget, "spec")["selector"] as Parameters<typeof labelSelectorMatcher>[0]).matches(
      pod.metadata.labels,
    ),
  );
  if (matching.length > 1) {
    throw new StatusError({
      ...statuses.internalError(
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
      ),
    });
  }
  const budget = matching[0];
  if (!budget) return;
  const { name, namespace: budgetNamespace = "" } = budget.metadata;
  await parts.objects.update(budgets, budgetNamespace, name, (current) => {
    const status = memberOf(current, "status");
    const allowed = (status["disruptionsAllowed"] as number | undefined) ?? 0;
    const isStale = ((status["observedGeneration"] as number | undefined) ?? 0) < (current.metadata.generation ?? 0);
    if (allowed <= 0 || isStale) {
      const refused = statuses.tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0);
      const why = isStale
        ? `The disruption budget ${name} is still being processed by the server.`
        : `The disruption budget ${name} needs ${String(status["desiredHealthy"] ?? 0)} healthy pods and has ${String(status["currentHealthy"] ?? 0)} currently`;
      throw new StatusError({
        ...refused,
        details: { causes: [{ reason: "DisruptionBudget", message: why }], ...(isStale && { retryAfterSeconds: 10 }) },
      });
    }
    if (dryRun) return undefined;
    const next = structuredClone(current) as Loose;
    next["status"] = {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...memberOf(status, "disruptedPods"), [pod.metadata.name]: rfc3339(parts.clock.now()) },
    };
    return next;
  });
}
