// One role and one service account (in kube-system) per controller, as Kubernetes' `controller_policy.go`: each controller may do
// what its work needs and nothing else.
import type { ClusterRole, RoleBinding } from "../objects.ts";
import { rulesFrom } from "./rule-texts.ts";

const events = "create patch update | events events.events.k8s.io";
const read = "get list watch";

const controllers: Readonly<Record<string, readonly string[]>> = {
  "attachdetach-controller": [
    "list watch | persistentvolumes persistentvolumeclaims",
    `${read} | nodes`,
    "patch update | nodes/status",
    "list watch | pods",
    `create delete get list watch | volumeattachments.storage.k8s.io`,
    `${read} | csidrivers.storage.k8s.io csinodes.storage.k8s.io`,
    events,
  ],
  "certificate-controller": [
    `delete ${read} | certificatesigningrequests.certificates.k8s.io`,
    "update | certificatesigningrequests.certificates.k8s.io/approval certificatesigningrequests.certificates.k8s.io/status",
    "approve | signers.certificates.k8s.io | kubernetes.io/kube-apiserver-client-kubelet",
    "sign | signers.certificates.k8s.io | kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
    "create | subjectaccessreviews.authorization.k8s.io",
    events,
  ],
  "clusterrole-aggregation-controller": [`escalate ${read} patch update | clusterroles.rbac.authorization.k8s.io`],
  // Not Kubernetes': rolls workloads that ask for it when a ConfigMap or Secret changes that they read.
  "config-reload-controller": [
    `${read} | configmaps secrets`,
    `${read} patch | deployments.apps statefulsets.apps daemonsets.apps`,
    events,
  ],
  "cronjob-controller": [
    `${read} update patch | cronjobs.batch`,
    `create delete patch update ${read} | jobs.batch`,
    "update | cronjobs.batch/status cronjobs.batch/finalizers",
    "delete list | pods",
    events,
  ],
  "daemon-set-controller": [
    `${read} | daemonsets.apps daemonsets.extensions`,
    "update | daemonsets.apps/status daemonsets.apps/finalizers daemonsets.extensions/status daemonsets.extensions/finalizers",
    "list watch | nodes",
    `create delete patch ${read} | pods`,
    "create | pods/binding",
    `create delete patch update ${read} | controllerrevisions.apps`,
    events,
  ],
  "deployment-controller": [
    `${read} update | deployments.apps deployments.extensions`,
    "update | deployments.apps/status deployments.apps/finalizers deployments.extensions/status deployments.extensions/finalizers",
    `create delete patch update ${read} | replicasets.apps replicasets.extensions`,
    `${read} update | pods`,
    events,
  ],
  "disruption-controller": [
    `${read} | deployments.apps deployments.extensions replicasets.apps replicasets.extensions statefulsets.apps replicationcontrollers`,
    `${read} | poddisruptionbudgets.policy`,
    "update | poddisruptionbudgets.policy/status",
    "patch update | pods/status",
    `${read} | pods`,
    "get | *.*/scale",
    events,
  ],
  "endpoint-controller": [
    `${read} | services pods`,
    `create delete update ${read} | endpoints`,
    "create | endpoints/restricted",
    events,
  ],
  "endpointslice-controller": [
    `${read} | services pods nodes`,
    "update | services/finalizers",
    `create delete update ${read} | endpointslices.discovery.k8s.io`,
    "create | endpointslices.discovery.k8s.io/restricted",
    events,
  ],
  "endpointslicemirroring-controller": [
    `${read} | services endpoints`,
    "update | services/finalizers endpoints/finalizers",
    `create delete update ${read} | endpointslices.discovery.k8s.io`,
    "create | endpointslices.discovery.k8s.io/restricted",
    events,
  ],
  "ephemeral-volume-controller": [
    `${read} | pods`,
    "update | pods/finalizers",
    `create ${read} | persistentvolumeclaims`,
    events,
  ],
  "expand-controller": [
    `${read} patch update | persistentvolumes`,
    `${read} | persistentvolumeclaims storageclasses.storage.k8s.io`,
    "patch update | persistentvolumeclaims/status",
    events,
  ],
  // Not Kubernetes': removes pods whose node's agent has promised to have ended them by now.
  "fenced-pods-controller": [
    `${read} | nodes controllerrevisions.apps leases.coordination.k8s.io`,
    `${read} delete | pods`,
    "patch | pods/status",
    events,
  ],
  "generic-garbage-collector": [`delete ${read} patch update | *.*`, events],
  "horizontal-pod-autoscaler": [
    `${read} | horizontalpodautoscalers.autoscaling`,
    "update | horizontalpodautoscalers.autoscaling/status",
    "get update | *.*/scale",
    "list | pods",
    "list | pods.metrics.k8s.io",
    "get list | *.custom.metrics.k8s.io *.external.metrics.k8s.io",
    events,
  ],
  "job-controller": [
    `${read} patch update | jobs.batch`,
    "update | jobs.batch/status jobs.batch/finalizers",
    `create delete patch ${read} | pods`,
    events,
  ],
  "legacy-service-account-token-cleaner": [
    "get | configmaps | kube-apiserver-legacy-service-account-token-tracking",
    "delete patch | secrets",
  ],
  // Not Kubernetes': the built-in provisioner of volumes on nodes' own disks, whose agents remove them.
  "local-volume-provisioner": [
    `create delete update ${read} | persistentvolumes`,
    `${read} | persistentvolumeclaims nodes storageclasses.storage.k8s.io`,
    "update | persistentvolumeclaims/status",
    "delete | nodes/proxy",
    events,
  ],
  "namespace-controller": [
    "delete get list watch | namespaces",
    "update | namespaces/finalize namespaces/status",
    "delete deletecollection get list | *.*",
  ],
  "node-controller": [
    `${read} patch update delete | nodes`,
    "patch update | nodes/status",
    "patch update | pods/status",
    "delete list get watch | pods",
    `${read} | leases.coordination.k8s.io`,
    events,
  ],
  "node-ipam-controller": [`${read} patch update | nodes`, "patch update | nodes/status", events],
  "persistent-volume-binder": [
    `create delete update ${read} | persistentvolumes`,
    "update | persistentvolumes/status",
    `${read} update | persistentvolumeclaims`,
    "update | persistentvolumeclaims/status",
    `create delete ${read} | pods`,
    `${read} | storageclasses.storage.k8s.io`,
    `${read} | nodes`,
    `create delete ${read} | services endpoints`,
    "get list | secrets",
    "watch | events",
    events,
  ],
  "pod-garbage-collector": [`${read} delete | pods`, "get list watch | nodes", "patch | pods/status"],
  "pv-protection-controller": [`${read} update | persistentvolumes`, events],
  "pvc-protection-controller": [`${read} update | persistentvolumeclaims`, `${read} | pods`, events],
  "replicaset-controller": [
    `${read} update | replicasets.apps replicasets.extensions`,
    "update | replicasets.apps/status replicasets.apps/finalizers replicasets.extensions/status replicasets.extensions/finalizers",
    `create delete patch ${read} | pods`,
    events,
  ],
  "replication-controller": [
    `${read} update | replicationcontrollers`,
    "update | replicationcontrollers/status replicationcontrollers/finalizers",
    `create delete patch ${read} | pods`,
    events,
  ],
  "resourcequota-controller": ["list watch | *.*", "update | resourcequotas/status", events],
  "root-ca-cert-publisher": [`create update ${read} | configmaps`, events],
  "route-controller": ["list watch | nodes", "patch | nodes/status", events],
  "selinux-warning-controller": [
    `${read} | pods persistentvolumes persistentvolumeclaims csidrivers.storage.k8s.io`,
    events,
  ],
  "service-account-controller": [`create ${read} | serviceaccounts`, `${read} | namespaces`, events],
  "service-cidrs-controller": [
    `${read} patch update | servicecidrs.networking.k8s.io`,
    "patch update | servicecidrs.networking.k8s.io/finalizers servicecidrs.networking.k8s.io/status",
    `${read} | ipaddresses.networking.k8s.io`,
    events,
  ],
  "service-controller": [`${read} | services`, "patch update | services/status", "list watch | nodes", events],
  "statefulset-controller": [
    `${read} | pods`,
    `${read} | statefulsets.apps`,
    "update | statefulsets.apps/status statefulsets.apps/finalizers",
    "create delete get patch update | pods",
    `create delete patch update ${read} | controllerrevisions.apps`,
    `create get list watch update delete patch | persistentvolumeclaims`,
    events,
  ],
  "taint-eviction-controller": [`${read} delete | pods`, "patch | pods/status", `${read} | nodes`, events],
  "ttl-after-finished-controller": [`${read} delete | jobs.batch`, events],
  "ttl-controller": [`update patch list watch | nodes`, events],
  "validatingadmissionpolicy-status-controller": [
    `${read} | validatingadmissionpolicies.admissionregistration.k8s.io`,
    "get patch update | validatingadmissionpolicies.admissionregistration.k8s.io/status",
    events,
  ],
  "volumeattributesclass-protection-controller": [
    `${read} update | volumeattributesclasses.storage.k8s.io persistentvolumeclaims persistentvolumes`,
    events,
  ],
};

/** `system:controller:NAME` for each controller. */
export const controllerRoles: readonly ClusterRole[] = Object.entries(controllers).map(([name, lines]) => ({
  metadata: { name: `system:controller:${name}` },
  rules: rulesFrom(...lines),
}));

/** Binds each of them to the service account of the same name. */
export const controllerRoleBindings: readonly RoleBinding[] = Object.keys(controllers).map((name) => ({
  metadata: { name: `system:controller:${name}` },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: `system:controller:${name}` },
  subjects: [{ kind: "ServiceAccount", name, namespace: "kube-system" }],
}));
