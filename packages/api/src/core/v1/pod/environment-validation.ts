/** Validation of a container's environment: variables, where their values come from, whole sources of variables. */
import {
  configMapKeyErrors,
  type DeepReadonly,
  dnsSubdomainErrors,
  envVarNameErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { ownPath } from "../../../validation/paths.ts";
import { named, present, wrong } from "../../../validation/values.ts";
import type { EnvFromSource, EnvVar, EnvVarSource } from "../types.ts";
import { fieldSelector, resourceFieldSelector } from "./field-selectors.ts";

const { invalid } = fieldErrors;
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

export function validateEnv(variables: readonly DeepReadonly<EnvVar>[], path: string): FieldError[] {
  return variables.flatMap((variable, index) => {
    const here = `${path}[${index}]`;
    const errors = named(variable.name, envVarNameErrors, `${here}.name`);
    if (variable.valueFrom !== undefined)
      errors.push(...validateSource(variable, variable.valueFrom, `${here}.valueFrom`));
    return errors;
  });
}

function validateSource(
  variable: DeepReadonly<EnvVar>,
  source: DeepReadonly<EnvVarSource>,
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
  if (fileKeyRef !== undefined) {
    errors.push(...present(fileKeyRef.key, `${path}.fileKeyRef.key`));
    if (fileKeyRef.key)
      errors.push(...wrong(`${path}.fileKeyRef.key`, fileKeyRef.key, envVarNameErrors(fileKeyRef.key)));
    errors.push(...present(fileKeyRef.volumeName, `${path}.fileKeyRef.volumeName`));
    errors.push(...present(fileKeyRef.path, `${path}.fileKeyRef.path`));
    errors.push(...ownPath(fileKeyRef.path, `${path}.fileKeyRef.path`));
  }
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
