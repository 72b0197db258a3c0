// `matchConditions` of webhooks and policies: expressions that all have to be true for a request to be theirs. One that is false decides, even when
// others fail; the failure of another counts only when none is. After apiserver's `webhook/matchconditions`.
import type { MatchCondition } from "@coxswain/api/admissionregistration/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { RequestAuthorizer } from "../../authz/attributes.ts";
import { loadLanguage } from "../../cel/lazily.ts";
import { conditionsBudget } from "../../cel/meter.ts";
import type { Variables } from "../../cel/environment.ts";
import type { AdmissionAttributes } from "../../request.ts";
import type { Shown } from "../webhook/review.ts";
import { admissionRequest } from "../webhook/review.ts";
import type { Matched } from "./selection.ts";

export type Met = { readonly kind: "met" | "unmet" } | { readonly kind: "failed"; readonly why: string };

/** What conditions of webhooks may speak of. */
export const requestVariables: Variables = {
  object: "dyn",
  oldObject: "dyn",
  request: "dyn",
  authorizer: "Authorizer",
};

export async function checkConditions(
  conditions: readonly DeepReadonly<MatchCondition>[],
  attributes: AdmissionAttributes,
  matched: Matched,
  shown: Shown,
  authorizer: RequestAuthorizer,
): Promise<Met> {
  const language = await loadLanguage();
  const values = await requestValues(attributes, matched, shown, authorizer);
  return evaluateConditions(language, conditions, requestVariables, values);
}

export function evaluateConditions(
  { compile, Budget, CelError }: Awaited<ReturnType<typeof loadLanguage>>,
  conditions: readonly DeepReadonly<MatchCondition>[],
  variables: Variables,
  values: Readonly<Record<string, unknown>>,
): Met {
  const budget = new Budget(conditionsBudget);
  const failures: string[] = [];
  for (const { expression } of conditions) {
    try {
      if (compile(expression, variables).run(values, budget) === false) return { kind: "unmet" };
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      if (error.isOutOfBudget) return { kind: "failed", why: error.message };
      failures.push(`expression '${expression}' resulted in error: ${error.message}`);
    }
  }
  if (failures.length === 0) return { kind: "met" };
  return { kind: "failed", why: failures.length === 1 ? String(failures[0]) : `[${failures.join(", ")}]` };
}

/** The values of `requestVariables`. */
export async function requestValues(
  attributes: AdmissionAttributes,
  matched: Matched,
  { object, oldObject }: Shown,
  authorizer: RequestAuthorizer,
): Promise<Readonly<Record<string, unknown>>> {
  const { createAuthorizerValue, dynamicValue } = await loadLanguage();
  const { resource, subresource, namespace, name, user } = attributes;
  return {
    object: dynamicValue(object),
    oldObject: dynamicValue(oldObject),
    request: dynamicValue(admissionRequest(attributes, matched)),
    authorizer: createAuthorizerValue(authorizer, user, { ...resource, subresource, namespace, name }),
  };
}
