// "Nobody grants more than they have": creating or changing a role asks that the user holds every permission in it (or the verb
// `escalate`), binding one the same of the role bound (or the verb `bind`). As Kubernetes' `registry/rbac/*/policybased`.
// Runs as the last validating step of admission, so that it sees the object as it will be stored.
import { StatusError, statuses, type ApiObject } from "@coxswain/apimachinery";
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from "../../request.ts";
import type { Subject } from "../attributes.ts";
import { compactRules } from "./compact-rules.ts";
import { uncoveredRules } from "./coverage.ts";
import type { ClusterRole, Role, RoleBinding } from "./objects.ts";
import type { RbacPolicy } from "./policy.ts";
import { aggregateErrors } from "./policy.ts";
import type { PolicyRule } from "./rule.ts";
import { describeRule } from "./rule.ts";

const group = "rbac.authorization.k8s.io";
const everything: readonly PolicyRule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

export function createEscalationCheck(policy: RbacPolicy, authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "RBACEscalation",
    handles: ({ resource, operation, subresource }) =>
      resource.group === group && subresource === "" && (operation === "CREATE" || operation === "UPDATE"),
    validate(attributes) {
      const { object, user } = attributes;
      if (object === undefined || user.groups.includes("system:masters")) return;
      if (attributes.resource.resource.endsWith("bindings"))
        checkBinding(attributes, object as RoleBinding & ApiObject);
      else checkRole(attributes, object as ClusterRole & ApiObject);
    },
  };

  function checkRole(attributes: AdmissionAttributes, role: ClusterRole & ApiObject): void {
    const before = attributes.oldObject as (ClusterRole & ApiObject) | undefined;
    if (before !== undefined && sameRules(before, role)) return;
    if (mayWithVerb(attributes, "escalate", attributes.resource.resource, role.metadata.name)) return;
    if ((role.aggregationRule?.clusterRoleSelectors ?? []).length > 0) {
      const held = policy.rulesFor(attributes.user, "");
      if (uncoveredRules(held.rules, everything).length > 0) {
        refuse(attributes, role, "must have cluster-admin privileges to use the aggregationRule");
      }
    }
    checkCovered(attributes, role, role.rules ?? []);
  }

  function checkBinding(attributes: AdmissionAttributes, binding: RoleBinding & ApiObject): void {
    const before = attributes.oldObject as (RoleBinding & ApiObject) | undefined;
    if (
      before !== undefined &&
      JSON.stringify([before.roleRef, before.subjects]) === JSON.stringify([binding.roleRef, binding.subjects])
    )
      return;
    const { roleRef } = binding;
    if (mayWithVerb(attributes, "bind", roleRef.kind === "Role" ? "roles" : "clusterroles", roleRef.name)) return;
    const rules = policy.rulesOf(roleRef, attributes.namespace);
    if (rules === undefined) {
      throw new StatusError(
        statuses.notFound({ group, resource: roleRef.kind === "Role" ? "roles" : "clusterroles" }, roleRef.name),
      );
    }
    checkCovered(attributes, binding, rules);
  }

  function checkCovered(attributes: AdmissionAttributes, object: ApiObject, wanted: readonly PolicyRule[]): void {
    const { user } = attributes;
    const held = policy.rulesFor(user, attributes.namespace);
    const missing = uncoveredRules(held.rules, wanted);
    if (missing.length === 0) return;
    const lines = [...new Set(compactRules(missing).map(describeRule))].toSorted();
    const groups = user.groups.map((name) => JSON.stringify(name)).join(" ");
    const errors = held.errors.length === 0 ? "" : `; resolution errors: ${aggregateErrors(held.errors)}`;
    const who = `user ${JSON.stringify(user.username)} (groups=[${groups}])`;
    refuse(
      attributes,
      object,
      `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join("\n")}${errors}`,
    );
  }

  function mayWithVerb(attributes: AdmissionAttributes, verb: string, resource: string, name: string): boolean {
    return isAllowed(authorizer, attributes.user, { verb, resource, name, namespace: attributes.namespace });
  }
}

function isAllowed(
  authorizer: Authorizer,
  user: Subject,
  asked: { verb: string; resource: string; name: string; namespace: string },
): boolean {
  return (
    authorizer.authorize({ kind: "resource", user, group, version: "*", subresource: "", ...asked }).decision ===
    "allow"
  );
}

function sameRules(before: ClusterRole | Role, after: ClusterRole): boolean {
  const aggregation = "aggregationRule" in before ? before.aggregationRule : undefined;
  return (
    JSON.stringify([before.rules ?? [], aggregation]) === JSON.stringify([after.rules ?? [], after.aggregationRule])
  );
}

function refuse(attributes: AdmissionAttributes, object: ApiObject, why: string): never {
  throw new StatusError(statuses.forbidden(attributes.resource, object.metadata.name, why));
}
