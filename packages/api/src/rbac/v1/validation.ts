/** Validation of roles and bindings. Who may grant what is decided by the apiserver, not here. */
import {
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import { named, present } from "../../validation/values.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from "./types.ts";

const group = "rbac.authorization.k8s.io";

export function validateRole(role: DeepReadonly<Role | ClusterRole>): FieldError[] {
  return (role.rules ?? []).flatMap((rule, index) => validateRule(rule, role.kind === "Role", `rules[${index}]`));
}

function validateRule(rule: DeepReadonly<PolicyRule>, namespaced: boolean, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  if (rule.verbs.length === 0)
    errors.push(fieldErrors.required(`${path}.verbs`, "verbs must contain at least one value"));
  if (nonResourceURLs.length > 0) {
    if (namespaced)
      errors.push(
        fieldErrors.invalid(
          `${path}.nonResourceURLs`,
          nonResourceURLs,
          "namespaced rules cannot apply to non-resource URLs",
        ),
      );
    if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
      errors.push(
        fieldErrors.invalid(
          `${path}.nonResourceURLs`,
          nonResourceURLs,
          "rules cannot apply to both regular resources and non-resource URLs",
        ),
      );
    }
    return errors;
  }
  if (apiGroups.length === 0)
    errors.push(fieldErrors.required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  if (resources.length === 0)
    errors.push(fieldErrors.required(`${path}.resources`, "resource rules must supply at least one resource"));
  return errors;
}

export function validateRoleBinding(binding: DeepReadonly<RoleBinding | ClusterRoleBinding>): FieldError[] {
  const errors: FieldError[] = [];
  const { roleRef } = binding;
  const kinds = binding.kind === "RoleBinding" ? ["Role", "ClusterRole"] : ["ClusterRole"];
  if (roleRef.apiGroup !== group) errors.push(fieldErrors.notSupported("roleRef.apiGroup", roleRef.apiGroup, [group]));
  if (!kinds.includes(roleRef.kind)) errors.push(fieldErrors.notSupported("roleRef.kind", roleRef.kind, kinds));
  errors.push(...named(roleRef.name, pathSegmentErrors, "roleRef.name"));
  for (const [index, subject] of (binding.subjects ?? []).entries()) {
    const path = `subjects[${index}]`;
    errors.push(...present(subject.name, `${path}.name`));
    if (subject.kind === "ServiceAccount") {
      if (subject.name !== "") errors.push(...named(subject.name, dnsSubdomainErrors, `${path}.name`));
      if (subject.apiGroup) errors.push(fieldErrors.notSupported(`${path}.apiGroup`, subject.apiGroup, [""]));
      errors.push(...present(subject.namespace, `${path}.namespace`));
    } else if (subject.kind === "User" || subject.kind === "Group") {
      if (subject.apiGroup !== group)
        errors.push(fieldErrors.notSupported(`${path}.apiGroup`, subject.apiGroup, [group]));
    } else errors.push(fieldErrors.notSupported(`${path}.kind`, subject.kind, ["ServiceAccount", "User", "Group"]));
  }
  return errors;
}

export function validateRoleBindingUpdate(
  next: DeepReadonly<RoleBinding | ClusterRoleBinding>,
  old: DeepReadonly<RoleBinding | ClusterRoleBinding>,
): FieldError[] {
  return jsonEqual(next.roleRef, old.roleRef)
    ? []
    : [fieldErrors.invalid("roleRef", next.roleRef, "cannot change roleRef")];
}
