import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Attributes, Subject } from "../attributes.ts";
import { uncoveredRules } from "./coverage.ts";
import type { ClusterRole, Role, RoleBinding } from "./objects.ts";
import { RbacPolicy } from "./policy.ts";
import { ruleAllows, type PolicyRule } from "./rule.ts";

const verbs = ["get", "list", "create"];
const groups = ["", "apps"];
const resources = ["pods", "pods/log", "deployments", "deployments/scale"];
const names = ["a", "b"];
const namespaces = ["red", "blue"];
const urls = ["/healthz", "/api", "/api/v1"];

const some = <T>(values: readonly T[], extra: readonly T[] = []): fc.Arbitrary<T[]> =>
  fc.uniqueArray(fc.constantFrom(...values, ...extra), { minLength: 1, maxLength: 3 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: some(verbs, ["*"]),
    apiGroups: some(groups, ["*"]),
    resources: some(resources, ["*", "*/scale"]),
    resourceNames: fc.oneof(fc.constant([]), some(names)),
  }),
  fc.record({ verbs: some(verbs, ["*"]), nonResourceURLs: some(urls, ["*", "/api/*", "/api*"]) }),
);
const rules = fc.array(anyRule, { maxLength: 3 });
const roleName = fc.constantFrom("r1", "r2", "r3");
const anySubject = fc.oneof(
  fc.record({ kind: fc.constant("User"), name: fc.constantFrom("jane", "joe") }),
  fc.record({ kind: fc.constant("Group"), name: fc.constantFrom("devs", "ops") }),
  fc.record({
    kind: fc.constant("ServiceAccount"),
    name: fc.constantFrom("bot"),
    namespace: fc.constantFrom(...namespaces),
  }),
);
const subjects = fc.array(anySubject, { maxLength: 3 });
const clusterRoles = fc.uniqueArray(fc.record({ metadata: fc.record({ name: roleName }), rules }), {
  selector: (role) => role.metadata.name,
  maxLength: 3,
});
const namespacedRoles = fc.uniqueArray(
  fc.record({ metadata: fc.record({ name: roleName, namespace: fc.constantFrom(...namespaces) }), rules }),
  {
    selector: (role) => `${role.metadata.namespace}/${role.metadata.name}`,
    maxLength: 4,
  },
);
const bindings = fc.uniqueArray(
  fc.oneof(
    fc.record({
      metadata: fc.record({ name: fc.constantFrom("b1", "b2", "b3") }),
      roleRef: fc.record({ kind: fc.constant("ClusterRole"), name: roleName }),
      subjects,
    }),
    fc.record({
      metadata: fc.record({ name: fc.constantFrom("b1", "b2", "b3"), namespace: fc.constantFrom(...namespaces) }),
      roleRef: fc.record({ kind: fc.constantFrom("Role", "ClusterRole"), name: roleName }),
      subjects,
    }),
  ),
  {
    selector: (binding) =>
      `${"namespace" in binding.metadata ? binding.metadata.namespace : ""}/${binding.metadata.name}`,
    maxLength: 8,
  },
);
const user: fc.Arbitrary<Subject> = fc.record({
  username: fc.constantFrom("jane", "joe", "system:serviceaccount:red:bot", "stranger"),
  groups: fc.uniqueArray(fc.constantFrom("devs", "ops", "others")),
});
const request: fc.Arbitrary<Attributes> = fc.oneof(
  fc.record({
    kind: fc.constant("resource" as const),
    user,
    verb: fc.constantFrom(...verbs),
    group: fc.constantFrom(...groups),
    version: fc.constant("v1"),
    resource: fc.constantFrom("pods", "deployments"),
    subresource: fc.constantFrom("", "log", "scale"),
    namespace: fc.constantFrom("", ...namespaces),
    name: fc.constantFrom("", ...names),
  }),
  fc.record({
    kind: fc.constant("path" as const),
    user,
    verb: fc.constantFrom(...verbs),
    path: fc.constantFrom(...urls),
  }),
);

/** RBAC as one would explain it to somebody: look at every binding, then at every rule. */
function naiveAllows(
  asked: Attributes,
  world: { clusterRoles: readonly ClusterRole[]; roles: readonly Role[]; bindings: readonly RoleBinding[] },
): boolean {
  return world.bindings.some((binding) => {
    const { namespace } = binding.metadata;
    const inScope = namespace === undefined || (asked.kind === "resource" && asked.namespace === namespace);
    const isMeant = (binding.subjects ?? []).some((subject) => {
      if (subject.kind === "User") return subject.name === asked.user.username;
      if (subject.kind === "Group") return asked.user.groups.includes(subject.name);
      return asked.user.username === `system:serviceaccount:${subject.namespace ?? namespace ?? ""}:${subject.name}`;
    });
    const role =
      binding.roleRef.kind === "Role"
        ? world.roles.find(({ metadata }) => metadata.name === binding.roleRef.name && metadata.namespace === namespace)
        : world.clusterRoles.find(({ metadata }) => metadata.name === binding.roleRef.name);
    return inScope && isMeant && (role?.rules ?? []).some((rule) => naiveRule(rule, asked));
  });
}

function naiveRule(rule: PolicyRule, asked: Attributes): boolean {
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    (list ?? []).some((item) => item === "*" || item === value);
  if (!has(rule.verbs, asked.verb)) return false;
  if (asked.kind === "path") {
    return (rule.nonResourceURLs ?? []).some((url) =>
      url.endsWith("*") ? asked.path.startsWith(url.slice(0, -1)) : url === asked.path,
    );
  }
  const full = asked.subresource === "" ? asked.resource : `${asked.resource}/${asked.subresource}`;
  const resource =
    has(rule.resources, full) || (asked.subresource !== "" && has(rule.resources, `*/${asked.subresource}`));
  return (
    has(rule.apiGroups, asked.group) &&
    resource &&
    ((rule.resourceNames ?? []).length === 0 || has(rule.resourceNames, asked.name))
  );
}

describe("RbacPolicy", () => {
  test("answers like a naive model, whatever came and went before", () => {
    fc.assert(
      fc.property(
        clusterRoles,
        namespacedRoles,
        bindings,
        bindings,
        fc.array(request, { minLength: 5, maxLength: 20 }),
        (cluster, roles, before, after, requests) => {
          const policy = new RbacPolicy();
          for (const binding of before) policy.putBinding(binding);
          for (const role of cluster) policy.putClusterRole(role);
          for (const role of roles) policy.putRole(role);
          for (const binding of before)
            policy.removeBinding((binding.metadata as { namespace?: string }).namespace ?? "", binding.metadata.name);
          for (const binding of after) policy.putBinding(binding);
          const world = { clusterRoles: cluster, roles, bindings: after };
          for (const asked of requests)
            expect([asked, policy.authorize(asked).decision === "allow"]).toEqual([asked, naiveAllows(asked, world)]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("tells by which binding, or which role was not found", () => {
    const policy = new RbacPolicy();
    policy.putClusterRole({
      metadata: { name: "view" },
      rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }],
    });
    policy.putBinding({
      metadata: { name: "janes", namespace: "red" },
      roleRef: { kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "User", name: "jane" }],
    });
    policy.putBinding({
      metadata: { name: "lost" },
      roleRef: { kind: "ClusterRole", name: "gone" },
      subjects: [{ kind: "User", name: "jane" }],
    });
    const asked: Attributes = {
      kind: "resource",
      user: { username: "jane", groups: [] },
      verb: "get",
      group: "",
      version: "v1",
      resource: "pods",
      subresource: "",
      namespace: "red",
      name: "x",
    };
    expect(policy.authorize(asked)).toEqual({
      decision: "allow",
      reason: 'RBAC: allowed by RoleBinding "janes/red" of ClusterRole "view" to User "jane"',
    });
    expect(policy.authorize({ ...asked, verb: "delete" })).toEqual({
      decision: "noOpinion",
      reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    });
  });

  test("gives an aggregated role what is labelled for it, at once", () => {
    const policy = new RbacPolicy();
    const label = { "example.com/aggregate-to-monitor": "true" };
    policy.putClusterRole({
      metadata: { name: "monitor" },
      rules: [],
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: label }] },
    });
    const rule: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["services"] };
    expect(policy.rulesOf({ kind: "ClusterRole", name: "monitor" }, "")).toEqual([]);
    policy.putClusterRole({ metadata: { name: "monitor-services", labels: label }, rules: [rule] });
    expect(policy.rulesOf({ kind: "ClusterRole", name: "monitor" }, "")).toEqual([rule]);
  });
});

test("rules that cover others allow every request that the others allow", () => {
  fc.assert(
    fc.property(rules, rules, fc.array(request, { minLength: 10, maxLength: 30 }), (owned, wanted, requests) => {
      if (uncoveredRules(owned, wanted).length > 0) return;
      for (const asked of requests) {
        if (wanted.some((rule) => ruleAllows(rule, asked)))
          expect(owned.some((rule) => ruleAllows(rule, asked))).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});
