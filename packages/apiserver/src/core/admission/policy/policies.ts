// Admission policies with their bindings, in the order in which they are carried out: by name. A policy without a binding does nothing.
import type { MatchResources, ParamRef } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, DeepReadonly } from "@coxswain/apimachinery";
import type { Selectors } from "../match/selection.ts";
import { selectorsOf } from "../match/selection.ts";

export interface Bound<Policy, Binding> {
  readonly policy: Policy;
  readonly selectors: Selectors;
  readonly bindings: readonly { readonly binding: Binding; readonly selectors: Selectors }[];
}

interface AnyPolicy extends ApiObject {
  readonly spec?: { readonly matchConstraints?: DeepReadonly<MatchResources> | undefined } | undefined;
}

interface AnyBinding extends ApiObject {
  readonly spec?:
    | {
        readonly policyName?: string | undefined;
        readonly paramRef?: DeepReadonly<ParamRef> | undefined;
        readonly matchResources?: DeepReadonly<MatchResources> | undefined;
      }
    | undefined;
}

export function boundPolicies<Policy extends AnyPolicy, Binding extends AnyBinding>(
  policies: readonly Policy[],
  bindings: readonly Binding[],
): readonly Bound<Policy, Binding>[] {
  return policies
    .map((policy) => ({
      policy,
      selectors: selectorsOf(policy.spec?.matchConstraints ?? {}),
      bindings: bindings
        .filter(({ spec }) => spec?.policyName === policy.metadata.name)
        .map((binding) => ({ binding, selectors: selectorsOf(binding.spec?.matchResources ?? {}) })),
    }))
    .filter((bound) => bound.bindings.length > 0);
}
