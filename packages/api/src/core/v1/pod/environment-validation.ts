/** Validation of a container's environment: variables, where their values come from, whole sources of variables. */
import {
  configMapKeyErrors,
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  envVarNameErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { ownPath } from "../../../validation/paths.ts";
import { named, present, wrong } from "../../../validation/values.ts";
import type { EnvFromSource, EnvVar, EnvVarSource, FileKeySelector } from "../types.ts";
import { fieldSelector, resourceFieldSelector } from "./field-selectors.ts";
import type { Volumes } from "./volume-validation.ts";

const { invalid, notFound } = fieldErrors;
const fields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

export function validateEnv(variables: readonly DeepReadonly<EnvVar>[], volumes: Volumes, path: string): FieldError[] {
  return variables.flatMap((variable, index) => {
    const here = `${path}[${index}]`;
    const errors = named(variable.name, envVarNameErrors, `${here}.name`);
    if (variable.valueFrom !== undefined)
      errors.push(...validateSource(variable, variable.valueFrom, volumes, `${here}.valueFrom`));
    return errors;
  });
}

function validateSource(
  variable: DeepReadonly<EnvVar>,
  source: DeepReadonly<EnvVarSource>,
  volumes: Volumes,
  path: string,
): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  const errors: FieldError[] = [];
  if (fieldRef !== undefined) errors.push(...fieldSelector(fieldRef, fields, `${path}.fieldRef`));
  if (resourceFieldRef !== undefined)
    errors.push(...resourceFieldSelector(resourceFieldRef, `${path}.resourceFieldRef`, false));
  if (configMapKeyRef !== undefined) errors.push(...keyOf(configMapKeyRef, `${path}.configMapKeyRef`));
  if (secretKeyRef !== undefined) errors.push(...keyOf(secretKeyRef, `${path}.secretKeyRef`));
  if (fileKeyRef !== undefined) errors.push(...keyOfFile(fileKeyRef, volumes, `${path}.fileKeyRef`));
  if (count === 0) {
    const words =
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    return [...errors, invalid(path, "", words)];
  }
  if (variable.value) errors.push(invalid(path, "", "may not be specified when `value` is not empty"));
  else if (count > 1) errors.push(invalid(path, "", "may not have more than one field specified at a time"));
  return errors;
}

function keyOf(selector: { readonly name?: string | undefined; readonly key: string }, path: string): FieldError[] {
  return [
    ...wrong(`${path}.name`, selector.name ?? "", dnsSubdomainErrors(selector.name ?? "")),
    ...named(selector.key, configMapKeyErrors, `${path}.key`),
  ];
}

/** Only what the pod itself can write to: the node reads the file, and nothing of its own is to be found there. */
function keyOfFile(selector: DeepReadonly<FileKeySelector>, volumes: Volumes, path: string): FieldError[] {
  const { key, volumeName } = selector;
  const volume = volumes.get(volumeName);
  const errors = [
    ...named(key, envVarNameErrors, `${path}.key`),
    ...named(volumeName, dnsLabelErrors, `${path}.volumeName`),
  ];
  if (volumeName && !volume) errors.push(notFound(`${path}.volumeName`, volumeName));
  if (volume && !volume.emptyDir)
    errors.push(invalid(`${path}.volumeName`, volumeName, "referenced volume must be of type emptyDir"));
  errors.push(...present(selector.path, `${path}.path`), ...ownPath(selector.path, `${path}.path`));
  return errors;
}

export function validateEnvFrom(sources: readonly DeepReadonly<EnvFromSource>[], path: string): FieldError[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const here = `${path}[${index}]`;
    const errors = prefix ? wrong(`${here}.prefix`, prefix, envVarNameErrors(prefix)) : [];
    if (configMapRef !== undefined)
      errors.push(...named(configMapRef.name, dnsSubdomainErrors, `${here}.configMapRef.name`));
    if (secretRef !== undefined) errors.push(...named(secretRef.name, dnsSubdomainErrors, `${here}.secretRef.name`));
    if (configMapRef === undefined && secretRef === undefined)
      errors.push(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    else if (configMapRef !== undefined && secretRef !== undefined)
      errors.push(invalid(path, "", "may not have more than one field specified at a time"));
    return errors;
  });
}
