/** Validation of what all objects share: names, labels, annotations, owners, finalizers; and what of it must never change. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  type FieldError,
  fieldErrors,
  type FieldSelectorRequirement,
  jsonEqual,
  labelValueErrors,
  type LabelSelector,
  type ObjectMeta,
  type OwnerReference,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import { notNegative, wrong } from "./values.ts";

/** Says what is wrong with a name. */
export type NameRule = (name: string) => string[];

export const mostAnnotationBytes = 256 * 1024;
export const immutable = "field is immutable";

export function validateMetadata(
  metadata: DeepReadonly<ObjectMeta>,
  namespaced: boolean,
  rule: NameRule,
  path = "metadata",
): FieldError[] {
  const errors: FieldError[] = [];
  const { name, generateName = "", namespace = "" } = metadata;
  if (generateName !== "")
    for (const detail of rule(asPrefix(generateName)))
      errors.push(fieldErrors.invalid(`${path}.generateName`, generateName, detail));
  if (name === undefined || name === "")
    errors.push(fieldErrors.required(`${path}.name`, "name or generateName is required"));
  else for (const detail of rule(name)) errors.push(fieldErrors.invalid(`${path}.name`, name, detail));
  if (namespaced) {
    if (namespace === "") errors.push(fieldErrors.required(`${path}.namespace`));
    else
      for (const detail of dnsLabelErrors(namespace))
        errors.push(fieldErrors.invalid(`${path}.namespace`, namespace, detail));
  } else if (namespace !== "") errors.push(fieldErrors.forbidden(`${path}.namespace`, "not allowed on this type"));
  return [...errors, ...validateMetadataContent(metadata, path)];
}

/** Labels, annotations, owners, finalizers and managed fields. */
function validateMetadataContent(metadata: DeepReadonly<Partial<ObjectMeta>>, path: string): FieldError[] {
  return [
    ...notNegative(metadata.generation, `${path}.generation`),
    ...validateLabels(metadata.labels, `${path}.labels`),
    ...validateAnnotations(metadata.annotations, `${path}.annotations`),
    ...validateOwners(metadata.ownerReferences ?? [], `${path}.ownerReferences`),
    ...validateFinalizers(metadata.finalizers ?? [], `${path}.finalizers`),
    ...validateManagedFields(metadata.managedFields ?? [], `${path}.managedFields`),
  ];
}

function validateFinalizers(finalizers: readonly string[], field: string): FieldError[] {
  const errors = finalizers.flatMap((name) => wrong(field, name, qualifiedNameErrors(name)));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion"))
    errors.push(fieldErrors.invalid(field, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  return errors;
}

const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

/** A finalizer that is not Kubernetes' own has a domain. */
export function finalizerName(name: string, field: string): FieldError[] {
  return name.includes("/") || standardFinalizers.includes(name)
    ? []
    : [fieldErrors.invalid(field, name, "name is neither a standard finalizer name nor is it fully qualified")];
}

function validateManagedFields(
  entries: NonNullable<DeepReadonly<ObjectMeta>["managedFields"]>,
  field: string,
): FieldError[] {
  return entries.flatMap((entry, index) => {
    const here = `${field}[${index}]`;
    const { operation = "", fieldsType = "", manager = "" } = entry;
    const errors: FieldError[] = [];
    if (operation !== "Apply" && operation !== "Update")
      errors.push(fieldErrors.invalid(`${here}.operation`, operation, "must be `Apply` or `Update`"));
    if (fieldsType !== "" && fieldsType !== "FieldsV1")
      errors.push(fieldErrors.invalid(`${here}.fieldsType`, fieldsType, "must be `FieldsV1`"));
    if (manager.length > 128) errors.push(fieldErrors.tooLong(`${here}.manager`, manager, 128));
    return errors;
  });
}

export function validateMetadataUpdate(
  next: DeepReadonly<ObjectMeta>,
  old: DeepReadonly<ObjectMeta>,
  path = "metadata",
): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (next.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name));
    if (added.length > 0) {
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(", ")}}`;
      errors.push(fieldErrors.forbidden(`${path}.finalizers`, detail));
    }
  }
  if ((next.generation ?? 0) < (old.generation ?? 0))
    errors.push(fieldErrors.invalid(`${path}.generation`, next.generation ?? 0, "must not be decremented"));
  for (const field of [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const) {
    errors.push(...unchanged(next[field], old[field], `${path}.${field}`));
  }
  return errors;
}

/** One error when the values differ. */
export function unchanged(next: unknown, old: unknown, field: string): FieldError[] {
  return jsonEqual(next ?? null, old ?? null) ? [] : [fieldErrors.invalid(field, next, immutable)];
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedNameErrors(key).map((detail) => fieldErrors.invalid(field, key, detail)),
    ...labelValueErrors(value).map((detail) => fieldErrors.invalid(field, value, detail)),
  ]);
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const detail of qualifiedNameErrors(key.toLowerCase())) errors.push(fieldErrors.invalid(field, key, detail));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > mostAnnotationBytes) errors.push(fieldErrors.tooLong(field, "", mostAnnotationBytes));
  return errors;
}

function validateOwners(owners: readonly DeepReadonly<OwnerReference>[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  let controller = "";
  for (const owner of owners) {
    if (owner.apiVersion === "" || owner.apiVersion.endsWith("/"))
      errors.push(fieldErrors.invalid(`${field}.apiVersion`, owner.apiVersion, "version must not be empty"));
    for (const part of ["kind", "name", "uid"] as const)
      if (owner[part] === "") errors.push(fieldErrors.invalid(`${field}.${part}`, "", "must not be empty"));
    if (owner.apiVersion === "v1" && owner.kind === "Event")
      errors.push(fieldErrors.invalid(field, owner, "/v1, Kind=Event is disallowed from being an owner"));
    if (owner.controller === true) {
      const name = `${owner.kind}/${owner.name}`;
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      if (controller !== "") errors.push(fieldErrors.invalid(field, owners, detail));
      else controller = name;
    }
  }
  return errors;
}

export function validateLabelSelector(selector: DeepReadonly<LabelSelector> | undefined, path: string): FieldError[] {
  const errors = validateLabels(selector?.matchLabels, `${path}.matchLabels`);
  for (const [index, requirement] of (selector?.matchExpressions ?? []).entries()) {
    errors.push(...validateRequirement(requirement, `${path}.matchExpressions[${index}]`));
  }
  return errors;
}

function validateRequirement(requirement: DeepReadonly<FieldSelectorRequirement>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { key, operator, values = [] } = requirement;
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0)
      errors.push(fieldErrors.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0)
      errors.push(
        fieldErrors.forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
  } else errors.push(fieldErrors.invalid(`${path}.operator`, operator, "not a valid selector operator"));
  errors.push(...qualifiedNameErrors(key).map((detail) => fieldErrors.invalid(`${path}.key`, key, detail)));
  for (const [index, value] of values.entries()) {
    errors.push(
      ...labelValueErrors(value).map((detail) => fieldErrors.invalid(`${path}.values[${index}]`, value, detail)),
    );
  }
  return errors;
}

/** A prefix may end in a dash: something follows it. */
function asPrefix(text: string): string {
  return text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text;
}
