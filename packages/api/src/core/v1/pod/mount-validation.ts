/** Validation of what a container mounts: volumes as directories, claims as devices. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { descendingPath, withoutBacksteps } from "../../../validation/paths.ts";
import type { Container, VolumeDevice, VolumeMount } from "../types.ts";
import type { Volumes } from "./volume-validation.ts";

const { invalid, required, notFound, notSupported, forbidden } = fieldErrors;

export function validateMounts(container: DeepReadonly<Container>, volumes: Volumes, path: string): FieldError[] {
  const devices = container.volumeDevices ?? [];
  const seen = new Set<string>();
  return (container.volumeMounts ?? []).flatMap((mount, index) => {
    const here = `${path}[${index}]`;
    const { name, mountPath } = mount;
    const errors: FieldError[] = [];
    if (name === "") errors.push(required(`${here}.name`));
    if (!volumes.has(name)) errors.push(notFound(`${here}.name`, name));
    if (mountPath === "") errors.push(required(`${here}.mountPath`));
    if (seen.has(mountPath)) errors.push(invalid(`${here}.mountPath`, mountPath, "must be unique"));
    seen.add(mountPath);
    if (devices.some((device) => device.name === name))
      errors.push(invalid(`${here}.name`, name, "must not already exist in volumeDevices"));
    if (devices.some((device) => device.devicePath === mountPath))
      errors.push(invalid(`${here}.mountPath`, mountPath, "must not already exist as a path in volumeDevices"));
    errors.push(...validatePaths(mount, path, here));
    errors.push(...validatePropagation(mount, container, path), ...validateRecursion(mount, path));
    return errors;
  });
}

/** Kubernetes names no index for these two. */
function validatePaths(mount: DeepReadonly<VolumeMount>, list: string, here: string): FieldError[] {
  const { subPath = "", subPathExpr = "" } = mount;
  const errors = subPath === "" ? [] : descendingPath(subPath, `${list}.subPath`);
  if (subPathExpr === "") return errors;
  if (subPath !== "")
    errors.push(invalid(`${here}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive"));
  return [...errors, ...descendingPath(subPathExpr, `${list}.subPathExpr`)];
}

const propagations = ["Bidirectional", "HostToContainer", "None"];

function validatePropagation(
  mount: DeepReadonly<VolumeMount>,
  container: DeepReadonly<Container>,
  path: string,
): FieldError[] {
  const mode = mount.mountPropagation;
  const field = `${path}.mountPropagation`;
  if (mode === undefined) return [];
  if (!propagations.includes(mode)) return [notSupported(field, mode, propagations)];
  return mode === "Bidirectional" && container.securityContext?.privileged !== true
    ? [forbidden(field, "Bidirectional mount propagation is available only to privileged containers")]
    : [];
}

function validateRecursion(mount: DeepReadonly<VolumeMount>, path: string): FieldError[] {
  const mode = mount.recursiveReadOnly;
  const field = `${path}.recursiveReadOnly`;
  if (mode === undefined || mode === "Disabled") return [];
  if (mode !== "IfPossible" && mode !== "Enabled")
    return [notSupported(field, mode, ["Disabled", "IfPossible", "Enabled"])];
  const errors: FieldError[] = [];
  if (mount.readOnly !== true) errors.push(forbidden(field, "may only be specified when readOnly is true"));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== "None")
    errors.push(forbidden(field, "may only be specified when mountPropagation is None or not specified"));
  return errors;
}

export function validateDevices(
  devices: readonly DeepReadonly<VolumeDevice>[],
  mounts: readonly DeepReadonly<VolumeMount>[],
  volumes: Volumes,
  path: string,
): FieldError[] {
  const [names, paths] = [new Set<string>(), new Set<string>()];
  return devices.flatMap(({ name, devicePath }, index) => {
    const here = `${path}[${index}]`;
    const volume = volumes.get(name);
    const isClaim = volume?.persistentVolumeClaim !== undefined || volume?.ephemeral !== undefined;
    const errors: FieldError[] = [];
    const wrongName = (detail: string): void => void errors.push(invalid(`${here}.name`, name, detail));
    const wrongPath = (detail: string): void => void errors.push(invalid(`${here}.devicePath`, devicePath, detail));
    if (name === "") errors.push(required(`${here}.name`));
    if (names.has(name)) wrongName("must be unique");
    if (volume === undefined) errors.push(notFound(`${here}.name`, name));
    else if (!isClaim)
      wrongName("can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
    if (devicePath === "") errors.push(required(`${here}.devicePath`));
    if (paths.has(devicePath)) wrongPath("must be unique");
    if (withoutBacksteps(devicePath, here).length > 0) wrongPath("can not contain backsteps ('..')");
    else paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name)) wrongName("must not already exist in volumeMounts");
    if (mounts.some(({ mountPath }) => mountPath === devicePath))
      wrongPath("must not already exist as a path in volumeMounts");
    if (name !== "") names.add(name);
    return errors;
  });
}
