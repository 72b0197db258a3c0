/**
 * Validation of every kind: the shared metadata, then the kind's own rules, in Kubernetes' words. Objects must be decoded and defaulted.
 * Kinds that no group's table lists have only the shared rules.
 */
import {
  type ApiObject,
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  type GroupVersionKind,
} from "@coxswain/apimachinery";
import { admissionRules } from "./admissionregistration/v1/validation.ts";
import {
  validateCustomResourceDefinition,
  validateCustomResourceDefinitionUpdate,
} from "./apiextensions/v1/custom-resource-definition/validation.ts";
import { appsRules } from "./apps/v1/validation.ts";
import { autoscalingRules } from "./autoscaling/v2/validation.ts";
import { batchRules } from "./batch/v1/validation.ts";
import { certificatesRules } from "./certificates/v1/validation.ts";
import { validateNewEvent, validateNewEventUpdate } from "./core/v1/event/validation.ts";
import { coreRules } from "./core/v1/validation.ts";
import { discoveryRules } from "./discovery/v1/validation.ts";
import { flowcontrolRules } from "./flowcontrol/v1/validation.ts";
import { networkingRules } from "./networking/v1/validation.ts";
import { policyRules } from "./policy/v1/validation.ts";
import { rbacRules } from "./rbac/v1/validation.ts";
import { resourceRules } from "./resource/v1/validation.ts";
import { findKind, schemaName } from "./scheme.ts";
import { storageRules } from "./storage/v1/validation.ts";
import { finalizerName, validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { otherRules } from "./validation/others.ts";
import type { Rules, RuleTable } from "./validation/rules.ts";

const kinds: RuleTable = {
  ...coreRules,
  ...appsRules,
  ...batchRules,
  ...rbacRules,
  ...networkingRules,
  ...discoveryRules,
  ...policyRules,
  ...storageRules,
  ...autoscalingRules,
  ...certificatesRules,
  ...flowcontrolRules,
  ...admissionRules,
  ...resourceRules,
  ...otherRules,
  "apiextensions/v1.CustomResourceDefinition": {
    object: validateCustomResourceDefinition,
    update: validateCustomResourceDefinitionUpdate,
  },
  "events/v1.Event": { object: validateNewEvent, update: validateNewEventUpdate },
};

/** Groups whose validation is the generic one, which does not know Kubernetes' own finalizers. */
const generic = new Set(["coordination", "admissionregistration", "apiextensions", "apiregistration", "node"]);

type Object = DeepReadonly<ApiObject>;

/** What is wrong with a new object; nothing when it may be stored. */
export function validateCreate(type: GroupVersionKind, object: Object): FieldError[] {
  return [...metadataErrors(type, object), ...objectErrors(rulesOf(type), object)];
}

/** What is wrong with a change of an object, or of the part of it that a subresource is. */
export function validateUpdate(type: GroupVersionKind, object: Object, old: Object, subresource = ""): FieldError[] {
  const rules = rulesOf(type);
  const shared = [...validateMetadataUpdate(object.metadata, old.metadata), ...metadataErrors(type, object)];
  const update = (subresource === "" ? rules.update : rules.subresources?.[subresource]) as
    ((next: Object, old: Object) => FieldError[]) | undefined;
  if (update !== undefined) return [...shared, ...update(object, old)];
  return subresource === "" ? [...shared, ...objectErrors(rules, object)] : shared;
}

function metadataErrors(type: GroupVersionKind, object: Object): FieldError[] {
  const namespaced = findKind(type)?.namespaced ?? false;
  const errors = validateMetadata(object.metadata, namespaced, rulesOf(type).name ?? dnsSubdomainErrors);
  const [folder = ""] = (schemaName(type) ?? "").split("/");
  if (folder === "" || generic.has(folder)) return errors;
  const finalizers = object.metadata.finalizers ?? [];
  return [...errors, ...finalizers.flatMap((name, index) => finalizerName(name, `metadata.finalizers[${index}]`))];
}

function rulesOf(type: GroupVersionKind): Rules {
  return kinds[schemaName(type) ?? ""] ?? {};
}

function objectErrors(rules: Rules, object: Object): FieldError[] {
  return (rules.object as ((object: Object) => FieldError[]) | undefined)?.(object) ?? [];
}
