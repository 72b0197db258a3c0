// Writes Kubernetes' default roles and bindings and mends them, at each start, through the same storage as every other object.
// Two apiservers that start at once do no harm: each object is created if absent, or changed by compare-and-set.
import type { ApiObject } from "@coxswain/apimachinery";
import type { GroupResource, ObjectWriter } from "../request.ts";
import { clusterRoleBindings, namespaceRoleBindings, namespaceRoles } from "./rbac/default-policy/bindings.ts";
import { clusterRoles } from "./rbac/default-policy/cluster-roles.ts";
import { controllerRoleBindings, controllerRoles } from "./rbac/default-policy/controllers.ts";
import { bootstrapMark, mendedBinding, mendedRole } from "./rbac/default-policy/reconcile.ts";
import { aggregatedRules } from "./rbac/aggregation.ts";
import type { ClusterRole, Role, RoleBinding } from "./rbac/objects.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";

/** Roles before bindings, cluster-wide ones first. Namespaces of the namespaced ones must exist. */
export async function bootstrapPolicy(writer: ObjectWriter): Promise<void> {
  const byName = new Map(clusterRoles.map((role) => [role.metadata.name, role]));
  for (const role of [...clusterRoles, ...controllerRoles]) {
    const rules = aggregatedRules(role, byName);
    await ensureRole(writer, "clusterroles", "ClusterRole", role, { ...role, rules });
  }
  for (const binding of [...clusterRoleBindings, ...controllerRoleBindings])
    await ensureBinding(writer, "clusterrolebindings", "ClusterRoleBinding", binding);
  for (const role of namespaceRoles) await ensureRole(writer, "roles", "Role", role, role);
  for (const binding of namespaceRoleBindings) await ensureBinding(writer, "rolebindings", "RoleBinding", binding);
}

async function ensureRole(
  writer: ObjectWriter,
  resource: string,
  kind: string,
  role: ClusterRole | Role,
  first: ClusterRole | Role,
): Promise<void> {
  const where = resourceOf(resource);
  if (await writer.createIfAbsent(where, marked(kind, first))) return;
  await writer.update(where, role.metadata.namespace ?? "", role.metadata.name, (stored) =>
    mendedRole(stored as StoredRole, role),
  );
}

async function ensureBinding(
  writer: ObjectWriter,
  resource: string,
  kind: string,
  binding: RoleBinding,
): Promise<void> {
  const where = resourceOf(resource);
  const { namespace = "", name } = binding.metadata;
  if (await writer.createIfAbsent(where, marked(kind, binding))) return;
  let replace = false;
  await writer.update(where, namespace, name, (stored) => {
    const mended = mendedBinding(stored as StoredBinding, binding);
    replace = mended === "replace";
    return mended === "replace" ? undefined : mended;
  });
  if (!replace) return;
  await writer.remove(where, namespace, name);
  await writer.createIfAbsent(where, marked(kind, binding));
}

type StoredRole = ApiObject & ClusterRole;
type StoredBinding = ApiObject & RoleBinding;

function resourceOf(resource: string): GroupResource {
  return { group: "rbac.authorization.k8s.io", resource };
}

function marked(kind: string, object: ClusterRole | Role | RoleBinding): ApiObject {
  const { metadata, ...rest } = object;
  const marks = {
    labels: { ...metadata.labels, ...bootstrapMark.labels },
    annotations: { ...metadata.annotations, ...bootstrapMark.annotations },
  };
  return { apiVersion, kind, ...rest, metadata: { ...metadata, ...marks } };
}
