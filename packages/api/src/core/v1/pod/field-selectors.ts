/** Validation of references to a pod's own fields and resources, in environments and downward API files. */
import { canonicalQuantity, type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { qualifiedName } from "../../../validation/values.ts";
import type { ObjectFieldSelector, ResourceFieldSelector } from "../types.ts";

const { invalid, required, notSupported } = fieldErrors;

/** What a reference may name at all; which of these a place allows is narrower. */
const known = new Set([
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.serviceAccountName",
  "spec.schedulerName",
  "status.phase",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
]);

export function fieldSelector(
  selector: DeepReadonly<ObjectFieldSelector>,
  allowed: readonly string[],
  path: string,
): FieldError[] {
  const { apiVersion = "", fieldPath } = selector;
  if (apiVersion === "") return [required(`${path}.apiVersion`)];
  if (fieldPath === "") return [required(`${path}.fieldPath`)];
  const field = `${path}.fieldPath`;
  const problem = (detail: string): FieldError[] => [
    invalid(field, fieldPath, `error converting fieldPath: ${detail}`),
  ];
  if (apiVersion !== "v1") return problem(`unsupported pod version: ${apiVersion}`);
  const subscript = /^([^[]+)\['(.*)'\]$/.exec(fieldPath);
  const [, owner = "", key = ""] = subscript ?? [];
  if (subscript !== null) {
    if (owner === "metadata.annotations") return qualifiedName(key.toLowerCase(), path);
    if (owner === "metadata.labels") return qualifiedName(key, path);
    return known.has(owner)
      ? [invalid(path, owner, "does not support subscript")]
      : problem(`field label does not support subscript: ${fieldPath}`);
  }
  const name = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
  if (!known.has(name)) return problem(`field label not supported: ${fieldPath}`);
  return allowed.includes(name) ? [] : [notSupported(field, name, allowed)];
}

const resources = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const sizes = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
const divisors: readonly (readonly [RegExp, readonly string[], string])[] = [
  [/^(limits|requests)\.cpu$/, ["1m", "1"], "cpu"],
  [/^(limits|requests)\.memory$/, sizes, "memory"],
  [/^(limits|requests)\.ephemeral-storage$/, sizes, "local ephemeral storage"],
  [/^(limits|requests)\.hugepages-/, sizes, "hugepages"],
];

export function resourceFieldSelector(
  selector: DeepReadonly<ResourceFieldSelector>,
  path: string,
  inVolume: boolean,
): FieldError[] {
  const { containerName = "", resource, divisor = "0" } = selector;
  const errors: FieldError[] = [];
  if (inVolume && containerName === "") errors.push(required(`${path}.containerName`));
  else if (resource === "") errors.push(required(`${path}.resource`));
  else if (!resources.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource))
    errors.push(notSupported(`${path}.resource`, resource, resources));
  const amount = canonicalQuantity(divisor);
  const rule = divisors.find(([shape]) => shape.test(resource));
  if (amount === "0" || rule === undefined || rule[1].includes(amount)) return errors;
  const [, allowed, what] = rule;
  const list = what === "cpu" ? "1m and 1" : allowed.join(", ");
  return [
    ...errors,
    invalid(`${path}.divisor`, resource, `only divisor's values ${list} are supported with the ${what} resource`),
  ];
}
