/** Validation of roles and bindings. Who may grant what is decided by the apiserver, not here. */
import {
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../validation/metadata.ts";
import { type RuleTable, thenUpdate } from "../../validation/rules.ts";
import { named, wrong } from "../../validation/values.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from "./types.ts";

const { invalid, required, notSupported } = fieldErrors;
const group = "rbac.authorization.k8s.io";
type Binding = DeepReadonly<RoleBinding | ClusterRoleBinding>;

const validateRole = (role: DeepReadonly<Role>): FieldError[] => validateRules(role.rules ?? [], true);

function validateClusterRole({ rules = [], aggregationRule }: DeepReadonly<ClusterRole>): FieldError[] {
  const errors = validateRules(rules ?? [], false);
  if (aggregationRule === undefined) return errors;
  const path = "aggregationRule.clusterRoleSelectors";
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    errors.push(required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
  for (const [index, selector] of selectors.entries()) {
    const own = validateLabelSelector(selector, `${path}[${index}]`);
    if (own.length > 0) errors.push(...own, invalid(`${path}[${index}]`, undefined, "invalid label selector."));
  }
  return errors;
}

function validateRules(rules: readonly DeepReadonly<PolicyRule>[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(rule, namespaced, `rules[${index}]`));
}

function validateRule(rule: DeepReadonly<PolicyRule>, namespaced: boolean, path: string): FieldError[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs.length === 0) errors.push(required(`${path}.verbs`, "verbs must contain at least one value"));
  if (urls.length > 0) {
    const field = `${path}.nonResourceURLs`;
    if (namespaced) errors.push(invalid(field, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length + resources.length + resourceNames.length > 0)
      errors.push(invalid(field, urls, "rules cannot apply to both regular resources and non-resource URLs"));
    return errors;
  }
  if (apiGroups.length === 0)
    errors.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  if (resources.length === 0)
    errors.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
  return errors;
}

const validateRoleBinding = (binding: DeepReadonly<RoleBinding>): FieldError[] =>
  validateBinding(binding, ["Role", "ClusterRole"], true);
const validateClusterRoleBinding = (binding: DeepReadonly<ClusterRoleBinding>): FieldError[] =>
  validateBinding(binding, ["ClusterRole"], false);

function validateBinding(binding: Binding, kinds: readonly string[], namespaced: boolean): FieldError[] {
  const { roleRef, subjects = [] } = binding;
  const errors: FieldError[] = [];
  if (roleRef.apiGroup !== group) errors.push(notSupported("roleRef.apiGroup", roleRef.apiGroup ?? "", [group]));
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported("roleRef.kind", roleRef.kind, kinds));
  errors.push(...named(roleRef.name, pathSegmentErrors, "roleRef.name"));
  return [...errors, ...subjects.flatMap((one, index) => validateSubject(one, namespaced, `subjects[${index}]`))];
}

function validateSubject(subject: DeepReadonly<Subject>, namespaced: boolean, path: string): FieldError[] {
  const { kind, name, apiGroup = "", namespace = "" } = subject;
  const errors = name === "" ? [required(`${path}.name`)] : [];
  if (kind === "ServiceAccount") {
    if (name !== "") errors.push(...wrong(`${path}.name`, name, dnsSubdomainErrors(name)));
    if (apiGroup !== "") errors.push(notSupported(`${path}.apiGroup`, apiGroup, [""]));
    if (!namespaced && namespace === "") errors.push(required(`${path}.namespace`));
  } else if (kind === "User" || kind === "Group") {
    if (apiGroup !== group) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
  } else errors.push(notSupported(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"]));
  return errors;
}

const fixedRole = (next: Binding, old: Binding): FieldError[] =>
  jsonEqual(next.roleRef, old.roleRef) ? [] : [invalid("roleRef", next.roleRef, "cannot change roleRef")];

const name = pathSegmentErrors;

export const rbacRules: RuleTable = {
  "rbac/v1.Role": { name, object: validateRole },
  "rbac/v1.ClusterRole": { name, object: validateClusterRole },
  "rbac/v1.RoleBinding": { name, ...thenUpdate(validateRoleBinding, fixedRole) },
  "rbac/v1.ClusterRoleBinding": { name, ...thenUpdate(validateClusterRoleBinding, fixedRole) },
};
