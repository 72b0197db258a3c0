/** Validation of volumes: one name each, exactly one source, and what the sources in daily use ask for. */
import { type DeepReadonly, dnsLabelErrors, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import type { KeyToPath, Volume } from "../types.ts";
import { duplicates, named, present } from "../../../validation/values.ts";

export function validateVolumes(volumes: readonly DeepReadonly<Volume>[], path: string): FieldError[] {
  const errors = volumes.flatMap((volume, index) => [
    ...named(volume.name, dnsLabelErrors, `${path}[${index}].name`),
    ...validateSource(volume, `${path}[${index}]`),
  ]);
  return [
    ...errors,
    ...duplicates(volumes.map(({ name }, index) => ({ value: name, field: `${path}[${index}].name` }))),
  ];
}

function validateSource(volume: DeepReadonly<Volume>, path: string): FieldError[] {
  const sources = Object.keys(volume).filter((key) => key !== "name");
  if (sources.length === 0) return [fieldErrors.required(path, "must specify a volume type")];
  const errors = sources
    .slice(1)
    .map((name) => fieldErrors.forbidden(`${path}.${name}`, "may not specify more than 1 volume type"));
  const { hostPath, configMap, secret, nfs, persistentVolumeClaim, projected } = volume;
  if (hostPath !== undefined) {
    errors.push(...present(hostPath.path, `${path}.hostPath.path`));
    if (hostPath.path.split("/").includes(".."))
      errors.push(fieldErrors.invalid(`${path}.hostPath.path`, hostPath.path, "must not contain '..'"));
    const types = ["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"];
    if (!types.includes(hostPath.type ?? ""))
      errors.push(fieldErrors.notSupported(`${path}.hostPath.type`, hostPath.type, types));
  }
  if (configMap !== undefined) {
    errors.push(
      ...present(configMap.name, `${path}.configMap.name`),
      ...validateMode(configMap.defaultMode, `${path}.configMap.defaultMode`),
    );
    errors.push(...validateItems(configMap.items, `${path}.configMap.items`));
  }
  if (secret !== undefined) {
    errors.push(
      ...present(secret.secretName, `${path}.secret.secretName`),
      ...validateMode(secret.defaultMode, `${path}.secret.defaultMode`),
    );
    errors.push(...validateItems(secret.items, `${path}.secret.items`));
  }
  if (nfs !== undefined)
    errors.push(...present(nfs.server, `${path}.nfs.server`), ...present(nfs.path, `${path}.nfs.path`));
  if (persistentVolumeClaim !== undefined)
    errors.push(...present(persistentVolumeClaim.claimName, `${path}.persistentVolumeClaim.claimName`));
  if (projected !== undefined) errors.push(...validateMode(projected.defaultMode, `${path}.projected.defaultMode`));
  return errors;
}

function validateMode(mode: number | undefined, field: string): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [fieldErrors.invalid(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

function validateItems(items: readonly DeepReadonly<KeyToPath>[] | undefined, path: string): FieldError[] {
  return (items ?? []).flatMap((item, index) => {
    const here = `${path}[${index}]`;
    const errors = [
      ...present(item.key, `${here}.key`),
      ...present(item.path, `${here}.path`),
      ...validateMode(item.mode, `${here}.mode`),
    ];
    if (item.path.startsWith("/"))
      errors.push(fieldErrors.invalid(`${here}.path`, item.path, "must be a relative path"));
    if (item.path.split("/").includes(".."))
      errors.push(fieldErrors.invalid(`${here}.path`, item.path, "must not contain '..'"));
    return errors;
  });
}
