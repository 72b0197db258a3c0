/** Validation of resource quotas: names, amounts, scopes and whether a scope goes with what is counted. */
import { type DeepReadonly, type FieldError, fieldErrors, jsonEqual } from "@coxswain/apimachinery";
import { immutable } from "../../../validation/metadata.ts";
import { goValue } from "../go-values.ts";
import { isQuotaName, quotaResourceName, resourceAmount } from "../resource-validation.ts";
import type { ResourceQuota, ResourceQuotaSpec } from "../types.ts";

const { invalid, required } = fieldErrors;
type Spec = DeepReadonly<ResourceQuotaSpec>;

const scopes = [
  "Terminating",
  "NotTerminating",
  "BestEffort",
  "NotBestEffort",
  "PriorityClass",
  "CrossNamespacePodAffinity",
  "VolumeAttributesClass",
];
const ofPods = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  "pods",
]);
const ofClaims = new Set(["requests.storage", "persistentvolumeclaims"]);
const scopeWords =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

export function validateResourceQuota(quota: DeepReadonly<ResourceQuota>): FieldError[] {
  return [...validateSpec(quota.spec ?? {}), ...validateQuotaStatus(quota)];
}

export function validateResourceQuotaUpdate(
  next: DeepReadonly<ResourceQuota>,
  old: DeepReadonly<ResourceQuota>,
): FieldError[] {
  const sorted = (quota: DeepReadonly<ResourceQuota>): string[] => [...new Set(quota.spec?.scopes ?? [])].sort();
  return [
    ...validateSpec(next.spec ?? {}),
    ...(jsonEqual(sorted(next), sorted(old)) ? [] : [invalid("spec.scopes", next.spec?.scopes, immutable)]),
  ];
}

export function validateQuotaStatus(quota: DeepReadonly<ResourceQuota>): FieldError[] {
  return (["hard", "used"] as const).flatMap((list) => validateList(quota.status?.[list] ?? {}, `status.${list}`));
}

function validateList(amounts: Readonly<Record<string, string>>, path: string): FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => [
    ...quotaResourceName(name, `${path}[${name}]`),
    ...resourceAmount(name, amount, `${path}[${name}]`),
  ]);
}

function validateSpec(spec: Spec): FieldError[] {
  return [
    ...validateList(spec.hard ?? {}, "spec.hard"),
    ...validateScopes(spec, spec.scopes ?? [], "spec.scopes"),
    ...validateSelector(spec, "spec.scopeSelector.matchExpressions"),
  ];
}

function validateScopes(spec: Spec, given: readonly string[], path: string): FieldError[] {
  const errors = given.flatMap((scope) => [
    ...(scopes.includes(scope) ? [] : [invalid(path, given, "unsupported scope")]),
    ...unfit(spec, scope).map(() => invalid(path, given, "unsupported scope applied to resource")),
  ]);
  return [...errors, ...conflicts(given, given, path)];
}

/** Counted resources that the scope says nothing about. */
function unfit(spec: Spec, scope: string): string[] {
  const fits = (name: string): boolean => {
    if (scope === "BestEffort") return name === "pods";
    if (scope === "VolumeAttributesClass") return ofClaims.has(name);
    return scopes.includes(scope) ? ofPods.has(name) : true;
  };
  return Object.keys(spec.hard ?? {})
    .filter((name) => isQuotaName(name) && !fits(name))
    .sort();
}

function conflicts(names: readonly string[], given: unknown, path: string): FieldError[] {
  return [
    ["BestEffort", "NotBestEffort"],
    ["NotTerminating", "Terminating"],
  ]
    .filter((pair) => pair.every((scope) => names.includes(scope)))
    .map(() => invalid(path, given, "conflicting scopes"));
}

function validateSelector(spec: Spec, path: string): FieldError[] {
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  const errors = requirements.flatMap(({ scopeName, operator, values = [] }) => {
    const own: FieldError[] = [];
    if (!scopes.includes(scopeName)) own.push(invalid(`${path}.scopeName`, scopeName, "unsupported scope"));
    for (const _name of unfit(spec, scopeName))
      own.push(invalid(path, goValue("scopeSelector", spec.scopeSelector), "unsupported scope applied to resource"));
    const needsExists = !["PriorityClass", "VolumeAttributesClass"].includes(scopeName) && scopes.includes(scopeName);
    if (needsExists && operator !== "Exists") own.push(invalid(`${path}.operator`, operator, scopeWords));
    if (operator === "In" || operator === "NotIn") {
      const words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) own.push(required(`${path}.values`, words));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      const words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) own.push(invalid(`${path}.values`, values, words));
    } else own.push(invalid(`${path}.operator`, operator, "not a valid selector operator"));
    return own;
  });
  const names = requirements.map(({ scopeName }) => scopeName);
  return [...errors, ...conflicts(names, spec.scopes ?? null, path)];
}
