// Whether one set of rules includes another: the question behind "nobody may grant more than they have".
// Same cutting into single permissions as Kubernetes' `component-helpers/auth/rbac/validation`: a rule that names two verbs on
// three resources is six permissions, and each must be covered by one rule of the owner.
import type { PolicyRule } from "./rule.ts";
import { urlMatches } from "./rule.ts";

/** The permissions of `wanted` that `owned` does not include, each as a rule of its own; empty when all are covered. */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  const missing: PolicyRule[] = [];
  for (const rule of wanted) {
    for (const single of singlePermissions(rule)) {
      if (!owned.some((owner) => covers(owner, single))) missing.push(single);
    }
  }
  return missing;
}

/** Cuts a rule into rules of one verb and one resource (and name) or one URL. */
export function singlePermissions(rule: PolicyRule): readonly PolicyRule[] {
  const singles: PolicyRule[] = [];
  for (const apiGroup of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const single = { apiGroups: [apiGroup], resources: [resource], verbs: [verb] };
        if ((rule.resourceNames ?? []).length === 0) singles.push(single);
        else for (const name of rule.resourceNames ?? []) singles.push({ ...single, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) singles.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return singles;
}

function covers(owner: PolicyRule, single: PolicyRule): boolean {
  return (
    includesAll(owner.verbs, single.verbs) &&
    includesAll(owner.apiGroups, single.apiGroups) &&
    coversResources(owner.resources ?? [], single.resources ?? []) &&
    coversNames(owner.resourceNames ?? [], single.resourceNames ?? []) &&
    coversUrls(owner.nonResourceURLs ?? [], single.nonResourceURLs ?? [])
  );
}

function includesAll(owned: readonly string[] = [], wanted: readonly string[] = []): boolean {
  return owned.includes("*") || wanted.every((value) => owned.includes(value));
}

function coversResources(owned: readonly string[], wanted: readonly string[]): boolean {
  if (owned.includes("*")) return true;
  return wanted.every((resource) => {
    const slash = resource.indexOf("/");
    return owned.includes(resource) || (slash >= 0 && owned.includes(`*/${resource.slice(slash + 1)}`));
  });
}

function coversNames(owned: readonly string[], wanted: readonly string[]): boolean {
  if (owned.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => owned.includes(name));
}

function coversUrls(owned: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((url) => owned.some((pattern) => urlMatches(pattern, url)));
}
