/**
 * Validation of every kind: the shared metadata, then the kind's own rules, in Kubernetes' words. Objects must be decoded and defaulted.
 * Kinds that are not listed have only the shared rules.
 */
import {
  type ApiObject,
  type DeepReadonly,
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  type GroupVersionKind,
  pathSegmentErrors,
} from "@coxswain/apimachinery";
import {
  validateDaemonSet,
  validateDeployment,
  validateReplicaSet,
  validateSelectorUpdate,
  validateStatefulSet,
  validateStatefulSetUpdate,
} from "./apps/v1/validation.ts";
import { validateCronJob, validateJob, validateJobUpdate } from "./batch/v1/validation.ts";
import { validatePod, validatePodTemplate, validatePodUpdate } from "./core/v1/pod/validation.ts";
import { validateService, validateServiceUpdate } from "./core/v1/service/validation.ts";
import type { PodTemplate } from "./core/v1/types.ts";
import * as core from "./core/v1/validation.ts";
import { validateRole, validateRoleBinding, validateRoleBindingUpdate } from "./rbac/v1/validation.ts";
import { findKind, schemaName } from "./scheme.ts";
import { type NameRule, validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import * as others from "./validation/others.ts";

interface Rules {
  readonly name?: NameRule;
  readonly object?: (object: never) => FieldError[];
  /** What an update must leave alone; the object's own rules are asked apart. */
  readonly update?: (next: never, old: never) => FieldError[];
}

const kinds: Readonly<Record<string, Rules>> = {
  "core/v1.Pod": { object: validatePod, update: validatePodUpdate },
  "core/v1.PodTemplate": { object: (object: PodTemplate) => validatePodTemplate(object.template ?? {}, "template") },
  "core/v1.Service": { name: dns1035LabelErrors, object: validateService, update: validateServiceUpdate },
  "core/v1.Namespace": { name: dnsLabelErrors, object: core.validateNamespace },
  "core/v1.Node": { object: core.validateNode, update: core.validateNodeUpdate },
  "core/v1.ConfigMap": { object: core.validateConfigMap, update: core.validateConfigMapUpdate },
  "core/v1.Secret": { object: core.validateSecret, update: core.validateSecretUpdate },
  "core/v1.Endpoints": { object: core.validateEndpoints },
  "core/v1.Event": { object: core.validateEvent },
  "core/v1.ReplicationController": { object: core.validateReplicationController },
  "core/v1.PersistentVolume": { object: core.validatePersistentVolume },
  "core/v1.PersistentVolumeClaim": {
    object: core.validatePersistentVolumeClaim,
    update: core.validatePersistentVolumeClaimUpdate,
  },
  "apps/v1.Deployment": { object: validateDeployment, update: validateSelectorUpdate },
  "apps/v1.ReplicaSet": { object: validateReplicaSet, update: validateSelectorUpdate },
  "apps/v1.DaemonSet": { object: validateDaemonSet, update: validateSelectorUpdate },
  "apps/v1.StatefulSet": { object: validateStatefulSet, update: validateStatefulSetUpdate },
  "batch/v1.Job": { object: validateJob, update: validateJobUpdate },
  "batch/v1.CronJob": { object: validateCronJob },
  "rbac/v1.Role": { name: pathSegmentErrors, object: validateRole },
  "rbac/v1.ClusterRole": { name: pathSegmentErrors, object: validateRole },
  "rbac/v1.RoleBinding": { name: pathSegmentErrors, object: validateRoleBinding, update: validateRoleBindingUpdate },
  "rbac/v1.ClusterRoleBinding": {
    name: pathSegmentErrors,
    object: validateRoleBinding,
    update: validateRoleBindingUpdate,
  },
  "flowcontrol/v1.FlowSchema": { name: pathSegmentErrors },
  "certificates/v1.CertificateSigningRequest": { name: pathSegmentErrors },
  "apiregistration/v1.APIService": { name: pathSegmentErrors },
  "coordination/v1.Lease": { object: others.validateLease },
  "policy/v1.PodDisruptionBudget": { object: others.validatePodDisruptionBudget },
  "discovery/v1.EndpointSlice": { object: others.validateEndpointSlice, update: others.validateEndpointSliceUpdate },
  "networking/v1.Ingress": { object: others.validateIngress },
  "networking/v1.IPAddress": { name: pathSegmentErrors },
  "networking/v1.NetworkPolicy": { object: others.validateNetworkPolicy },
  "autoscaling/v2.HorizontalPodAutoscaler": { object: others.validateHorizontalPodAutoscaler },
  "scheduling/v1.PriorityClass": { object: others.validatePriorityClass, update: others.validatePriorityClassUpdate },
  "storage/v1.StorageClass": { object: others.validateStorageClass, update: others.validateStorageClassUpdate },
};

/** What is wrong with a new object; nothing when it may be stored. */
export function validateCreate(type: GroupVersionKind, object: DeepReadonly<ApiObject>): FieldError[] {
  const rules = rulesOf(type);
  const namespaced = findKind(type)?.namespaced ?? false;
  return [
    ...validateMetadata(object.metadata, namespaced, rules.name ?? dnsSubdomainErrors),
    ...call(rules.object, object),
  ];
}

/** What is wrong with a change of an object. For status and the like only metadata counts: their own rules are the subresource's. */
export function validateUpdate(
  type: GroupVersionKind,
  object: DeepReadonly<ApiObject>,
  old: DeepReadonly<ApiObject>,
  subresource = "",
): FieldError[] {
  const rules = rulesOf(type);
  const namespaced = findKind(type)?.namespaced ?? false;
  const shared = [
    ...validateMetadata(object.metadata, namespaced, rules.name ?? dnsSubdomainErrors),
    ...validateMetadataUpdate(object.metadata, old.metadata),
  ];
  if (subresource !== "") return shared;
  const update = rules.update as
    ((next: DeepReadonly<ApiObject>, old: DeepReadonly<ApiObject>) => FieldError[]) | undefined;
  return [...shared, ...call(rules.object, object), ...(update?.(object, old) ?? [])];
}

function rulesOf(type: GroupVersionKind): Rules {
  return kinds[schemaName(type) ?? ""] ?? {};
}

function call(rule: Rules["object"], object: DeepReadonly<ApiObject>): FieldError[] {
  return (rule as ((object: DeepReadonly<ApiObject>) => FieldError[]) | undefined)?.(object) ?? [];
}
