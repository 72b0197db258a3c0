/** Validation of resources of a whole pod: which there may be, and that its containers' fit in. */
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import { resourceName, validateResources } from "../resource-validation.ts";
import type { PodSpec } from "../types.ts";

const { invalid, forbidden, notSupported } = fieldErrors;
type Amounts = Readonly<Record<string, string>>;
const ofPods = ["cpu", "memory"];

export function validatePodResources(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const { resources } = spec;
  if (resources === undefined) return [];
  const errors =
    resources.claims === undefined
      ? []
      : [forbidden(`${path}.claims`, "claims cannot be set for Resources at pod-level")];
  errors.push(...validateResources({ ...resources, claims: [] }, new Set(), path, podResourceName));
  return [...errors, ...consistency(spec, path)];
}

function podResourceName(name: string, field: string): FieldError[] {
  const errors = resourceName(name, field);
  const isKnown = ofPods.includes(name) || name.startsWith("hugepages-");
  return isKnown ? errors : [...errors, notSupported(field, name, [...ofPods, "hugepages-"])];
}

function consistency(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { requests = {}, limits = {} } = spec.resources ?? {};
  for (const [name, sum] of Object.entries(sumOfRequests(spec))) {
    const own = requests[name] ?? "0";
    if (compareQuantities(sum, own) <= 0) continue;
    const words = `must be greater than or equal to aggregate container requests of ${sum}`;
    errors.push(invalid(`${path}.requests[${name}]`, canonicalQuantity(own), words));
  }
  for (const [index, container] of spec.containers.entries())
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const most = limits[name];
      if (most === undefined || compareQuantities(limit, most) <= 0) continue;
      const field = `${path}.containers[${index}][${name}].limits`;
      const words = `must be less than or equal to pod limits of ${canonicalQuantity(most)}`;
      errors.push(invalid(field, canonicalQuantity(limit), words));
    }
  return errors;
}

/** Containers and sidecars together, or the largest init container on top of the sidecars before it. */
function sumOfRequests(spec: DeepReadonly<PodSpec>): Amounts {
  let running: Amounts = {};
  let peak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const own = container.resources?.requests ?? {};
    if (container.restartPolicy === "Always") running = combine(running, own, addQuantities);
    peak = combine(peak, container.restartPolicy === "Always" ? running : combine(running, own, addQuantities), larger);
  }
  for (const { resources } of spec.containers) running = combine(running, resources?.requests ?? {}, addQuantities);
  return combine(peak, running, larger);
}

const larger = (left: string, right: string): string => (compareQuantities(left, right) >= 0 ? left : right);

function combine(left: Amounts, right: Amounts, operation: (left: string, right: string) => string): Amounts {
  const result: Record<string, string> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    const other = result[name];
    result[name] = other === undefined ? canonicalQuantity(amount) : operation(other, amount);
  }
  return result;
}
