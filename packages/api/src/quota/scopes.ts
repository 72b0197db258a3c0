/** Which objects a quota is about: its scopes and scope selector (Kubernetes' `evaluator/core/pods.go` and `persistent_volume_claims.go`). */
import { compareQuantities } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { PersistentVolumeClaim, Pod, ResourceQuota } from "../core/v1/index.ts";

interface ScopeRequirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/** Every scope must match; a quota without scopes matches everything. */
export function scopesMatchPod(quota: DeepReadonly<ResourceQuota>, pod: DeepReadonly<Pod>): boolean {
  return requirementsOf(quota).every((requirement) => podMatches(requirement, pod));
}

/** Claims know one scope; a quota with any other is about pods only. */
export function scopesMatchClaim(
  quota: DeepReadonly<ResourceQuota>,
  claim: DeepReadonly<PersistentVolumeClaim>,
): boolean {
  return requirementsOf(quota).every((requirement) => {
    if (requirement.scopeName !== "VolumeAttributesClass") return false;
    const names = [claim.spec?.volumeAttributesClassName, claim.status?.currentVolumeAttributesClassName];
    const target = claim.status?.modifyVolumeStatus?.targetVolumeAttributesClassName;
    return [...names, target].some(
      (name) => name !== undefined && name !== null && name !== "" && selects(requirement, name),
    );
  });
}

/** Whether the quota has scopes at all; then it counts pods and claims only. */
export function hasScopes(quota: DeepReadonly<ResourceQuota>): boolean {
  return requirementsOf(quota).length > 0;
}

function requirementsOf({ spec }: DeepReadonly<ResourceQuota>): readonly ScopeRequirement[] {
  return [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
}

function podMatches(requirement: ScopeRequirement, pod: DeepReadonly<Pod>): boolean {
  switch (requirement.scopeName) {
    case "Terminating":
      return (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
    case "NotTerminating":
      return (pod.spec?.activeDeadlineSeconds ?? -1) < 0;
    case "BestEffort":
      return isBestEffort(pod);
    case "NotBestEffort":
      return !isBestEffort(pod);
    case "PriorityClass":
      return selects(requirement, pod.spec?.priorityClassName ?? "");
    case "CrossNamespacePodAffinity":
      return reachesIntoNamespaces(pod);
    default:
      return false;
  }
}

function selects({ operator, values = [] }: ScopeRequirement, value: string): boolean {
  switch (operator) {
    case "In":
      return values.includes(value);
    case "NotIn":
      return !values.includes(value);
    case "Exists":
      return value !== "";
    case "DoesNotExist":
      return value === "";
    default:
      return false;
  }
}

/** Neither CPU nor memory is asked for or limited anywhere. */
function isBestEffort({ spec }: DeepReadonly<Pod>): boolean {
  const parts = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), { resources: spec?.resources }];
  return parts.every(({ resources }) =>
    [resources?.requests, resources?.limits].every((amounts) =>
      ["cpu", "memory"].every((name) => compareQuantities(String(amounts?.[name] ?? "0"), "0") === 0),
    ),
  );
}

function reachesIntoNamespaces({ spec }: DeepReadonly<Pod>): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) =>
    [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
    ].some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined),
  );
}
