/** Validation of storage: classes, attachments, drivers, nodes, capacities. */
import {
  canonicalQuantity,
  type DeepReadonly,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  jsonEqual,
  parseQuantity,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import { validateVolumeSpec } from "../../core/v1/persistent-volume/validation.ts";
import { csiDriverName } from "../../core/v1/pod/volume-sources.ts";
import type { TopologySelectorTerm } from "../../core/v1/types.ts";
import { unchanged, validateLabelSelector } from "../../validation/metadata.ts";
import { type RuleTable, thenUpdate, withUpdate } from "../../validation/rules.ts";
import { notNegative, qualifiedName, supported, wrong } from "../../validation/values.ts";
import { validateCsiDriver, validateCsiDriverUpdate } from "./csi-driver/validation.ts";
import type {
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
  VolumeError,
} from "./types.ts";

const { invalid, required, forbidden, duplicate, tooLong } = fieldErrors;
const [mostParameters, mostBytes, mostIdLength, mostMessage] = [512, 256 * 1024, 256, 1024];

function validateStorageClass(storageClass: DeepReadonly<StorageClass>): FieldError[] {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode: mode, allowedTopologies = [] } = storageClass;
  const errors = validateProvisioner(provisioner, "provisioner");
  errors.push(...validateParameters(parameters, true));
  errors.push(...supported(reclaimPolicy || undefined, ["Delete", "Retain"], "reclaimPolicy"));
  if (mode === undefined) errors.push(required("volumeBindingMode"));
  errors.push(...supported(mode, ["Immediate", "WaitForFirstConsumer"], "volumeBindingMode"));
  return [...errors, ...validateTopologies(allowedTopologies)];
}

function validateProvisioner(name: string, field: string): FieldError[] {
  return name === "" ? [required(field)] : wrong(field, name, qualifiedNameErrors(name.toLowerCase()));
}

function validateParameters(parameters: Readonly<Record<string, string>> = {}, mayBeEmpty: boolean): FieldError[] {
  const entries = Object.entries(parameters);
  if (entries.length > mostParameters) return [tooLong("parameters", "", mostParameters)];
  const errors = entries.filter(([key]) => key === "").map(() => invalid("parameters", "", "field can not be empty."));
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > mostBytes) errors.push(tooLong("parameters", "", mostBytes));
  if (!mayBeEmpty && entries.length === 0)
    errors.push(required("parameters", "must contain at least one key/value pair"));
  return errors;
}

function validateTopologies(terms: readonly DeepReadonly<TopologySelectorTerm>[]): FieldError[] {
  return terms.flatMap((term, index) => {
    const path = `allowedTopologies[${index}].matchLabelExpressions`;
    const keys = new Set<string>();
    const errors = (term.matchLabelExpressions ?? []).flatMap(({ key, values }, at) => {
      const here = `${path}[${at}]`;
      const own = values.length === 0 ? [required(`${here}.values`)] : [];
      for (const [position, value] of values.entries())
        if (values.indexOf(value) < position) own.push(duplicate(`${here}.values[${position}]`, value));
      own.push(...qualifiedName(key, `${here}.key`));
      if (keys.has(key)) own.push(duplicate(`${here}.key`, key));
      keys.add(key);
      return own;
    });
    // Kubernetes compares each with as many empty ones as there are terms, too.
    const isRepeated = [{}, ...terms.slice(0, index)].some((other) => jsonEqual(valuesByKey(other), valuesByKey(term)));
    return isRepeated ? [...errors, duplicate(path, "")] : errors;
  });
}

function valuesByKey({ matchLabelExpressions = [] }: DeepReadonly<TopologySelectorTerm>): unknown {
  return Object.fromEntries(matchLabelExpressions.map(({ key, values }) => [key, [...new Set(values)].toSorted()]));
}

function validateStorageClassUpdate(next: DeepReadonly<StorageClass>, old: DeepReadonly<StorageClass>): FieldError[] {
  const errors = fixed(next, old, "parameters", {});
  errors.push(...fixed(next, old, "provisioner", ""), ...fixed(next, old, "reclaimPolicy", ""));
  return [...errors, ...unchanged(next.volumeBindingMode, old.volumeBindingMode, "volumeBindingMode")];
}

function fixed<T>(next: T, old: T, name: keyof T & string, empty: unknown): FieldError[] {
  return jsonEqual(next[name] ?? empty, old[name] ?? empty)
    ? []
    : [forbidden(name, `updates to ${name} are forbidden.`)];
}

function validateAttributesClass(attributes: DeepReadonly<VolumeAttributesClass>): FieldError[] {
  const { driverName, parameters } = attributes;
  const errors = validateProvisioner(driverName, "driverName");
  return [...errors, ...validateParameters(parameters, false)];
}

function validateAttributesClassUpdate(
  next: DeepReadonly<VolumeAttributesClass>,
  old: DeepReadonly<VolumeAttributesClass>,
): FieldError[] {
  return [...fixed(next, old, "driverName", ""), ...fixed(next, old, "parameters", {})];
}

function validateAttachment(attachment: DeepReadonly<VolumeAttachment>): FieldError[] {
  const errors = validateAttachmentObject(attachment);
  const { attacher, source } = attachment.spec;
  errors.push(...csiDriverName(attacher, "spec.attacher"));
  const volume = source.persistentVolumeName;
  if (volume !== undefined)
    errors.push(...wrong("spec.source.persistentVolumeName", volume, dnsSubdomainErrors(volume)));
  return errors;
}

function validateAttachmentObject(attachment: DeepReadonly<VolumeAttachment>): FieldError[] {
  const { spec, status } = attachment;
  const { persistentVolumeName: volume, inlineVolumeSpec: inline } = spec.source;
  const errors = spec.attacher === "" ? [required("spec.attacher")] : [];
  const words = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (volume === undefined && inline === undefined) errors.push(required("spec.source", words));
  else if (volume !== undefined && inline !== undefined) errors.push(forbidden("spec.source", words));
  else if (volume === "")
    errors.push(required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName"));
  else if (inline !== undefined) errors.push(...validateVolumeSpec(inline, "", true, "spec.source.inlineVolumeSpec"));
  errors.push(...wrong("spec.nodeName", spec.nodeName, dnsSubdomainErrors(spec.nodeName)));
  const metadata = Object.entries(status?.attachmentMetadata ?? {});
  const bytes = metadata.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > mostBytes) errors.push(tooLong("status.attachmentMetadata", "", mostBytes));
  for (const name of ["attachError", "detachError"] as const)
    errors.push(...validateVolumeError(status?.[name], `status.${name}`));
  return errors;
}

function validateVolumeError(error: DeepReadonly<VolumeError> | undefined, path: string): FieldError[] {
  const { message = "", errorCode: code = 0 } = error ?? {};
  return [
    ...(message.length > mostMessage ? [tooLong(`${path}.message`, "", mostBytes)] : []),
    ...(code < 0 ? [invalid(`${path}.errorCode`, code, "must be between 0 and 2147483647, inclusive")] : []),
  ];
}

function validateAttachmentUpdate(
  next: DeepReadonly<VolumeAttachment>,
  old: DeepReadonly<VolumeAttachment>,
): FieldError[] {
  return [...validateAttachmentObject(next), ...unchanged(next.spec, old.spec, "spec")];
}

function validateCsiNode(node: DeepReadonly<CSINode>): FieldError[] {
  const names = new Set<string>();
  return node.spec.drivers.flatMap(({ name, nodeID, allocatable, topologyKeys = [] }, index) => {
    const here = `spec.drivers[${index}]`;
    const errors = csiDriverName(name, `${here}.name`);
    if (nodeID === "") errors.push(required(`${here}.nodeID`));
    if (nodeID.length > mostIdLength)
      errors.push(invalid(`${here}.nodeID`, nodeID, `must be ${mostIdLength} characters or less`));
    errors.push(...notNegative(allocatable?.count, `${here}.allocatable.count`));
    if (names.has(name)) errors.push(duplicate(`${here}.name`, name));
    names.add(name);
    for (const [at, key] of topologyKeys.entries()) {
      if (key === "") errors.push(required(here));
      if (topologyKeys.indexOf(key) < at) errors.push(duplicate(here, key));
      errors.push(...wrong(here, topologyKeys, qualifiedNameErrors(key)));
    }
    return errors;
  });
}

function validateCsiNodeUpdate(next: DeepReadonly<CSINode>, old: DeepReadonly<CSINode>): FieldError[] {
  return old.spec.drivers.flatMap((before) => {
    const now = next.spec.drivers.find(({ name }) => name === before.name);
    if (now === undefined) return [];
    const { allocatable: _count, ...rest } = now;
    const { allocatable: _before, ...expected } = before;
    return unchanged(rest, expected, "spec.drivers");
  });
}

function validateCapacity(capacity: DeepReadonly<CSIStorageCapacity>): FieldError[] {
  const errors = validateLabelSelector(capacity.nodeTopology, "nodeTopology");
  const { storageClassName: name } = capacity;
  errors.push(...wrong("storageClassName", name, dnsSubdomainErrors(name)));
  for (const field of ["capacity", "maximumVolumeSize"] as const) {
    const amount = capacity[field];
    if (amount !== undefined && parseQuantity(amount).nano < 0n)
      errors.push(invalid(field, canonicalQuantity(amount), "must be greater than or equal to 0"));
  }
  return errors;
}

function validateCapacityUpdate(
  next: DeepReadonly<CSIStorageCapacity>,
  old: DeepReadonly<CSIStorageCapacity>,
): FieldError[] {
  return [
    ...(jsonEqual(next.nodeTopology ?? null, old.nodeTopology ?? null)
      ? []
      : [invalid("nodeTopology", next.nodeTopology, "field is immutable")]),
    ...unchanged(next.storageClassName, old.storageClassName, "storageClassName"),
  ];
}

export const storageRules: RuleTable = {
  "storage/v1.StorageClass": thenUpdate(validateStorageClass, validateStorageClassUpdate),
  "storage/v1.VolumeAttributesClass": withUpdate(validateAttributesClass, validateAttributesClassUpdate),
  "storage/v1.VolumeAttachment": {
    object: validateAttachment,
    update: validateAttachmentUpdate,
    subresources: { status: validateAttachmentUpdate },
  },
  "storage/v1.CSIDriver": thenUpdate(validateCsiDriver, validateCsiDriverUpdate),
  "storage/v1.CSINode": thenUpdate(validateCsiNode, validateCsiNodeUpdate),
  "storage/v1.CSIStorageCapacity": thenUpdate(validateCapacity, validateCapacityUpdate),
};
