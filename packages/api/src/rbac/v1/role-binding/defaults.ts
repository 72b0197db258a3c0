/** Defaults of bindings: the group of roles and of people. */
import type { ClusterRoleBinding, RoleBinding } from "../types.ts";
import { fillText } from "../../../fill.ts";

const group = "rbac.authorization.k8s.io";

export function defaultRoleBinding(binding: RoleBinding | ClusterRoleBinding): void {
  fillText(binding.roleRef, { apiGroup: group });
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") fillText(subject, { apiGroup: group });
  }
}
