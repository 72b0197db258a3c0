/** Validation of slices of a driver's devices: whose they are, where they can be used, and their names. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { validateNodeSelector } from "../../core/v1/pod/scheduling-validation.ts";
import { unchanged } from "../../validation/metadata.ts";
import { named, present } from "../../validation/values.ts";
import type { Device, DeviceAttribute, ResourceSlice, ResourceSliceSpec } from "./types.ts";

const { invalid, required, duplicate, tooMany } = fieldErrors;
const [mostDevices, mostAttributes] = [128, 32];
const places = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"] as const;

export function validateSlice({ spec }: DeepReadonly<ResourceSlice>): FieldError[] {
  const { driver, pool, devices = [] } = spec;
  const errors = named(driver, dnsSubdomainErrors, "spec.driver");
  errors.push(...present(pool.name, "spec.pool.name"));
  if (pool.generation < 0)
    errors.push(invalid("spec.pool.generation", pool.generation, "must be greater than or equal to zero"));
  if (pool.resourceSliceCount <= 0)
    errors.push(invalid("spec.pool.resourceSliceCount", pool.resourceSliceCount, "must be greater than zero"));
  errors.push(...validatePlace(spec));
  if (spec.nodeSelector !== undefined) errors.push(...validateNodeSelector(spec.nodeSelector, "spec.nodeSelector"));
  if (devices.length > mostDevices) errors.push(tooMany("spec.devices", devices.length, mostDevices));
  for (const [index, device] of devices.entries()) {
    const here = `spec.devices[${index}]`;
    errors.push(...validateDevice(device, here));
    if (devices.findIndex(({ name }) => name === device.name) < index)
      errors.push(duplicate(`${here}.name`, device.name));
  }
  return errors;
}

function validatePlace(spec: DeepReadonly<ResourceSliceSpec>): FieldError[] {
  const said = places.filter((name) => spec[name] !== undefined && spec[name] !== false);
  const words = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  if (said.length === 0) return [required("spec", words)];
  return said.length > 1 ? [invalid("spec", `{${said.map((name) => `\`${name}\``).join(", ")}}`, words)] : [];
}

function validateDevice(device: DeepReadonly<Device>, path: string): FieldError[] {
  const errors = named(device.name, dnsLabelErrors, `${path}.name`);
  const attributes = Object.entries(device.attributes ?? {});
  const count = attributes.length + Object.keys(device.capacity ?? {}).length;
  if (count > mostAttributes) {
    const words = `the total number of attributes and capacities must not exceed ${mostAttributes}`;
    errors.push(invalid(path, count, words));
  }
  for (const [name, attribute] of attributes)
    errors.push(...validateAttribute(attribute, `${path}.attributes[${name}]`));
  return errors;
}

function validateAttribute(attribute: DeepReadonly<DeviceAttribute>, path: string): FieldError[] {
  const count = Object.values(attribute).filter((value) => value !== undefined).length;
  if (count === 0) return [required(path, "exactly one value must be specified")];
  return count > 1 ? [invalid(path, attribute, "exactly one value must be specified")] : [];
}

export function validateSliceUpdate(next: DeepReadonly<ResourceSlice>, old: DeepReadonly<ResourceSlice>): FieldError[] {
  return [
    ...unchanged(next.spec.driver, old.spec.driver, "spec.driver"),
    ...unchanged(next.spec.pool.name, old.spec.pool.name, "spec.pool.name"),
    ...unchanged(next.spec.nodeName, old.spec.nodeName, "spec.nodeName"),
  ];
}
