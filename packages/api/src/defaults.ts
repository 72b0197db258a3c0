/** Defaults of every kind: what the schema carries, then the kind's own. One line per kind. */
import { type ApiObject, applyFallbacks, type GroupVersionKind } from "@coxswain/apimachinery";
import {
  defaultAdmissionPolicy,
  defaultAdmissionPolicyBinding,
  defaultMutatingPolicy,
  defaultWebhooks,
} from "./admissionregistration/v1/webhook-configuration/defaults.ts";
import { defaultCustomResourceDefinition } from "./apiextensions/v1/custom-resource-definition/defaults.ts";
import { defaultApiService } from "./apiregistration/v1/api-service/defaults.ts";
import { defaultDaemonSet } from "./apps/v1/daemon-set/defaults.ts";
import { defaultDeployment } from "./apps/v1/deployment/defaults.ts";
import { defaultReplicaSet } from "./apps/v1/replica-set/defaults.ts";
import { defaultStatefulSet } from "./apps/v1/stateful-set/defaults.ts";
import { defaultHorizontalPodAutoscalerV1 } from "./autoscaling/v1/horizontal-pod-autoscaler/defaults.ts";
import { defaultHorizontalPodAutoscaler } from "./autoscaling/v2/horizontal-pod-autoscaler/defaults.ts";
import { defaultCronJob } from "./batch/v1/cron-job/defaults.ts";
import { defaultJob } from "./batch/v1/job/defaults.ts";
import { defaultEndpoints } from "./core/v1/endpoints/defaults.ts";
import { defaultLimitRange } from "./core/v1/limit-range/defaults.ts";
import { defaultNamespace } from "./core/v1/namespace/defaults.ts";
import { defaultNode } from "./core/v1/node/defaults.ts";
import { defaultPersistentVolumeClaim } from "./core/v1/persistent-volume-claim/defaults.ts";
import { defaultPersistentVolume } from "./core/v1/persistent-volume/defaults.ts";
import { defaultPod, defaultPodTemplate } from "./core/v1/pod/defaults.ts";
import { defaultReplicationController } from "./core/v1/replication-controller/defaults.ts";
import { defaultResourceQuota } from "./core/v1/resource-quota/defaults.ts";
import { defaultSecret } from "./core/v1/secret/defaults.ts";
import { defaultService } from "./core/v1/service/defaults.ts";
import type { PodTemplate } from "./core/v1/types.ts";
import { defaultEndpointSlice } from "./discovery/v1/endpoint-slice/defaults.ts";
import { defaultFlowSchema, defaultPriorityLevel } from "./flowcontrol/v1/priority-level-configuration/defaults.ts";
import { defaultIngressClass } from "./networking/v1/ingress-class/defaults.ts";
import { defaultNetworkPolicy } from "./networking/v1/network-policy/defaults.ts";
import { defaultRoleBinding } from "./rbac/v1/role-binding/defaults.ts";
import { defaultResourceClaim, defaultResourceClaimTemplate } from "./resource/v1/resource-claim/defaults.ts";
import { defaultPriorityClass } from "./scheduling/v1/priority-class/defaults.ts";
import { schemaName, schemas } from "./scheme.ts";
import { defaultCsiDriver } from "./storage/v1/csi-driver/defaults.ts";
import { defaultStorageClass } from "./storage/v1/storage-class/defaults.ts";

const kinds: Readonly<Record<string, (object: never) => void>> = {
  "core/v1.Pod": defaultPod,
  "core/v1.PodTemplate": (object: PodTemplate) => defaultPodTemplate(object.template),
  "core/v1.Service": defaultService,
  "core/v1.Secret": defaultSecret,
  "core/v1.Namespace": defaultNamespace,
  "core/v1.Node": defaultNode,
  "core/v1.PersistentVolume": defaultPersistentVolume,
  "core/v1.PersistentVolumeClaim": defaultPersistentVolumeClaim,
  "core/v1.Endpoints": defaultEndpoints,
  "core/v1.ReplicationController": defaultReplicationController,
  "core/v1.LimitRange": defaultLimitRange,
  "core/v1.ResourceQuota": defaultResourceQuota,
  "apps/v1.Deployment": defaultDeployment,
  "apps/v1.ReplicaSet": defaultReplicaSet,
  "apps/v1.DaemonSet": defaultDaemonSet,
  "apps/v1.StatefulSet": defaultStatefulSet,
  "batch/v1.Job": defaultJob,
  "batch/v1.CronJob": defaultCronJob,
  "autoscaling/v1.HorizontalPodAutoscaler": defaultHorizontalPodAutoscalerV1,
  "autoscaling/v2.HorizontalPodAutoscaler": defaultHorizontalPodAutoscaler,
  "discovery/v1.EndpointSlice": defaultEndpointSlice,
  "networking/v1.NetworkPolicy": defaultNetworkPolicy,
  "networking/v1.IngressClass": defaultIngressClass,
  "resource/v1.ResourceClaim": defaultResourceClaim,
  "resource/v1.ResourceClaimTemplate": defaultResourceClaimTemplate,
  "rbac/v1.RoleBinding": defaultRoleBinding,
  "rbac/v1.ClusterRoleBinding": defaultRoleBinding,
  "storage/v1.StorageClass": defaultStorageClass,
  "storage/v1.CSIDriver": defaultCsiDriver,
  "scheduling/v1.PriorityClass": defaultPriorityClass,
  "admissionregistration/v1.ValidatingWebhookConfiguration": defaultWebhooks,
  "admissionregistration/v1.MutatingWebhookConfiguration": defaultWebhooks,
  "admissionregistration/v1.ValidatingAdmissionPolicy": defaultAdmissionPolicy,
  "admissionregistration/v1.ValidatingAdmissionPolicyBinding": defaultAdmissionPolicyBinding,
  "admissionregistration/v1.MutatingAdmissionPolicy": defaultMutatingPolicy,
  "admissionregistration/v1.MutatingAdmissionPolicyBinding": defaultAdmissionPolicyBinding,
  "apiextensions/v1.CustomResourceDefinition": defaultCustomResourceDefinition,
  "apiregistration/v1.APIService": defaultApiService,
  "flowcontrol/v1.PriorityLevelConfiguration": defaultPriorityLevel,
  "flowcontrol/v1.FlowSchema": defaultFlowSchema,
};

/** Fills in what the object leaves to Kubernetes, in place. The object must be decoded, and the caller's own. */
export function defaultObject(type: GroupVersionKind, object: ApiObject): void {
  const name = schemaName(type);
  const schema = name === undefined ? undefined : schemas.find(name);
  if (name === undefined || schema === undefined) return;
  applyFallbacks(schema, object);
  const own = kinds[name] as ((object: ApiObject) => void) | undefined;
  own?.(object);
}
