/** The rules of every kind of the core group. Kinds that are not here have only those of metadata. */
import { type DeepReadonly, dns1035LabelErrors, dnsLabelErrors, pathSegmentErrors } from "@coxswain/apimachinery";
import { type RuleTable, withUpdate } from "../../validation/rules.ts";
import { validateConfigMap, validateConfigMapUpdate } from "./config-map/validation.ts";
import { validateEndpoints } from "./endpoints/validation.ts";
import { validateEvent } from "./event/validation.ts";
import { validateLimitRange } from "./limit-range/validation.ts";
import { validateNamespace, validateNamespaceFinalize, validateNamespaceStatus } from "./namespace/validation.ts";
import { validateNode, validateNodeUpdate } from "./node/validation.ts";
import { validateClaim, validateClaimStatus, validateClaimUpdate } from "./persistent-volume-claim/validation.ts";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./persistent-volume/validation.ts";
import { validateEphemeralUpdate, validatePodUpdate, validateResize } from "./pod/update-validation.ts";
import { validatePodStatus } from "./pod/status-validation.ts";
import { validatePod, validatePodTemplate } from "./pod/validation.ts";
import { validateReplicaCounts, validateReplicationController } from "./replication-controller/validation.ts";
import {
  validateQuotaStatus,
  validateResourceQuota,
  validateResourceQuotaUpdate,
} from "./resource-quota/validation.ts";
import { validateSecret, validateSecretUpdate } from "./secret/validation.ts";
import { validateServiceStatus, validateServiceUpdate } from "./service/update-validation.ts";
import { validateService } from "./service/validation.ts";
import type { PodTemplate } from "./types.ts";

const podTemplate = (object: DeepReadonly<PodTemplate>): ReturnType<typeof validatePodTemplate> =>
  validatePodTemplate(object.template ?? {}, "template");

export const coreRules: RuleTable = {
  "core/v1.Pod": {
    object: validatePod,
    update: validatePodUpdate,
    subresources: {
      status: validatePodStatus,
      ephemeralcontainers: validateEphemeralUpdate,
      resize: validateResize,
    },
  },
  "core/v1.PodTemplate": { object: podTemplate },
  "core/v1.Service": {
    name: dns1035LabelErrors,
    object: validateService,
    update: validateServiceUpdate,
    subresources: { status: validateServiceStatus },
  },
  "core/v1.Namespace": {
    name: dnsLabelErrors,
    ...withUpdate(validateNamespace, () => []),
    subresources: { status: validateNamespaceStatus, finalize: validateNamespaceFinalize },
  },
  "core/v1.Node": { object: validateNode, update: validateNodeUpdate, subresources: { status: validateNodeUpdate } },
  "core/v1.ConfigMap": withUpdate(validateConfigMap, validateConfigMapUpdate),
  "core/v1.Secret": withUpdate(validateSecret, validateSecretUpdate),
  "core/v1.Endpoints": { object: validateEndpoints },
  "core/v1.Event": { name: pathSegmentErrors, object: validateEvent },
  "core/v1.ReplicationController": {
    object: validateReplicationController,
    subresources: { status: validateReplicaCounts },
  },
  "core/v1.PersistentVolume": { object: validatePersistentVolume, update: validatePersistentVolumeUpdate },
  "core/v1.PersistentVolumeClaim": {
    object: validateClaim,
    update: validateClaimUpdate,
    subresources: { status: validateClaimStatus },
  },
  "core/v1.ResourceQuota": {
    object: validateResourceQuota,
    update: validateResourceQuotaUpdate,
    subresources: { status: validateQuotaStatus },
  },
  "core/v1.LimitRange": { object: validateLimitRange },
};
