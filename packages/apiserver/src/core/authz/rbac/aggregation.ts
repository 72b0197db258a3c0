// Aggregated ClusterRoles: the rules of a role that collects others by label, as Kubernetes' clusterrole-aggregation controller
// would write them. Pure; cycles end where they began.
import type { ClusterRole, Selector } from "./objects.ts";
import type { PolicyRule } from "./rule.ts";

/** Effective rules. A role that aggregates has only what it collects; roles in name order, each rule once. */
export function aggregatedRules(role: ClusterRole, all: ReadonlyMap<string, ClusterRole>): readonly PolicyRule[] {
  if (role.aggregationRule === undefined) return role.rules ?? [];
  const rules = new Map<string, PolicyRule>();
  collect(role, all, new Set(), rules);
  return [...rules.values()];
}

function collect(
  role: ClusterRole,
  all: ReadonlyMap<string, ClusterRole>,
  seen: Set<string>,
  rules: Map<string, PolicyRule>,
): void {
  if (seen.has(role.metadata.name)) return;
  seen.add(role.metadata.name);
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) {
    for (const rule of role.rules ?? []) rules.set(JSON.stringify(rule), rule);
    return;
  }
  const collected = [...all.values()].filter((other) =>
    selectors.some((selector) => selects(selector, other.metadata.labels ?? {})),
  );
  for (const other of collected.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)))
    collect(other, all, seen, rules);
}

/** `metav1.LabelSelector` over labels. An empty selector selects everything. */
function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const value = labels[key];
    if (operator === "Exists" && value === undefined) return false;
    if (operator === "DoesNotExist" && value !== undefined) return false;
    if (operator === "In" && (value === undefined || !values.includes(value))) return false;
    if (operator === "NotIn" && value !== undefined && values.includes(value)) return false;
  }
  return true;
}
