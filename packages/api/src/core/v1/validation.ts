/** Validation of the smaller kinds of the core group. */
import {
  configMapKeyErrors,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  jsonEqual,
  parseQuantity,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  ReplicationController,
  Secret,
} from "./types.ts";
import { unchanged } from "../../validation/metadata.ts";
import { notNegative, oneOf, portNumber, present } from "../../validation/values.ts";
import { validatePodTemplate } from "./pod/validation.ts";

const mostBytes = 1024 * 1024;
const whenImmutable = "field is immutable when `immutable` is set";

export function validateConfigMap(map: DeepReadonly<ConfigMap>): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, text] of Object.entries(map.data ?? {})) {
    errors.push(...keyErrors(key, "data"));
    if (map.binaryData?.[key] !== undefined)
      errors.push(fieldErrors.invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
    bytes += Buffer.byteLength(text);
  }
  for (const [key, text] of Object.entries(map.binaryData ?? {})) {
    errors.push(...keyErrors(key, "binaryData"));
    bytes += Math.floor((text.length * 3) / 4);
  }
  if (bytes > mostBytes) errors.push(fieldErrors.tooLong("", "", mostBytes));
  return errors;
}

export function validateConfigMapUpdate(next: DeepReadonly<ConfigMap>, old: DeepReadonly<ConfigMap>): FieldError[] {
  return old.immutable === true ? frozen(next, old, ["data", "binaryData"]) : [];
}

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

export function validateSecret(secret: DeepReadonly<Secret>): FieldError[] {
  const errors: FieldError[] = [];
  const data = secret.data ?? {};
  let bytes = 0;
  for (const [key, text] of Object.entries(data)) {
    errors.push(...keyErrors(key, "data"));
    bytes += Math.floor((text.length * 3) / 4);
  }
  if (bytes > mostBytes) errors.push(fieldErrors.tooLong("data", "", mostBytes));
  for (const key of requiredKeys[secret.type ?? ""] ?? [])
    if (data[key] === undefined) errors.push(fieldErrors.required(`data[${key}]`));
  if (
    secret.type === "kubernetes.io/service-account-token" &&
    !secret.metadata.annotations?.["kubernetes.io/service-account.name"]
  ) {
    errors.push(fieldErrors.required("metadata.annotations[kubernetes.io/service-account.name]"));
  }
  if (secret.type === "kubernetes.io/basic-auth" && data["username"] === undefined && data["password"] === undefined) {
    errors.push(fieldErrors.required("data[username]"), fieldErrors.required("data[password]"));
  }
  return errors;
}

export function validateSecretUpdate(next: DeepReadonly<Secret>, old: DeepReadonly<Secret>): FieldError[] {
  return [...unchanged(next.type, old.type, "type"), ...(old.immutable === true ? frozen(next, old, ["data"]) : [])];
}

export function validateNamespace(namespace: DeepReadonly<Namespace>): FieldError[] {
  return (namespace.spec?.finalizers ?? []).flatMap((name, index) => [
    ...qualifiedNameErrors(name).map((detail) => fieldErrors.invalid(`spec.finalizers[${index}]`, name, detail)),
    ...(name.includes("/") || name === "kubernetes"
      ? []
      : [
          fieldErrors.invalid(
            `spec.finalizers[${index}]`,
            name,
            "name is neither a standard finalizer name nor is it fully qualified",
          ),
        ]),
  ]);
}

export function validateNode(node: DeepReadonly<Node>): FieldError[] {
  const taints = node.spec?.taints ?? [];
  const seen = new Set<string>();
  return taints.flatMap((taint, index) => {
    const path = `spec.taints[${index}]`;
    const errors = [
      ...qualifiedNameErrors(taint.key).map((detail) => fieldErrors.invalid(`${path}.key`, taint.key, detail)),
      ...oneOf(taint.effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"], `${path}.effect`),
    ];
    if (seen.has(`${taint.key}:${taint.effect}`)) errors.push(fieldErrors.duplicate(path, taint));
    seen.add(`${taint.key}:${taint.effect}`);
    return errors;
  });
}

export function validateNodeUpdate(next: DeepReadonly<Node>, old: DeepReadonly<Node>): FieldError[] {
  const errors: FieldError[] = [];
  const [ranges, before] = [next.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []];
  if (before.length > 0 && !jsonEqual(ranges, before))
    errors.push(fieldErrors.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
  if (old.spec?.providerID && next.spec?.providerID !== old.spec.providerID) {
    errors.push(
      fieldErrors.forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'),
    );
  }
  return errors;
}

export function validateEndpoints(endpoints: DeepReadonly<Endpoints>): FieldError[] {
  return (endpoints.subsets ?? []).flatMap((subset, index) => {
    const path = `subsets[${index}]`;
    const ports = subset.ports ?? [];
    if ((subset.addresses ?? []).length === 0 && (subset.notReadyAddresses ?? []).length === 0) {
      return [fieldErrors.required(path, "must specify `addresses` or `notReadyAddresses`")];
    }
    return ports.flatMap((port, at) => [
      ...(ports.length > 1 ? present(port.name, `${path}.ports[${at}].name`) : []),
      ...portNumber(port.port, `${path}.ports[${at}].port`),
    ]);
  });
}

export function validateEvent(event: DeepReadonly<Event>): FieldError[] {
  const [mine, its] = [event.metadata.namespace ?? "", event.involvedObject.namespace ?? ""];
  const matches = its === "" ? ["", "default"].includes(mine) : mine === its;
  return matches ? [] : [fieldErrors.invalid("involvedObject.namespace", its, "does not match event.namespace")];
}

export function validateReplicationController(controller: DeepReadonly<ReplicationController>): FieldError[] {
  const { spec } = controller;
  const errors = [
    ...notNegative(spec?.minReadySeconds, "spec.minReadySeconds"),
    ...notNegative(spec?.replicas, "spec.replicas"),
  ];
  if (Object.keys(spec?.selector ?? {}).length === 0) errors.push(fieldErrors.required("spec.selector"));
  if (spec?.template === undefined) return [...errors, fieldErrors.required("spec.template")];
  const labels = spec.template.metadata?.labels ?? {};
  if (Object.entries(spec.selector ?? {}).some(([key, value]) => labels[key] !== value)) {
    errors.push(
      fieldErrors.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
    );
  }
  return [...errors, ...validatePodTemplate(spec.template, "spec.template")];
}

const accessModes = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

export function validatePersistentVolumeClaim(claim: DeepReadonly<PersistentVolumeClaim>): FieldError[] {
  const { spec } = claim;
  const modes = spec?.accessModes ?? [];
  const errors = modes.flatMap((mode) => oneOf(mode, accessModes, "spec.accessModes"));
  if (modes.length === 0) errors.push(fieldErrors.required("spec.accessModes", "at least 1 access mode is required"));
  const storage = spec?.resources?.requests?.["storage"];
  if (storage === undefined) errors.push(fieldErrors.required("spec.resources[storage]"));
  else if (parseQuantity(storage).nano <= 0n)
    errors.push(fieldErrors.invalid("spec.resources.requests[storage]", storage, "must be greater than zero"));
  return errors;
}

const claimFrozen =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

export function validatePersistentVolumeClaimUpdate(
  next: DeepReadonly<PersistentVolumeClaim>,
  old: DeepReadonly<PersistentVolumeClaim>,
): FieldError[] {
  const stable = (claim: DeepReadonly<PersistentVolumeClaim>): unknown => {
    const spec = { ...claim.spec, resources: null, volumeAttributesClassName: null };
    return old.spec?.volumeName ? spec : { ...spec, volumeName: null };
  };
  return jsonEqual(stable(next), stable(old)) ? [] : [fieldErrors.forbidden("spec", claimFrozen)];
}

export function validatePersistentVolume(volume: DeepReadonly<PersistentVolume>): FieldError[] {
  const { spec } = volume;
  const errors: FieldError[] = [];
  if ((spec?.accessModes ?? []).length === 0) errors.push(fieldErrors.required("spec.accessModes"));
  for (const mode of spec?.accessModes ?? []) errors.push(...oneOf(mode, accessModes, "spec.accessModes"));
  if (Object.keys(spec?.capacity ?? {}).length === 0) errors.push(fieldErrors.required("spec.capacity"));
  else if (spec?.capacity?.["storage"] === undefined)
    errors.push(fieldErrors.notSupported("spec.capacity", spec?.capacity, ["storage"]));
  errors.push(
    ...oneOf(
      spec?.persistentVolumeReclaimPolicy,
      ["Delete", "Recycle", "Retain"],
      "spec.persistentVolumeReclaimPolicy",
    ),
  );
  return errors;
}

function keyErrors(key: string, field: string): FieldError[] {
  return configMapKeyErrors(key).map((detail) => fieldErrors.invalid(`${field}[${key}]`, key, detail));
}

function frozen<T extends { readonly immutable?: boolean | undefined }>(
  next: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  const errors = next.immutable === true ? [] : [fieldErrors.forbidden("immutable", whenImmutable)];
  for (const field of fields)
    if (!jsonEqual(next[field] ?? null, old[field] ?? null)) errors.push(fieldErrors.forbidden(field, whenImmutable));
  return errors;
}
