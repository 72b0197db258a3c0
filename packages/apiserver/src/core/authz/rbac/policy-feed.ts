// Keeps an RbacPolicy equal to the four kinds of objects in the cluster: first all there are, then every change.
import type { ApiObject } from "@coxswain/apimachinery";
import type { GroupResource, ObjectReader, ObjectView } from "../../request.ts";
import type { ClusterRole, Role, RoleBinding } from "./objects.ts";
import type { RbacPolicy } from "./policy.ts";

const rbac = (resource: string): GroupResource => ({ group: "rbac.authorization.k8s.io", resource });

/** Subscribes; returns the views, so that the owner can tell when all of them have been read once. */
export function feedPolicy(policy: RbacPolicy, reader: ObjectReader): readonly ObjectView[] {
  const clusterRoles = reader.view(rbac("clusterroles"));
  const roles = reader.view(rbac("roles"));
  const clusterBindings = reader.view(rbac("clusterrolebindings"));
  const bindings = reader.view(rbac("rolebindings"));
  follow(clusterRoles, {
    put: (object) => policy.putClusterRole(object as ClusterRole & ApiObject),
    remove: ({ metadata }) => policy.removeClusterRole(metadata.name),
  });
  follow(roles, {
    put: (object) => policy.putRole(object as Role & ApiObject),
    remove: ({ metadata }) => policy.removeRole(metadata.namespace ?? "", metadata.name),
  });
  for (const view of [clusterBindings, bindings]) {
    follow(view, {
      put: (object) => policy.putBinding(object as RoleBinding & ApiObject),
      remove: ({ metadata }) => policy.removeBinding(metadata.namespace ?? "", metadata.name),
    });
  }
  return [clusterRoles, roles, clusterBindings, bindings];
}

/** Calls `put` for what is there now and for each later change, `remove` for what goes. */
export function follow(view: ObjectView, to: { put(object: ApiObject): void; remove(object: ApiObject): void }): void {
  view.subscribe((change) => {
    if (change.object !== undefined) to.put(change.object);
    else if (change.old !== undefined) to.remove(change.old);
  });
  for (const object of view.list()) to.put(object);
}
