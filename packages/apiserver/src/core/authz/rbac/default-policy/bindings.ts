// Who has the built-in roles from the start, and the few roles inside system namespaces. As Kubernetes' bootstrap policy, but
// for `coxswain:…`: proxies acknowledge endpoints by leases, and nodes read both before they end a pod.
import type { Role, RoleBinding, RoleSubject } from "../objects.ts";
import { rulesFrom } from "./rule-texts.ts";

const apiGroup = "rbac.authorization.k8s.io";
const group = (name: string): RoleSubject => ({ apiGroup, kind: "Group", name });
const user = (name: string): RoleSubject => ({ apiGroup, kind: "User", name });
const account = (namespace: string, name: string): RoleSubject => ({ kind: "ServiceAccount", namespace, name });
const bound = (role: string, subjects: readonly RoleSubject[], name = role): RoleBinding => ({
  metadata: { name },
  roleRef: { apiGroup, kind: "ClusterRole", name: role },
  subjects,
});

export const clusterRoleBindings: readonly RoleBinding[] = [
  bound("cluster-admin", [group("system:masters")]),
  bound("system:monitoring", [group("system:monitoring")]),
  bound("system:discovery", [group("system:authenticated")]),
  bound("system:basic-user", [group("system:authenticated")]),
  bound("system:public-info-viewer", [group("system:authenticated"), group("system:unauthenticated")]),
  bound("system:node-proxier", [user("system:kube-proxy")]),
  bound("system:kube-controller-manager", [user("system:kube-controller-manager")]),
  bound("system:kube-dns", [account("kube-system", "kube-dns")]),
  bound("system:coredns", [user("system:coredns"), account("kube-system", "coredns")]),
  bound("system:kube-scheduler", [user("system:kube-scheduler")]),
  bound("system:volume-scheduler", [user("system:kube-scheduler")]),
  bound("coxswain:endpoint-watcher", [group("system:nodes")]),
  // The node authorizer judges nodes; the binding exists, empty, so that an administrator can fill it.
  bound("system:node", []),
  bound("system:service-account-issuer-discovery", [group("system:serviceaccounts")]),
];

const role = (namespace: string, name: string, lines: readonly string[]): Role => ({
  metadata: { namespace, name },
  rules: rulesFrom(...lines),
});
const roleBound = (
  namespace: string,
  name: string,
  subjects: readonly RoleSubject[],
  roleName = name,
): RoleBinding => ({
  metadata: { namespace, name },
  roleRef: { apiGroup, kind: "Role", name: roleName },
  subjects,
});

const leaderLocking = (name: string): readonly string[] => ["watch | configmaps", `get update | configmaps | ${name}`];

export const namespaceRoles: readonly Role[] = [
  role("kube-system", "extension-apiserver-authentication-reader", [
    "get list watch | configmaps | extension-apiserver-authentication",
  ]),
  role("kube-system", "system:controller:bootstrap-signer", ["get list watch | secrets"]),
  role("kube-system", "system:controller:cloud-provider", ["create get list watch | configmaps"]),
  role("kube-system", "system:controller:token-cleaner", [
    "delete get list watch | secrets",
    "create patch update | events events.events.k8s.io",
  ]),
  role("kube-system", "system::leader-locking-kube-controller-manager", leaderLocking("kube-controller-manager")),
  role("kube-system", "system::leader-locking-kube-scheduler", leaderLocking("kube-scheduler")),
  role("kube-node-lease", "coxswain:endpoint-acknowledger", [
    "create delete get patch update | leases.coordination.k8s.io",
  ]),
  role("kube-node-lease", "coxswain:acknowledgement-watcher", ["get list watch | leases.coordination.k8s.io"]),
  role("kube-public", "system:controller:bootstrap-signer", [
    "get list watch | configmaps",
    "update | configmaps | cluster-info",
    "create patch update | events events.events.k8s.io",
  ]),
];

export const namespaceRoleBindings: readonly RoleBinding[] = [
  roleBound(
    "kube-system",
    "system::extension-apiserver-authentication-reader",
    [user("system:kube-controller-manager"), user("system:kube-scheduler")],
    "extension-apiserver-authentication-reader",
  ),
  roleBound("kube-system", "system:controller:bootstrap-signer", [account("kube-system", "bootstrap-signer")]),
  roleBound("kube-system", "system:controller:cloud-provider", [account("kube-system", "cloud-provider")]),
  roleBound("kube-system", "system:controller:token-cleaner", [account("kube-system", "token-cleaner")]),
  roleBound("kube-system", "system::leader-locking-kube-controller-manager", [
    user("system:kube-controller-manager"),
    account("kube-system", "kube-controller-manager"),
  ]),
  roleBound("kube-system", "system::leader-locking-kube-scheduler", [
    user("system:kube-scheduler"),
    account("kube-system", "kube-scheduler"),
  ]),
  roleBound("kube-node-lease", "coxswain:endpoint-acknowledger", [
    user("system:kube-proxy"),
    account("kube-system", "kube-proxy"),
  ]),
  roleBound("kube-node-lease", "coxswain:acknowledgement-watcher", [group("system:nodes")]),
  roleBound("kube-public", "system:controller:bootstrap-signer", [account("kube-system", "bootstrap-signer")]),
];
