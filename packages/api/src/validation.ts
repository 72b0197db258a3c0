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
import {
  validateEphemeralUpdate,
  validatePodStatus,
  validatePodUpdate,
  validateResize,
} from "./core/v1/pod/update-validation.ts";
import { validatePod, validatePodTemplate } from "./core/v1/pod/validation.ts";
import { validateService, validateServiceUpdate } from "./core/v1/service/validation.ts";
import type { PodTemplate } from "./core/v1/types.ts";
import * as core from "./core/v1/validation.ts";
import { validateRole, validateRoleBinding, validateRoleBindingUpdate } from "./rbac/v1/validation.ts";
import { findKind, schemaName } from "./scheme.ts";
import { type NameRule, validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import * as others from "./validation/others.ts";

type UpdateRule = (next: never, old: never) => FieldError[];

interface Rules {
  readonly name?: NameRule;
  /** A new object; also a changed one when there is no rule for updates. */
  readonly object?: (object: never) => FieldError[];
  /** A changed object, whole. */
  readonly update?: UpdateRule;
  /** What is written through a subresource; without one only metadata counts. */
  readonly subresources?: Readonly<Record<string, UpdateRule>>;
}

/** A rule for updates that adds to the object's own. */
function both<T>(
  object: (object: T) => FieldError[],
  update: (next: NoInfer<T>, old: NoInfer<T>) => FieldError[],
): { object: (object: T) => FieldError[]; update: (next: T, old: T) => FieldError[] } {
  return { object, update: (next, old) => [...object(next), ...update(next, old)] };
}

const kinds: Readonly<Record<string, Rules>> = {
  "core/v1.Pod": {
    object: validatePod,
    update: validatePodUpdate,
    subresources: {
      status: validatePodStatus,
      ephemeralcontainers: validateEphemeralUpdate,
      resize: validateResize,
    },
  },
  "core/v1.PodTemplate": { object: (object: PodTemplate) => validatePodTemplate(object.template ?? {}, "template") },
  "core/v1.Service": { name: dns1035LabelErrors, ...both(validateService, validateServiceUpdate) },
  "core/v1.Namespace": { name: dnsLabelErrors, object: core.validateNamespace },
  "core/v1.Node": both(core.validateNode, core.validateNodeUpdate),
  "core/v1.ConfigMap": both(core.validateConfigMap, core.validateConfigMapUpdate),
  "core/v1.Secret": both(core.validateSecret, core.validateSecretUpdate),
  "core/v1.Endpoints": { object: core.validateEndpoints },
  "core/v1.Event": { object: core.validateEvent },
  "core/v1.ReplicationController": { object: core.validateReplicationController },
  "core/v1.PersistentVolume": { object: core.validatePersistentVolume },
  "core/v1.PersistentVolumeClaim": both(core.validatePersistentVolumeClaim, core.validatePersistentVolumeClaimUpdate),
  "apps/v1.Deployment": both(validateDeployment, validateSelectorUpdate),
  "apps/v1.ReplicaSet": both(validateReplicaSet, validateSelectorUpdate),
  "apps/v1.DaemonSet": both(validateDaemonSet, validateSelectorUpdate),
  "apps/v1.StatefulSet": both(validateStatefulSet, validateStatefulSetUpdate),
  "batch/v1.Job": both(validateJob, validateJobUpdate),
  "batch/v1.CronJob": { object: validateCronJob },
  "rbac/v1.Role": { name: pathSegmentErrors, object: validateRole },
  "rbac/v1.ClusterRole": { name: pathSegmentErrors, object: validateRole },
  "rbac/v1.RoleBinding": { name: pathSegmentErrors, ...both(validateRoleBinding, validateRoleBindingUpdate) },
  "rbac/v1.ClusterRoleBinding": { name: pathSegmentErrors, ...both(validateRoleBinding, validateRoleBindingUpdate) },
  "flowcontrol/v1.FlowSchema": { name: pathSegmentErrors },
  "certificates/v1.CertificateSigningRequest": { name: pathSegmentErrors },
  "apiregistration/v1.APIService": { name: pathSegmentErrors },
  "coordination/v1.Lease": { object: others.validateLease },
  "policy/v1.PodDisruptionBudget": { object: others.validatePodDisruptionBudget },
  "discovery/v1.EndpointSlice": both(others.validateEndpointSlice, others.validateEndpointSliceUpdate),
  "networking/v1.Ingress": { object: others.validateIngress },
  "networking/v1.IPAddress": { name: pathSegmentErrors },
  "networking/v1.NetworkPolicy": { object: others.validateNetworkPolicy },
  "autoscaling/v2.HorizontalPodAutoscaler": { object: others.validateHorizontalPodAutoscaler },
  "scheduling/v1.PriorityClass": both(others.validatePriorityClass, others.validatePriorityClassUpdate),
  "storage/v1.StorageClass": both(others.validateStorageClass, others.validateStorageClassUpdate),
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

/** What is wrong with a change of an object, or of the part of it that a subresource is. */
export function validateUpdate(
  type: GroupVersionKind,
  object: DeepReadonly<ApiObject>,
  old: DeepReadonly<ApiObject>,
  subresource = "",
): FieldError[] {
  const rules = rulesOf(type);
  const namespaced = findKind(type)?.namespaced ?? false;
  const shared = [
    ...validateMetadataUpdate(object.metadata, old.metadata),
    ...validateMetadata(object.metadata, namespaced, rules.name ?? dnsSubdomainErrors),
  ];
  const update = (subresource === "" ? rules.update : rules.subresources?.[subresource]) as
    ((next: DeepReadonly<ApiObject>, old: DeepReadonly<ApiObject>) => FieldError[]) | undefined;
  if (update !== undefined) return [...shared, ...update(object, old)];
  return subresource === "" ? [...shared, ...call(rules.object, object)] : shared;
}

function rulesOf(type: GroupVersionKind): Rules {
  return kinds[schemaName(type) ?? ""] ?? {};
}

function call(rule: Rules["object"], object: DeepReadonly<ApiObject>): FieldError[] {
  return (rule as ((object: DeepReadonly<ApiObject>) => FieldError[]) | undefined)?.(object) ?? [];
}
