// All roles and bindings of the cluster in memory, indexed by subject, so that a question costs microseconds whatever their number.
//
//   binding --subjects--> "u:jane", "g:devs"  --index--> { "ClusterRole/view": bindings… }  --role--> effective rules
//
// An upsert or removal changes only the index entries of that one binding. Effective rules of aggregated ClusterRoles are computed
// from labels here as well, so that they hold at once and not only after a controller has written them.
// It does not watch (the owner feeds it) and does not stop escalation (`escalation.ts`).
import type { Attributes, RequestAuthorizer, Subject, Verdict } from "../attributes.ts";
import { aggregatedRules } from "./aggregation.ts";
import type { ClusterRole, Role, RoleBinding, RoleRef, RoleSubject } from "./objects.ts";
import type { PolicyRule } from "./rule.ts";
import { ruleAllows } from "./rule.ts";

export interface RuleSet {
  readonly rules: readonly PolicyRule[];
  /** Bindings that point to roles which do not exist, in Kubernetes' words. */
  readonly errors: readonly string[];
}

/** One binding under one of its subjects. */
interface Grant {
  readonly binding: RoleBinding;
  readonly subject: RoleSubject;
}

interface RoleGrants {
  readonly ref: RoleRef;
  /** Key: binding name. A role is judged once however many bindings lead to it; the first grant is named as the reason. */
  readonly grants: Map<string, Grant>;
}

/** Subject key -> role key -> grants. One for the cluster and one per namespace. */
type SubjectIndex = Map<string, Map<string, RoleGrants>>;

/** The RBAC authorizer. The owner feeds it with what its watches see, in any order and as often as it likes. */
export class RbacPolicy implements RequestAuthorizer {
  readonly #clusterRoles = new Map<string, ClusterRole>();
  readonly #roles = new Map<string, Role>();
  readonly #bindings = new Map<string, RoleBinding>();
  readonly #clusterIndex: SubjectIndex = new Map();
  readonly #namespaceIndexes = new Map<string, SubjectIndex>();
  /** Cleared whenever any ClusterRole changes: roles change seldom and are few. */
  readonly #effective = new Map<string, readonly PolicyRule[]>();

  putClusterRole(role: ClusterRole): void {
    this.#clusterRoles.set(role.metadata.name, role);
    this.#effective.clear();
  }

  removeClusterRole(name: string): void {
    this.#clusterRoles.delete(name);
    this.#effective.clear();
  }

  putRole(role: Role): void {
    this.#roles.set(`${role.metadata.namespace}/${role.metadata.name}`, role);
  }

  removeRole(namespace: string, name: string): void {
    this.#roles.delete(`${namespace}/${name}`);
  }

  /** A binding without a namespace is a ClusterRoleBinding. */
  putBinding(binding: RoleBinding): void {
    const namespace = binding.metadata.namespace ?? "";
    this.removeBinding(namespace, binding.metadata.name);
    this.#bindings.set(`${namespace}/${binding.metadata.name}`, binding);
    const index = this.#indexOf(namespace);
    const role = `${binding.roleRef.kind}/${binding.roleRef.name}`;
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace);
      if (key === undefined) continue;
      const roles = getOrAdd(index, key, () => new Map<string, RoleGrants>());
      const { grants } = getOrAdd(roles, role, () => ({ ref: binding.roleRef, grants: new Map<string, Grant>() }));
      if (!grants.has(binding.metadata.name)) grants.set(binding.metadata.name, { binding, subject });
    }
  }

  removeBinding(namespace: string, name: string): void {
    const binding = this.#bindings.get(`${namespace}/${name}`);
    if (binding === undefined) return;
    this.#bindings.delete(`${namespace}/${name}`);
    const index = this.#indexOf(namespace);
    const role = `${binding.roleRef.kind}/${binding.roleRef.name}`;
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace);
      const roles = key === undefined ? undefined : index.get(key);
      const held = roles?.get(role);
      if (key === undefined || roles === undefined || held === undefined) continue;
      held.grants.delete(name);
      if (held.grants.size === 0) roles.delete(role);
      if (roles.size === 0) index.delete(key);
    }
  }

  authorize(attributes: Attributes): Verdict {
    const namespace = attributes.kind === "resource" ? attributes.namespace : "";
    const errors = new Set<string>();
    for (const held of this.#heldRoles(attributes.user, namespace)) {
      const rules = this.rulesOf(held.ref, held.namespace);
      if (rules === undefined) errors.add(roleNotFound(held.ref));
      else if (rules.some((rule) => ruleAllows(rule, attributes)))
        return { decision: "allow", reason: allowedBy(held) };
    }
    return { decision: "noOpinion", reason: errors.size === 0 ? "" : `RBAC: ${aggregateErrors([...errors])}` };
  }

  /** Everything the user may do in the namespace ("" asks for the cluster scope only). */
  rulesFor(user: Subject, namespace: string): RuleSet {
    const rules: PolicyRule[] = [];
    const errors = new Set<string>();
    for (const held of this.#heldRoles(user, namespace)) {
      const found = this.rulesOf(held.ref, held.namespace);
      if (found === undefined) errors.add(roleNotFound(held.ref));
      else rules.push(...found);
    }
    return { rules, errors: [...errors] };
  }

  /** The effective rules of a role; undefined when there is no such role. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    if (ref.kind === "Role") {
      const role = this.#roles.get(`${namespace}/${ref.name}`);
      return role === undefined ? undefined : (role.rules ?? []);
    }
    const known = this.#effective.get(ref.name);
    if (known !== undefined) return known;
    const role = this.#clusterRoles.get(ref.name);
    if (role === undefined) return undefined;
    const rules = aggregatedRules(role, this.#clusterRoles);
    this.#effective.set(ref.name, rules);
    return rules;
  }

  *#heldRoles(
    user: Subject,
    namespace: string,
  ): Generator<{ ref: RoleRef; namespace: string; grants: Map<string, Grant> }> {
    const keys = [`u:${user.username}`, ...user.groups.map((group) => `g:${group}`)];
    for (const scope of namespace === "" ? [""] : ["", namespace]) {
      const index = scope === "" ? this.#clusterIndex : this.#namespaceIndexes.get(scope);
      if (index === undefined) continue;
      for (const key of keys) {
        for (const { ref, grants } of index.get(key)?.values() ?? []) yield { ref, grants, namespace: scope };
      }
    }
  }

  #indexOf(namespace: string): SubjectIndex {
    return namespace === "" ? this.#clusterIndex : getOrAdd(this.#namespaceIndexes, namespace, () => new Map());
  }
}

/** A service account is the user it authenticates as. Unknown kinds of subjects grant nothing. */
function subjectKey(subject: RoleSubject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case "User":
      return `u:${subject.name}`;
    case "Group":
      return `g:${subject.name}`;
    case "ServiceAccount": {
      const namespace = subject.namespace ?? bindingNamespace;
      return namespace === "" ? undefined : `u:system:serviceaccount:${namespace}:${subject.name}`;
    }
    default:
      return undefined;
  }
}

function allowedBy(held: { ref: RoleRef; namespace: string; grants: Map<string, Grant> }): string {
  for (const { binding, subject } of held.grants.values()) {
    const kind = held.namespace === "" ? "ClusterRoleBinding" : "RoleBinding";
    const name = held.namespace === "" ? binding.metadata.name : `${binding.metadata.name}/${held.namespace}`;
    const who =
      subject.kind === "ServiceAccount" ? `${subject.name}/${subject.namespace ?? held.namespace}` : subject.name;
    return `RBAC: allowed by ${kind} ${JSON.stringify(name)} of ${held.ref.kind} ${JSON.stringify(held.ref.name)} to ${subject.kind} ${JSON.stringify(who)}`;
  }
  return "";
}

function roleNotFound(ref: RoleRef): string {
  return `${ref.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(ref.name)} not found`;
}

/** Go's `utilerrors.NewAggregate`: one error alone, several in brackets. */
export function aggregateErrors(errors: readonly string[]): string {
  return errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]`;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
