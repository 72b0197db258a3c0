/** Validation of kinds with few rules of their own, each too small for a file. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import type { HorizontalPodAutoscaler } from "../autoscaling/v2/types.ts";
import type { Lease } from "../coordination/v1/types.ts";
import type { EndpointSlice } from "../discovery/v1/types.ts";
import type { Ingress, NetworkPolicy } from "../networking/v1/types.ts";
import type { PodDisruptionBudget } from "../policy/v1/types.ts";
import type { PriorityClass } from "../scheduling/v1/types.ts";
import type { StorageClass } from "../storage/v1/types.ts";
import { unchanged, validateLabelSelector } from "./metadata.ts";
import { countOrPercentage, oneOf, portNumber, positive, present } from "./values.ts";

export function validateLease(lease: DeepReadonly<Lease>): FieldError[] {
  const errors = positive(lease.spec?.leaseDurationSeconds, "spec.leaseDurationSeconds");
  const transitions = lease.spec?.leaseTransitions;
  if (transitions !== undefined && transitions < 0)
    errors.push(fieldErrors.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
  return errors;
}

export function validatePodDisruptionBudget(budget: DeepReadonly<PodDisruptionBudget>): FieldError[] {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(fieldErrors.invalid("spec", budget.spec, "minAvailable and maxUnavailable cannot be both set"));
  }
  if (minAvailable !== undefined) errors.push(...countOrPercentage(minAvailable, "spec.minAvailable"));
  if (maxUnavailable !== undefined) errors.push(...countOrPercentage(maxUnavailable, "spec.maxUnavailable"));
  return [...errors, ...validateLabelSelector(budget.spec?.selector, "spec.selector")];
}

export function validateEndpointSlice(slice: DeepReadonly<EndpointSlice>): FieldError[] {
  const errors = oneOf(slice.addressType, ["IPv4", "IPv6", "FQDN"], "addressType");
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > 1000) errors.push(fieldErrors.tooMany("endpoints", endpoints.length, 1000));
  for (const [index, endpoint] of endpoints.entries()) {
    if (endpoint.addresses.length === 0)
      errors.push(fieldErrors.required(`endpoints[${index}].addresses`, "must contain at least 1 address"));
    if (endpoint.addresses.length > 100)
      errors.push(fieldErrors.tooMany(`endpoints[${index}].addresses`, endpoint.addresses.length, 100));
  }
  return errors;
}

export function validateEndpointSliceUpdate(
  next: DeepReadonly<EndpointSlice>,
  old: DeepReadonly<EndpointSlice>,
): FieldError[] {
  return unchanged(next.addressType, old.addressType, "addressType");
}

export function validateIngress(ingress: DeepReadonly<Ingress>): FieldError[] {
  const { spec } = ingress;
  const errors: FieldError[] = [];
  if ((spec?.rules ?? []).length === 0 && spec?.defaultBackend === undefined) {
    errors.push(fieldErrors.invalid("spec", spec?.rules ?? [], "either `defaultBackend` or `rules` must be specified"));
  }
  for (const [index, rule] of (spec?.rules ?? []).entries()) {
    for (const [at, path] of (rule.http?.paths ?? []).entries()) {
      const here = `spec.rules[${index}].http.paths[${at}]`;
      if (path.pathType === undefined)
        errors.push(fieldErrors.required(`${here}.pathType`, "pathType must be specified"));
      else if (path.pathType !== "ImplementationSpecific" && !path.path?.startsWith("/"))
        errors.push(fieldErrors.invalid(`${here}.path`, path.path ?? "", "must be an absolute path"));
      if (path.backend.service !== undefined)
        errors.push(...present(path.backend.service.name, `${here}.backend.service.name`));
    }
  }
  return errors;
}

export function validateNetworkPolicy(policy: DeepReadonly<NetworkPolicy>): FieldError[] {
  const errors = validateLabelSelector(policy.spec?.podSelector, "spec.podSelector");
  for (const [index, rule] of (policy.spec?.ingress ?? []).entries()) {
    for (const [at, port] of (rule.ports ?? []).entries()) {
      if (typeof port.port === "number")
        errors.push(...portNumber(port.port, `spec.ingress[${index}].ports[${at}].port`));
    }
  }
  return errors;
}

export function validateHorizontalPodAutoscaler(autoscaler: DeepReadonly<HorizontalPodAutoscaler>): FieldError[] {
  const { spec } = autoscaler;
  if (spec === undefined) return [fieldErrors.required("spec")];
  const errors: FieldError[] = [];
  if (spec.minReplicas !== undefined && spec.minReplicas < 1)
    errors.push(fieldErrors.invalid("spec.minReplicas", spec.minReplicas, "must be greater than or equal to 1"));
  if (spec.maxReplicas < 1)
    errors.push(fieldErrors.invalid("spec.maxReplicas", spec.maxReplicas, "must be greater than 0"));
  if (spec.minReplicas !== undefined && spec.maxReplicas < spec.minReplicas) {
    errors.push(
      fieldErrors.invalid("spec.maxReplicas", spec.maxReplicas, "must be greater than or equal to `minReplicas`"),
    );
  }
  errors.push(
    ...present(spec.scaleTargetRef.kind, "spec.scaleTargetRef.kind"),
    ...present(spec.scaleTargetRef.name, "spec.scaleTargetRef.name"),
  );
  return errors;
}

const mostUserPriority = 1_000_000_000;

export function validatePriorityClass(priorityClass: DeepReadonly<PriorityClass>): FieldError[] {
  const { metadata, value = 0 } = priorityClass;
  if (metadata.name.startsWith("system-")) {
    const known = metadata.name === "system-node-critical" || metadata.name === "system-cluster-critical";
    return known
      ? []
      : [
          fieldErrors.forbidden(
            "metadata.name",
            "priority class names with 'system-' prefix are reserved for system use only. error: system-... is not a known system priority class",
          ),
        ];
  }
  return value > mostUserPriority
    ? [fieldErrors.forbidden("value", `maximum allowed value of a user defined priority is ${mostUserPriority}`)]
    : [];
}

export function validatePriorityClassUpdate(
  next: DeepReadonly<PriorityClass>,
  old: DeepReadonly<PriorityClass>,
): FieldError[] {
  if ((next.value ?? 0) === (old.value ?? 0))
    return unchanged(next.preemptionPolicy, old.preemptionPolicy, "preemptionPolicy");
  return [fieldErrors.forbidden("value", "may not be changed in an update.")];
}

export function validateStorageClass(storageClass: DeepReadonly<StorageClass>): FieldError[] {
  return [
    ...present(storageClass.provisioner, "provisioner"),
    ...oneOf(storageClass.reclaimPolicy, ["Delete", "Retain"], "reclaimPolicy"),
    ...oneOf(storageClass.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"], "volumeBindingMode"),
  ];
}

export function validateStorageClassUpdate(
  next: DeepReadonly<StorageClass>,
  old: DeepReadonly<StorageClass>,
): FieldError[] {
  const errors: FieldError[] = [];
  if (JSON.stringify(next.parameters ?? {}) !== JSON.stringify(old.parameters ?? {}))
    errors.push(fieldErrors.forbidden("parameters", "updates to parameters are forbidden."));
  if (next.provisioner !== old.provisioner)
    errors.push(fieldErrors.forbidden("provisioner", "updates to provisioner are forbidden."));
  if (next.reclaimPolicy !== old.reclaimPolicy)
    errors.push(fieldErrors.forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."));
  return [...errors, ...unchanged(next.volumeBindingMode, old.volumeBindingMode, "volumeBindingMode")];
}
