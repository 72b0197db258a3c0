/** Validation of claims: what they ask for, and the little that may change afterwards. */
import {
  compareQuantities,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  jsonEqual,
  parseQuantity,
} from "@coxswain/apimachinery";
import { unchanged } from "../../../validation/metadata.ts";
import { qualifiedName } from "../../../validation/values.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "../types.ts";
import { validateClaimSpec } from "./spec-validation.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;
type Claim = DeepReadonly<PersistentVolumeClaim>;

const frozen =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
const classAnnotation = "volume.beta.kubernetes.io/storage-class";

export function validateClaim(claim: Claim): FieldError[] {
  return validateClaimSpec(claim.spec ?? {}, "spec");
}

export function validateClaimUpdate(next: Claim, old: Claim): FieldError[] {
  const [spec, before] = [next.spec ?? {}, old.spec ?? {}];
  const errors = validateClaim(next);
  const annotation = next.metadata.annotations?.[classAnnotation] ?? "";
  if (annotation !== (old.metadata.annotations?.[classAnnotation] ?? ""))
    errors.push(invalid(`metadata.annotations.${classAnnotation}`, annotation, "field is immutable"));
  const isBound = next.status?.phase === "Bound";
  const mayBeNamed = mayNameClass(next, old);
  const changed = changedFields(
    comparable(spec, before, isBound, mayBeNamed),
    comparable(before, before, isBound, mayBeNamed),
  );
  if (changed.length > 0) errors.push(forbidden("spec", `${frozen}\nchanged: ${changed.join(", ")}`));
  const [size, oldSize] = [
    spec.resources?.requests?.["storage"] ?? "0",
    before.resources?.requests?.["storage"] ?? "0",
  ];
  if (compareQuantities(size, oldSize) < 0 && compareQuantities(size, next.status?.capacity?.["storage"] ?? "0") <= 0)
    errors.push(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
  errors.push(...unchanged(spec.volumeMode, before.volumeMode, "volumeMode"));
  const [attributes, oldAttributes] = [spec.volumeAttributesClassName, before.volumeAttributesClassName];
  if (oldAttributes !== undefined && !attributes) {
    const to = attributes === undefined ? "nil" : "an empty string";
    errors.push(forbidden("spec.volumeAttributesClassName", `update from non-nil value to ${to} is forbidden`));
  }
  return errors;
}

type Spec = DeepReadonly<PersistentVolumeClaimSpec>;

/** A claim without a class may get one: the one that its annotation names, if there is one. */
function mayNameClass(next: Claim, old: Claim): boolean {
  const named = old.metadata.annotations?.[classAnnotation];
  const asked = next.spec?.storageClassName;
  return old.spec?.storageClassName === undefined && (named === undefined || asked === undefined || asked === named);
}

/** What must stay: not the volume that a claim gets, the class it had not, nor a bound one's size. */
function comparable(spec: Spec, before: Spec, isBound: boolean, mayBeNamed: boolean): Record<string, unknown> {
  const { storage: _size, ...requests } = spec.resources?.requests ?? {};
  return {
    ...spec,
    resources: isBound ? { ...spec.resources, requests } : spec.resources,
    ...(!before.volumeName && { volumeName: undefined }),
    ...(mayBeNamed && { storageClassName: undefined }),
    ...(isBound && { volumeAttributesClassName: undefined }),
  };
}

function changedFields(next: Record<string, unknown>, old: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(next), ...Object.keys(old)])]
    .filter((key) => !jsonEqual(next[key] ?? null, old[key] ?? null))
    .sort()
    .map((name) => `spec.${name}`);
}

const resizes = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
].sort();

export function validateClaimStatus(next: Claim): FieldError[] {
  const { capacity = {}, allocatedResources = {}, allocatedResourceStatuses = {} } = next.status ?? {};
  const errors: FieldError[] = [];
  if ((next.spec?.accessModes ?? []).length === 0) errors.push(required("Spec.accessModes"));
  errors.push(...Object.entries(capacity).flatMap(([name, amount]) => size(amount, `status.capacity[${name}]`)));
  const field = "status.allocatedResourceStatus";
  for (const [name, state] of Object.entries(allocatedResourceStatuses)) {
    errors.push(...resourceKey(name, field));
    if (!resizes.includes(state)) errors.push(notSupported(field, name, resizes));
  }
  for (const [name, amount] of Object.entries(allocatedResources)) {
    const problems = resourceKey(name, "status.allocatedResources");
    errors.push(...(problems.length > 0 ? problems : size(amount, `status.allocatedResources[${name}]`)));
  }
  return errors;
}

function size(amount: string, field: string): FieldError[] {
  const { nano } = parseQuantity(amount);
  return nano < 0n ? [invalid(field, Number(nano / 1_000_000_000n), "must be a valid resource quantity")] : [];
}

function resourceKey(name: string, field: string): FieldError[] {
  const errors = qualifiedName(name, field);
  const isNative = !name.includes("/") || name.includes("kubernetes.io/");
  return errors.length === 0 && isNative && name !== "storage" ? [notSupported(field, name, ["storage"])] : errors;
}
