// The strategy of every kind that has one of its own; by "group/resource". The order is that of Kubernetes' groups.
import { customResourceDefinitionStrategy } from "./apiextensions/custom-resource-definition/strategy.ts";
import { daemonSetStrategy } from "./apps/daemon-set/strategy.ts";
import { deploymentStrategy } from "./apps/deployment/strategy.ts";
import { replicaSetStrategy, statefulSetStrategy } from "./apps/stateful-set/strategy.ts";
import { cronJobStrategy, jobStrategy } from "./batch/job/strategy.ts";
import { certificateSigningRequestStrategy } from "./certificates/certificate-signing-request/strategy.ts";
import { eventStrategy } from "./core/event/strategy.ts";
import { namespaceStrategy } from "./core/namespace/strategy.ts";
import { nodeStrategy } from "./core/node/strategy.ts";
import { persistentVolumeClaimStrategy } from "./core/persistent-volume-claim/strategy.ts";
import { persistentVolumeStrategy } from "./core/persistent-volume/strategy.ts";
import { podStrategy } from "./core/pod/strategy.ts";
import { replicationControllerStrategy } from "./core/replication-controller/strategy.ts";
import { secretStrategy } from "./core/secret/strategy.ts";
import { serviceAccountStrategy } from "./core/service-account/strategy.ts";
import { serviceStrategy } from "./core/service/strategy.ts";
import type { Strategy } from "./strategy.ts";

const plain: Strategy = {};
const generations: Strategy = { countsGenerations: true };
const createsOnUpdate: Strategy = { createsOnUpdate: true };
const firm: Strategy = { unconditionalUpdate: false };
const firmGenerations: Strategy = { countsGenerations: true, unconditionalUpdate: false };

const strategies: Readonly<Record<string, Strategy>> = {
  "/pods": podStrategy,
  "/services": serviceStrategy,
  "/namespaces": namespaceStrategy,
  "/nodes": nodeStrategy,
  "/events": eventStrategy,
  "events.k8s.io/events": eventStrategy,
  "/secrets": secretStrategy,
  "/replicationcontrollers": replicationControllerStrategy,
  "/persistentvolumes": persistentVolumeStrategy,
  "/persistentvolumeclaims": persistentVolumeClaimStrategy,
  "/serviceaccounts": serviceAccountStrategy,
  "/endpoints": createsOnUpdate,
  "/limitranges": {
    createsOnUpdate: true,
    // Alone of all kinds it need not be named.
    prepareForCreate({ metadata }) {
      metadata.name ||= metadata.uid ?? "";
    },
  },
  "/podtemplates": generations,
  "apps/deployments": deploymentStrategy,
  "apps/statefulsets": statefulSetStrategy,
  "apps/replicasets": replicaSetStrategy,
  "apps/daemonsets": daemonSetStrategy,
  "batch/jobs": jobStrategy,
  "batch/cronjobs": cronJobStrategy,
  "policy/poddisruptionbudgets": firmGenerations,
  "networking.k8s.io/ingresses": generations,
  "networking.k8s.io/networkpolicies": generations,
  "networking.k8s.io/ingressclasses": generations,
  "discovery.k8s.io/endpointslices": generations,
  "coordination.k8s.io/leases": { createsOnUpdate: true, unconditionalUpdate: false },
  "node.k8s.io/runtimeclasses": { createsOnUpdate: true, unconditionalUpdate: false },
  "rbac.authorization.k8s.io/roles": createsOnUpdate,
  "rbac.authorization.k8s.io/rolebindings": createsOnUpdate,
  "rbac.authorization.k8s.io/clusterroles": createsOnUpdate,
  "rbac.authorization.k8s.io/clusterrolebindings": createsOnUpdate,
  "scheduling.k8s.io/priorityclasses": {
    // The first generation is the only one.
    prepareForCreate(priority) {
      priority.metadata.generation = 1;
    },
  },
  "certificates.k8s.io/certificatesigningrequests": certificateSigningRequestStrategy,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": firmGenerations,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": firmGenerations,
  "admissionregistration.k8s.io/validatingadmissionpolicies": { ...firmGenerations, statusKeepsMetadata: true },
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": firmGenerations,
  "admissionregistration.k8s.io/mutatingadmissionpolicies": firmGenerations,
  "admissionregistration.k8s.io/mutatingadmissionpolicybindings": firmGenerations,
  "apiregistration.k8s.io/apiservices": { ...firm, statusKeepsMetadata: true },
  "flowcontrol.apiserver.k8s.io/flowschemas": { ...generations, statusKeepsMetadata: true },
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": { ...generations, statusKeepsMetadata: true },
  "apiextensions.k8s.io/customresourcedefinitions": customResourceDefinitionStrategy,
  "resource.k8s.io/resourceclaims": { statusKeepsMetadata: true },
  "storage.k8s.io/csidrivers": firmGenerations,
  "storage.k8s.io/csinodes": firm,
  "storage.k8s.io/volumeattachments": { ...firm, statusKeepsMetadata: true },
};

export function strategyOf(group: string, resource: string): Strategy {
  return strategies[`${group}/${resource}`] ?? plain;
}
