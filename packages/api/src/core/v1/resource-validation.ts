/** Validation of resource names and amounts, as containers, quotas, limit ranges and nodes use them (pkg/apis/core/helper). */
import {
  compareQuantities,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  parseQuantity,
  qualifiedNameErrors,
  canonicalQuantity,
} from "@coxswain/apimachinery";
import { dnsLabel, wrong } from "../../validation/values.ts";
import type { ResourceClaim, ResourceRequirements } from "./types.ts";

type Amounts = Readonly<Record<string, string>>;
type NameRule = (name: string, field: string) => FieldError[];

const forContainers = new Set(["cpu", "memory", "ephemeral-storage"]);
const objectCounts = [
  "pods",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const quotaNames = new Set([
  ...forContainers,
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  "resourcequotas",
  ...objectCounts,
]);
const standardNames = new Set([...quotaNames, "storage"]);
/** Resources that are counted in whole numbers. */
const wholeNames = new Set(["resourcequotas", ...objectCounts]);

const isHugePages = (name: string): boolean => name.startsWith("hugepages-");
const isNative = (name: string): boolean => !name.includes("/") || name.includes("kubernetes.io/");

/** A resource of a vendor: fully qualified, not Kubernetes' own, and fit for a quota's name. */
export function isExtendedResource(name: string): boolean {
  if (isNative(name) || name.startsWith("requests.")) return false;
  return qualifiedNameErrors(`requests.${name}`).length === 0;
}

/** Whether requests may differ from limits. */
export const mayOvercommit = (name: string): boolean => isNative(name) && !isHugePages(name);

export function resourceName(name: string, field: string): FieldError[] {
  const errors = wrong(field, name, qualifiedNameErrors(name));
  if (errors.length > 0 || name.includes("/")) return errors;
  const standard = standardNames.has(name) || isHugePages(name) || name.startsWith("requests.hugepages-");
  return standard ? [] : [fieldErrors.invalid(field, name, "must be a standard resource type or fully qualified")];
}

export function containerResourceName(name: string, field: string): FieldError[] {
  const errors = resourceName(name, field);
  if (!name.includes("/")) {
    return forContainers.has(name) || isHugePages(name)
      ? errors
      : [...errors, fieldErrors.invalid(field, name, "must be a standard resource for containers")];
  }
  return isNative(name) || isExtendedResource(name)
    ? errors
    : [...errors, fieldErrors.invalid(field, name, "doesn't follow extended resource name standard")];
}

export function quotaResourceName(name: string, field: string): FieldError[] {
  const errors = resourceName(name, field);
  if (name.includes("/") || isQuotaName(name)) return errors;
  return [...errors, fieldErrors.invalid(field, name, "must be a standard resource for quota")];
}

export function isQuotaName(name: string): boolean {
  return quotaNames.has(name) || isHugePages(name) || name.startsWith("requests.hugepages-");
}

/** An amount of a resource: not negative, and whole where only whole ones exist. */
export function resourceAmount(name: string, amount: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const { nano } = parseQuantity(amount);
  if (nano < 0n) errors.push(fieldErrors.invalid(field, amount, "must be greater than or equal to 0"));
  if ((wholeNames.has(name) || isExtendedResource(name)) && nano % 1_000_000_000n !== 0n)
    errors.push(fieldErrors.invalid(field, amount, "must be an integer"));
  return errors;
}

export function validateResources(
  resources: DeepReadonly<ResourceRequirements>,
  claims: ReadonlySet<string>,
  path: string,
  rule: NameRule = containerResourceName,
): FieldError[] {
  const { limits = {}, requests = {} } = resources;
  const errors: FieldError[] = [];
  for (const [name, amount] of Object.entries(limits))
    errors.push(...oneAmount(name, amount, `${path}.limits[${name}]`, rule));
  for (const [name, amount] of Object.entries(requests)) {
    const field = `${path}.requests[${name}]`;
    errors.push(...rule(name, field), ...resourceAmount(name, amount, field));
    errors.push(...againstLimit(name, amount, limits[name], path));
    errors.push(...wholePages(name, amount, field));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.some((name) => name === "cpu" || name === "memory"))
    errors.push(fieldErrors.forbidden(path, "HugePages require cpu or memory"));
  return [...errors, ...claimNames(resources.claims ?? [], claims, `${path}.claims`)];
}

/** Amounts that are all limits: an overhead. */
export function validateAmounts(amounts: Amounts, path: string): FieldError[] {
  return validateResources({ limits: { ...amounts } }, new Set(), path);
}

function oneAmount(name: string, amount: string, field: string, rule: NameRule): FieldError[] {
  return [...rule(name, field), ...resourceAmount(name, amount, field), ...wholePages(name, amount, field)];
}

function againstLimit(name: string, amount: string, limit: string | undefined, path: string): FieldError[] {
  if (limit === undefined) {
    return mayOvercommit(name)
      ? []
      : [fieldErrors.required(`${path}.limits`, "Limit must be set for non overcommitable resources")];
  }
  const order = compareQuantities(amount, limit);
  const field = `${path}.requests`;
  if (order !== 0 && !mayOvercommit(name))
    return [fieldErrors.invalid(field, amount, `must be equal to ${name} limit of ${canonicalQuantity(limit)}`)];
  return order > 0
    ? [fieldErrors.invalid(field, amount, `must be less than or equal to ${name} limit of ${canonicalQuantity(limit)}`)]
    : [];
}

function wholePages(name: string, amount: string, field: string): FieldError[] {
  if (!isHugePages(name)) return [];
  const [size, value] = [sizeOf(name.slice("hugepages-".length)), parseQuantity(amount).nano];
  const divisible = size === undefined || size <= 0n || (value >= 0n && value % size === 0n);
  return divisible ? [] : [fieldErrors.invalid(field, amount, `${amount} is not positive integer multiple of ${name}`)];
}

function sizeOf(text: string): bigint | undefined {
  try {
    return parseQuantity(text).nano;
  } catch {
    return undefined; // an unknown page size divides everything
  }
}

function claimNames(
  claims: readonly DeepReadonly<ResourceClaim>[],
  known: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const seen = new Set<string>();
  return claims.flatMap(({ name, request = "" }, index) => {
    const here = `${path}[${index}]`;
    if (name === "") return [fieldErrors.required(here)];
    const errors: FieldError[] = [];
    if (seen.has(name)) errors.push(fieldErrors.duplicate(here, name));
    else {
      const key = request === "" ? name : `${name}/${request}`;
      if (request !== "") errors.push(...dnsLabel(request, `${here}.request`));
      if (seen.has(key)) errors.push(fieldErrors.duplicate(here, key));
      else if (request === "" && [...seen].some((other) => other.startsWith(`${name}/`)))
        errors.push(fieldErrors.duplicate(here, name));
      seen.add(key);
    }
    if (!known.has(name)) {
      const those = known.size === 0 ? " which is empty" : `: ${[...known].sort().join(", ")}`;
      errors.push(fieldErrors.notFound(here, name, `must be one of the names in pod.spec.resourceClaims${those}`));
    }
    return errors;
  });
}
