/** Validation of persistent volumes: one source, capacity, modes, and what never changes. */
import {
  canonicalQuantity,
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  parseQuantity,
} from "@coxswain/apimachinery";
import { unchanged } from "../../../validation/metadata.ts";
import { wrong } from "../../../validation/values.ts";
import { validateAccessModes, volumeMode } from "../persistent-volume-claim/spec-validation.ts";
import { validateNodeSelector } from "../pod/scheduling-validation.ts";
import { goValue } from "../go-values.ts";
import { persistentSources, spokenNames } from "../pod/volume-sources.ts";
import type { PersistentVolume, PersistentVolumeSource, PersistentVolumeSpec } from "../types.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;
type Spec = DeepReadonly<PersistentVolumeSpec>;

const policies = ["Delete", "Recycle", "Retain"];
/** The order in which Kubernetes looks at them. */
const order = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
] as const satisfies readonly (keyof PersistentVolumeSource)[];

export function validatePersistentVolume(volume: DeepReadonly<PersistentVolume>): FieldError[] {
  return validateVolumeSpec(volume.spec ?? {}, volume.metadata.name, false, "spec");
}

/** Also of the volume inside an attachment, which has fewer parts. */
export function validateVolumeSpec(spec: Spec, name: string, isInline: boolean, path: string): FieldError[] {
  const words = "may not be specified in the context of inline volumes";
  const errors: FieldError[] = [];
  if (isInline) {
    if (spec.claimRef !== undefined) errors.push(forbidden(`${path}.claimRef`, words));
    if (Object.keys(spec.capacity ?? {}).length > 0) errors.push(forbidden(`${path}.capacity`, words));
    if (spec.csi === undefined)
      errors.push(required(`${path}.csi`, "has to be specified in the context of inline volumes"));
  }
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(required(`${path}.accessModes`));
  errors.push(...validateAccessModes(modes, `${path}.accessModes`));
  if (!isInline) errors.push(...validateCapacity(spec.capacity, `${path}.capacity`));
  const policy = spec.persistentVolumeReclaimPolicy ?? "";
  const policyPath = `${path}.persistentVolumeReclaimPolicy`;
  if (policy !== "" && isInline && policy !== "Retain")
    errors.push(forbidden(policyPath, "may only be Retain in the context of inline volumes"));
  else if (policy !== "" && !policies.includes(policy)) errors.push(notSupported(policyPath, policy, policies));
  if (spec.nodeAffinity !== undefined) {
    const field = `${path}.nodeAffinity`;
    if (isInline) errors.push(forbidden(field, words));
    else if (spec.nodeAffinity.required === undefined)
      errors.push(required(`${field}.required`, "must specify required node constraints"));
    else errors.push(...validateNodeSelector(spec.nodeAffinity.required, `${field}.required`));
  }
  errors.push(...validateSources(spec, name, path));
  const root = spec.hostPath !== undefined && /^\/*(\.\/*)*$/.test(spec.hostPath.path) && spec.hostPath.path !== "";
  if (root && policy === "Recycle")
    errors.push(forbidden(policyPath, "may not be 'recycle' for a hostPath mount of '/'"));
  return [...errors, ...validateClasses(spec, isInline, path)];
}

function validateCapacity(capacity: Readonly<Record<string, string>> = {}, path: string): FieldError[] {
  const entries = Object.entries(capacity);
  const errors = entries.length === 0 ? [required(path)] : [];
  if (capacity["storage"] === undefined || entries.length > 1) {
    const shown = Object.fromEntries(entries.map(([name, amount]) => [name, canonicalQuantity(amount)]));
    errors.push(notSupported(path, entries.length === 0 ? null : shown, ["storage"]));
  }
  for (const [name, amount] of entries) {
    const { nano } = parseQuantity(amount);
    if (nano < 0n)
      errors.push(invalid(`${path}[${name}]`, Number(nano / 1_000_000_000n), "must be a valid resource quantity"));
    if (nano <= 0n) errors.push(invalid(`${path}[${name}]`, canonicalQuantity(amount), "must be greater than zero"));
  }
  return errors;
}

function validateSources(spec: Spec, name: string, path: string): FieldError[] {
  const [first, ...others] = order.filter((source) => spec[source] !== undefined);
  if (first === undefined) return [required(path, "must specify a volume type")];
  const rule = persistentSources[first] as
    ((source: unknown, path: string, volume: string) => FieldError[]) | undefined;
  const here = first === "gcePersistentDisk" ? "persistentDisk" : first;
  const errors = rule?.(spec[first], `${path}.${here}`, name) ?? [];
  if (first === "local" && spec.nodeAffinity === undefined)
    errors.push(required(`${path}.nodeAffinity`, "Local volume requires node affinity"));
  for (const source of others)
    errors.push(forbidden(`${path}.${spokenNames[source] ?? source}`, "may not specify more than 1 volume type"));
  return errors;
}

function validateClasses(spec: Spec, isInline: boolean, path: string): FieldError[] {
  const words = "may not be specified in the context of inline volumes";
  const { storageClassName: storage = "", volumeMode: mode, volumeAttributesClassName: attributes } = spec;
  const errors: FieldError[] = [];
  if (storage !== "")
    errors.push(
      ...(isInline
        ? [forbidden(`${path}.storageClassName`, words)]
        : wrong(`${path}.storageClassName`, storage, dnsSubdomainErrors(storage))),
    );
  if (!isInline) errors.push(...volumeMode(mode, `${path}.volumeMode`));
  else if (mode !== undefined && mode !== "Filesystem") {
    const only = "may not specify volumeMode other than Filesystem in the context of inline volumes";
    errors.push(forbidden(`${path}.volumeMode`, only));
  }
  if (attributes === undefined) return errors;
  const field = `${path}.volumeAttributesClassName`;
  errors.push(
    ...(attributes === ""
      ? [required(field, "an empty string is disallowed")]
      : wrong(field, attributes, dnsSubdomainErrors(attributes))),
  );
  if (spec.csi === undefined)
    errors.push(required(`${path}.csi`, "has to be specified when using volumeAttributesClassName"));
  return errors;
}

/** The source of a volume stays; only a missing secret for its expansion may still be named. */
export function validatePersistentVolumeUpdate(
  next: DeepReadonly<PersistentVolume>,
  old: DeepReadonly<PersistentVolume>,
): FieldError[] {
  const [spec, before] = [next.spec ?? {}, old.spec ?? {}];
  const errors = validatePersistentVolume(next);
  const changed = order.filter((name) => !jsonEqual(sourceOf(spec, before, name), before[name] ?? null));
  if (changed.length > 0) {
    const words = `spec.persistentvolumesource is immutable after creation\nchanged: ${changed.map((name) => `spec.${name}`).join(", ")}`;
    errors.push(forbidden("spec.persistentvolumesource", words));
  }
  errors.push(...unchanged(spec.volumeMode, before.volumeMode, "volumeMode"));
  if (before.nodeAffinity !== undefined && !jsonEqual(spec.nodeAffinity ?? null, before.nodeAffinity)) {
    const words = "field is immutable, except for updating from beta label to GA";
    errors.push(invalid("nodeAffinity", goValue("volumeAffinity", spec.nodeAffinity), words));
  }
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined)
    errors.push(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"));
  return errors;
}

function sourceOf(spec: Spec, before: Spec, name: (typeof order)[number]): unknown {
  if (name !== "csi" || spec.csi === undefined || before.csi?.controllerExpandSecretRef !== undefined)
    return spec[name] ?? null;
  const { controllerExpandSecretRef: _secret, ...rest } = spec.csi;
  return rest;
}
