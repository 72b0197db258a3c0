/** Validation of what a claim asks for, whether it stands alone or is a template in a pod or stateful set. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  parseQuantity,
} from "@coxswain/apimachinery";
import { validateAnnotations, validateLabels, validateLabelSelector } from "../../../validation/metadata.ts";
import { present, wrong } from "../../../validation/values.ts";
import type { PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate } from "../types.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const volumeModes = ["Block", "Filesystem"];

/** Modes of access, of claims and volumes alike; whether there must be one is the caller's. */
export function validateAccessModes(modes: readonly string[], field: string): FieldError[] {
  const errors = modes
    .filter((mode) => !accessModes.includes(mode))
    .map((mode) => notSupported(field, mode, accessModes));
  const mixed =
    modes.includes("ReadWriteOncePod") &&
    modes.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode));
  return mixed ? [...errors, forbidden(field, "may not use ReadWriteOncePod with other access modes")] : errors;
}

export function volumeMode(mode: string | undefined, field: string): FieldError[] {
  return mode === undefined || volumeModes.includes(mode) ? [] : [notSupported(field, mode, volumeModes)];
}

export function validateClaimSpec(spec: DeepReadonly<PersistentVolumeClaimSpec>, path: string): FieldError[] {
  const modes = spec.accessModes ?? [];
  const errors = modes.length === 0 ? [required(`${path}.accessModes`, "at least 1 access mode is required")] : [];
  errors.push(...validateLabelSelector(spec.selector, `${path}.selector`));
  errors.push(...validateAccessModes(modes, `${path}.accessModes`));
  const storage = spec.resources?.requests?.["storage"];
  const storagePath = `${path}.resources[storage]`;
  if (storage === undefined) errors.push(required(storagePath));
  else if (parseQuantity(storage).nano <= 0n) errors.push(invalid(storagePath, storage, "must be greater than zero"));
  if (spec.storageClassName)
    errors.push(...wrong(`${path}.storageClassName`, spec.storageClassName, dnsSubdomainErrors(spec.storageClassName)));
  errors.push(...volumeMode(spec.volumeMode, `${path}.volumeMode`));
  errors.push(...validateSources(spec, path));
  const attributes = spec.volumeAttributesClassName;
  if (attributes)
    errors.push(...wrong(`${path}.volumeAttributesClassName`, attributes, dnsSubdomainErrors(attributes)));
  return errors;
}

/** A template has labels and annotations, and nothing else in its metadata. */
export function validateClaimTemplate(
  template: DeepReadonly<PersistentVolumeClaimTemplate>,
  path: string,
): FieldError[] {
  return [
    ...validateTemplateMetadata(template.metadata ?? {}, `${path}.metadata`),
    ...validateClaimSpec(template.spec, `${path}.spec`),
  ];
}

export function validateTemplateMetadata(
  metadata: {
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
  },
  path: string,
): FieldError[] {
  const others = Object.keys(metadata).filter((name) => !["labels", "annotations", "creationTimestamp"].includes(name));
  return [
    ...validateAnnotations(metadata.annotations, `${path}.annotations`),
    ...validateLabels(metadata.labels, `${path}.labels`),
    ...others.map((name) => forbidden(`${path}.${name}`, "cannot be set")),
  ];
}

interface Source {
  readonly apiGroup?: string | undefined;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
}

function validateSources(spec: DeepReadonly<PersistentVolumeClaimSpec>, path: string): FieldError[] {
  const { dataSource, dataSourceRef } = spec;
  const errors: FieldError[] = [];
  if (dataSource !== undefined) errors.push(...validateSource(dataSource, `${path}.dataSource`));
  if (dataSourceRef !== undefined) errors.push(...validateSource(dataSourceRef, `${path}.dataSourceRef`));
  if (dataSource === undefined || dataSourceRef === undefined) return errors;
  if (dataSourceRef.namespace) {
    const words = "may not be specified when dataSourceRef.namespace is specified";
    return [...errors, invalid(path, `${path}.dataSource`, words)];
  }
  const same =
    dataSource.apiGroup === dataSourceRef.apiGroup &&
    dataSource.kind === dataSourceRef.kind &&
    dataSource.name === dataSourceRef.name;
  return same ? errors : [...errors, invalid(path, `${path}.dataSource`, "must match dataSourceRef")];
}

function validateSource(source: Source, path: string): FieldError[] {
  const group = source.apiGroup ?? "";
  const errors = [...present(source.name, `${path}.name`), ...present(source.kind, `${path}.kind`)];
  if (group === "" && source.kind !== "PersistentVolumeClaim")
    errors.push(invalid(path, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (group !== "") errors.push(...wrong(`${path}.apiGroup`, group, dnsSubdomainErrors(group)));
  if (source.namespace) errors.push(...wrong(`${path}.namespace`, source.namespace, dnsLabelErrors(source.namespace)));
  return errors;
}
