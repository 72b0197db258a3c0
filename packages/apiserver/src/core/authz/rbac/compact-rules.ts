// Joins single permissions back into few rules for messages and reviews: same group and resources, verbs united.
// As Kubernetes' `pkg/registry/rbac/validation/policy_compact.go`; only the simple rules (one group, one resource) are joined.
import type { PolicyRule } from "./rule.ts";

/** The same permissions in fewer rules, in the order in which they first appear. */
export function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const result: { verbs: readonly string[]; rest: Omit<PolicyRule, "verbs"> }[] = [];
  const places = new Map<string, number>();
  for (const { verbs, ...rest } of rules) {
    const simple =
      rest.apiGroups?.length === 1 &&
      rest.resources?.length === 1 &&
      (rest.resourceNames?.length ?? 0) <= 1 &&
      !rest.nonResourceURLs?.length;
    const key = JSON.stringify([rest.apiGroups, rest.resources, rest.resourceNames]);
    const place = simple ? places.get(key) : undefined;
    const known = place === undefined ? undefined : result[place];
    if (known !== undefined) known.verbs = [...new Set([...known.verbs, ...verbs])];
    else {
      if (simple) places.set(key, result.length);
      result.push({ verbs: [...new Set(verbs)], rest });
    }
  }
  return result.map(({ verbs, rest }) => ({ ...rest, verbs }));
}
