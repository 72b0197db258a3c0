// The rules of a cluster role that collects those of others by label.
import type { ClusterRole, PolicyRule } from "@coxswain/api/rbac/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { selects } from "../../ownership/selector.ts";

type Role = DeepReadonly<ClusterRole>;

/** In the order of the roles' names, each rule once. A role never collects itself; one that collects counts with what it has now. */
export function collectedRules(role: Role, all: readonly Role[]): readonly DeepReadonly<PolicyRule>[] {
  const rules = new Map<string, DeepReadonly<PolicyRule>>();
  for (const other of sources(role, all))
    for (const rule of other.rules ?? []) {
      const key = JSON.stringify(rule);
      if (!rules.has(key)) rules.set(key, rule);
    }
  return [...rules.values()];
}

/** Whether a change of `other` may change what `role` collects. */
export function collects(role: Role, other: Role): boolean {
  return (
    role.metadata.name !== other.metadata.name &&
    (role.aggregationRule?.clusterRoleSelectors ?? []).some((selector) => selects(selector, other.metadata.labels))
  );
}

function sources(role: Role, all: readonly Role[]): readonly Role[] {
  return all.filter((other) => collects(role, other)).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}
