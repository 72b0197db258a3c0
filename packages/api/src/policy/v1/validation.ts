/** Validation of disruption budgets. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { validateConditions } from "../../validation/conditions.ts";
import { validateLabelSelector } from "../../validation/metadata.ts";
import type { RuleTable } from "../../validation/rules.ts";
import { atMostAll, countOrPercentage, notNegative, supported } from "../../validation/values.ts";
import type { PodDisruptionBudget } from "./types.ts";

function validateBudget(budget: DeepReadonly<PodDisruptionBudget>): FieldError[] {
  const { minAvailable: min, maxUnavailable: max, selector, unhealthyPodEvictionPolicy: policy } = budget.spec ?? {};
  const errors: FieldError[] = [];
  if (min !== undefined && max !== undefined)
    errors.push(fieldErrors.invalid("spec", budget.spec, "minAvailable and maxUnavailable cannot be both set"));
  for (const [value, field] of [
    [min, "spec.minAvailable"],
    [max, "spec.maxUnavailable"],
  ] as const)
    if (value !== undefined) errors.push(...countOrPercentage(value, field), ...atMostAll(value, field));
  errors.push(...validateLabelSelector(selector, "spec.selector"));
  const policies = ["AlwaysAllow", "IfHealthyBudget"];
  return [...errors, ...supported(policy, policies, "spec.unhealthyPodEvictionPolicy")];
}

function validateStatus(next: DeepReadonly<PodDisruptionBudget>): FieldError[] {
  const counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;
  return [
    ...validateConditions(next.status?.conditions ?? [], "status.conditions"),
    ...counts.flatMap((name) => notNegative(next.status?.[name], `status.${name}`)),
  ];
}

export const policyRules: RuleTable = {
  "policy/v1.PodDisruptionBudget": { object: validateBudget, subresources: { status: validateStatus } },
};
