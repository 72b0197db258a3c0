// How stored default policy is mended at start: what is missing is added, what an administrator added stays, and an object with
// `rbac.authorization.kubernetes.io/autoupdate: "false"` is left alone. As Kubernetes' `component-helpers/auth/rbac/reconciliation`.
// Pure: the next value of an object, or undefined when it is good.
import { compactRules } from "../compact-rules.ts";
import { uncoveredRules } from "../coverage.ts";
import type { ClusterRole, Role, RoleBinding, RoleSubject } from "../objects.ts";

const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

/** Marks an object as one of ours, the way Kubernetes marks its own. */
export const bootstrapMark = {
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
  annotations: { [autoUpdate]: "true" },
};

/** The stored role with whatever `wanted` has and it lacks. Rules of aggregated roles are somebody else's to write. */
export function mendedRole<T extends ClusterRole | Role>(stored: T, wanted: ClusterRole | Role): T | undefined {
  if (isLeftAlone(stored)) return undefined;
  const aggregation = "aggregationRule" in wanted ? wanted.aggregationRule : undefined;
  const storedAggregation = "aggregationRule" in stored ? stored.aggregationRule : undefined;
  const missing = aggregation === undefined ? uncoveredRules(stored.rules ?? [], wanted.rules ?? []) : [];
  const metadata = withMarks(stored, wanted);
  const needsAggregation = aggregation !== undefined && storedAggregation === undefined;
  if (missing.length === 0 && metadata === undefined && !needsAggregation) return undefined;
  return {
    ...stored,
    metadata: metadata ?? stored.metadata,
    ...(missing.length === 0 ? {} : { rules: [...(stored.rules ?? []), ...compactRules(missing)] }),
    ...(needsAggregation ? { aggregationRule: aggregation } : {}),
  };
}

/** The same for a binding; `"replace"` when it points to another role, which no update may change. */
export function mendedBinding<T extends RoleBinding>(stored: T, wanted: RoleBinding): T | "replace" | undefined {
  if (isLeftAlone(stored)) return undefined;
  if (stored.roleRef.kind !== wanted.roleRef.kind || stored.roleRef.name !== wanted.roleRef.name) return "replace";
  const have = new Set((stored.subjects ?? []).map(subjectText));
  const missing = (wanted.subjects ?? []).filter((subject) => !have.has(subjectText(subject)));
  const metadata = withMarks(stored, wanted);
  if (missing.length === 0 && metadata === undefined) return undefined;
  return { ...stored, metadata: metadata ?? stored.metadata, subjects: [...(stored.subjects ?? []), ...missing] };
}

function isLeftAlone(stored: ClusterRole | Role | RoleBinding): boolean {
  return stored.metadata.annotations?.[autoUpdate] === "false";
}

function subjectText(subject: RoleSubject): string {
  return `${subject.kind}/${subject.namespace ?? ""}/${subject.name}`;
}

function withMarks(
  stored: ClusterRole | Role | RoleBinding,
  wanted: ClusterRole | Role | RoleBinding,
): typeof stored.metadata | undefined {
  const labels = { ...wanted.metadata.labels, ...bootstrapMark.labels };
  const annotations = bootstrapMark.annotations;
  const good =
    Object.entries(labels).every(([key, value]) => stored.metadata.labels?.[key] === value) &&
    Object.entries(annotations).every(([key, value]) => stored.metadata.annotations?.[key] === value);
  if (good) return undefined;
  return {
    ...stored.metadata,
    labels: { ...stored.metadata.labels, ...labels },
    annotations: { ...stored.metadata.annotations, ...annotations },
  };
}
