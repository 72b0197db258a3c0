// Kubernetes' built-in ClusterRoles, as its bootstrap policy has them, except those of the controllers (`controllers.ts`).
// Our dns daemon has its role here too, under the name that CoreDNS' manifests use.
import type { ClusterRole } from "../objects.ts";
import { rulesFrom } from "./rule-texts.ts";

const aggregateTo = (role: string): Record<string, string> => ({
  [`rbac.authorization.k8s.io/aggregate-to-${role}`]: "true",
});
const aggregating = (name: string, labels: Record<string, string> = {}): ClusterRole => ({
  metadata: { name, labels },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(name) }] },
});
const role = (name: string, lines: readonly string[], labels: Record<string, string> = {}): ClusterRole => ({
  metadata: { name, labels },
  rules: rulesFrom(...lines),
});

const write = "create delete deletecollection patch update";
const read = "get list watch";
const events = "create patch update | events events.events.k8s.io";

const viewableCore =
  "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status";
const viewableCoreStatus =
  "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status namespaces";
const viewableGroups = [
  "endpointslices.discovery.k8s.io",
  "controllerrevisions.apps daemonsets.apps daemonsets.apps/status deployments.apps deployments.apps/scale deployments.apps/status replicasets.apps replicasets.apps/scale replicasets.apps/status statefulsets.apps statefulsets.apps/scale statefulsets.apps/status",
  "horizontalpodautoscalers.autoscaling horizontalpodautoscalers.autoscaling/status",
  "cronjobs.batch cronjobs.batch/status jobs.batch jobs.batch/status",
  "daemonsets.extensions daemonsets.extensions/status deployments.extensions deployments.extensions/scale deployments.extensions/status ingresses.extensions ingresses.extensions/status networkpolicies.extensions replicasets.extensions replicasets.extensions/scale replicasets.extensions/status replicationcontrollers.extensions/scale",
  "poddisruptionbudgets.policy poddisruptionbudgets.policy/status",
  "ingresses.networking.k8s.io ingresses.networking.k8s.io/status networkpolicies.networking.k8s.io",
].join(" ");
const writableGroups = [
  "daemonsets.apps deployments.apps deployments.apps/rollback deployments.apps/scale replicasets.apps replicasets.apps/scale statefulsets.apps statefulsets.apps/scale",
  "horizontalpodautoscalers.autoscaling cronjobs.batch jobs.batch",
  "daemonsets.extensions deployments.extensions deployments.extensions/rollback deployments.extensions/scale ingresses.extensions networkpolicies.extensions replicasets.extensions replicasets.extensions/scale replicationcontrollers.extensions/scale",
  "poddisruptionbudgets.policy ingresses.networking.k8s.io networkpolicies.networking.k8s.io",
].join(" ");

const publicInfo = "/healthz /livez /readyz /version /version/";

/** All built-in ClusterRoles but the controllers', in the order of Kubernetes' own list. */
export const clusterRoles: readonly ClusterRole[] = [
  role("cluster-admin", ["* | *.*", "* | URL:*"]),
  role("system:discovery", [
    "get | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
  ]),
  role("system:monitoring", [
    "get | /flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /statusz",
  ]),
  role("system:basic-user", [
    "create | selfsubjectaccessreviews.authorization.k8s.io selfsubjectrulesreviews.authorization.k8s.io",
    "create | selfsubjectreviews.authentication.k8s.io",
  ]),
  role("system:public-info-viewer", [`get | ${publicInfo}`]),
  aggregating("admin"),
  aggregating("edit", aggregateTo("admin")),
  aggregating("view", aggregateTo("edit")),
  role(
    "system:aggregate-to-admin",
    [
      "create | localsubjectaccessreviews.authorization.k8s.io",
      `${write} get list watch | rolebindings.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io`,
    ],
    aggregateTo("admin"),
  ),
  role(
    "system:aggregate-to-edit",
    [
      `${read} | pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy`,
      "impersonate | serviceaccounts",
      `${write} | pods pods/attach pods/exec pods/portforward pods/proxy`,
      "create | pods/eviction",
      `${write} | configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy`,
      "create | serviceaccounts/token",
      `${write} | ${writableGroups}`,
      `${write} get list watch | leases.coordination.k8s.io`,
    ],
    aggregateTo("edit"),
  ),
  role(
    "system:aggregate-to-view",
    [`${read} | ${viewableCore}`, `${read} | ${viewableCoreStatus}`, `${read} | ${viewableGroups}`],
    aggregateTo("view"),
  ),
  // Of metrics-server's manifest: who may look may also look at usage.
  role("system:aggregated-metrics-reader", [`${read} | nodes.metrics.k8s.io pods.metrics.k8s.io`], {
    ...aggregateTo("admin"),
    ...aggregateTo("edit"),
    ...aggregateTo("view"),
  }),
  role("system:node", nodeLines()),
  role("system:node-problem-detector", ["get | nodes", "patch | nodes/status", events]),
  role("system:kubelet-api-admin", [
    `${read} proxy | nodes`,
    "* | nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats",
  ]),
  role("system:node-bootstrapper", [`create ${read} | certificatesigningrequests.certificates.k8s.io`]),
  role("system:auth-delegator", [
    "create | tokenreviews.authentication.k8s.io",
    "create | subjectaccessreviews.authorization.k8s.io",
  ]),
  role("system:kube-aggregator", [`${read} | services endpoints`, `${read} | endpointslices.discovery.k8s.io`]),
  role("system:kube-controller-manager", [
    events,
    "create | leases.coordination.k8s.io",
    "get update | leases.coordination.k8s.io | kube-controller-manager",
    "create | secrets serviceaccounts",
    "delete | secrets",
    "get | configmaps namespaces secrets serviceaccounts",
    "update | secrets serviceaccounts",
    "create | tokenreviews.authentication.k8s.io",
    "create | subjectaccessreviews.authorization.k8s.io",
    "list watch | *.*",
    "create | serviceaccounts/token",
  ]),
  role("system:kube-dns", ["list watch | endpoints services"]),
  role("system:coredns", [
    "list watch | endpoints services pods namespaces",
    "list watch | endpointslices.discovery.k8s.io",
    "get | nodes",
  ]),
  role("system:persistent-volume-provisioner", [
    `${read} create delete | persistentvolumes`,
    `${read} update | persistentvolumeclaims`,
    `${read} | storageclasses.storage.k8s.io`,
    "watch | events",
    events,
  ]),
  role("system:certificates.k8s.io:certificatesigningrequests:nodeclient", [
    "create | certificatesigningrequests.certificates.k8s.io/nodeclient",
  ]),
  role("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", [
    "create | certificatesigningrequests.certificates.k8s.io/selfnodeclient",
  ]),
  ...["kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown"].map((signer) =>
    role(`system:certificates.k8s.io:${signer}-approver`, [
      `approve | signers.certificates.k8s.io | kubernetes.io/${signer}`,
    ]),
  ),
  role("system:volume-scheduler", [
    `${read} patch update | persistentvolumes`,
    `${read} | storageclasses.storage.k8s.io`,
    `${read} patch update | persistentvolumeclaims`,
  ]),
  role("system:node-proxier", [
    "list watch | services endpoints",
    "get list watch | nodes",
    events,
    "list watch | endpointslices.discovery.k8s.io",
    "list watch | servicecidrs.networking.k8s.io",
  ]),
  role("coxswain:endpoint-watcher", [`${read} | endpointslices.discovery.k8s.io`]),
  role("system:kube-scheduler", [
    events,
    "create | leases.coordination.k8s.io",
    "get update | leases.coordination.k8s.io | kube-scheduler",
    `${read} | nodes`,
    `delete ${read} | pods`,
    "create | bindings pods/binding",
    "patch update | pods/status",
    `${read} | replicationcontrollers services`,
    `${read} | replicasets.apps statefulsets.apps replicasets.extensions`,
    `${read} | poddisruptionbudgets.policy`,
    `${read} | persistentvolumeclaims persistentvolumes`,
    "create | tokenreviews.authentication.k8s.io",
    "create | subjectaccessreviews.authorization.k8s.io",
    `${read} | csinodes.storage.k8s.io csidrivers.storage.k8s.io csistoragecapacities.storage.k8s.io volumeattachments.storage.k8s.io`,
    `${read} | namespaces`,
    `${read} | resourceclaims.resource.k8s.io deviceclasses.resource.k8s.io resourceslices.resource.k8s.io`,
    "patch update | resourceclaims.resource.k8s.io/status",
  ]),
  role("system:service-account-issuer-discovery", [
    "get | /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
  ]),
];

/** What a node may do when only RBAC judges it; the node authorizer grants the same more narrowly, so nobody is bound to this role. */
function nodeLines(): readonly string[] {
  return [
    "create | tokenreviews.authentication.k8s.io",
    "create | localsubjectaccessreviews.authorization.k8s.io subjectaccessreviews.authorization.k8s.io",
    `${read} | services`,
    `create ${read} | nodes`,
    "patch update | nodes/status",
    "delete patch update | nodes",
    events,
    `${read} | pods`,
    "create delete | pods",
    "patch update | pods/status",
    "create | pods/eviction",
    `${read} | configmaps secrets`,
    "get | persistentvolumeclaims persistentvolumes",
    "get | endpoints",
    `create get list watch | certificatesigningrequests.certificates.k8s.io`,
    "create delete get patch update | leases.coordination.k8s.io",
    "get | volumeattachments.storage.k8s.io",
    "create | serviceaccounts/token",
    "get patch update | persistentvolumeclaims/status",
    `${read} | csidrivers.storage.k8s.io`,
    "create delete get patch update | csinodes.storage.k8s.io",
    `${read} | runtimeclasses.node.k8s.io`,
    "get list watch | clustertrustbundles.certificates.k8s.io",
  ];
}
