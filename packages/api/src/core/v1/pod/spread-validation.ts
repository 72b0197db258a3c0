/** Validation of how pods are to be spread over a topology. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../../validation/metadata.ts";
import { supported } from "../../../validation/values.ts";
import type { TopologySpreadConstraint } from "../types.ts";
import { validateLabelKeys } from "./label-keys.ts";

const { invalid, required, notSupported, duplicate } = fieldErrors;
const policies = ["Honor", "Ignore"];

export function validateSpread(
  constraints: readonly DeepReadonly<TopologySpreadConstraint>[],
  path: string,
): FieldError[] {
  return constraints.flatMap((constraint, index) => {
    const here = `${path}[${index}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable: otherwise, minDomains } = constraint;
    const errors: FieldError[] = [];
    if (maxSkew <= 0) errors.push(invalid(`${here}.maxSkew`, maxSkew, "must be greater than zero"));
    if (topologyKey === "") errors.push(required(`${here}.topologyKey`, "can not be empty"));
    const actions = ["DoNotSchedule", "ScheduleAnyway"];
    if (!actions.includes(otherwise)) errors.push(notSupported(`${here}.whenUnsatisfiable`, otherwise, actions));
    const isRepeated = constraints
      .slice(index + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === otherwise);
    if (isRepeated)
      errors.push(duplicate(`${here}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${otherwise}}`));
    if (minDomains !== undefined) {
      const field = `${here}.minDomains`;
      if (minDomains <= 0) errors.push(invalid(field, minDomains, "must be greater than zero"));
      if (otherwise !== "DoNotSchedule") {
        const words = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${otherwise}`;
        errors.push(invalid(field, minDomains, words));
      }
    }
    errors.push(...supported(constraint.nodeAffinityPolicy, policies, `${here}.nodeAffinityPolicy`));
    errors.push(...supported(constraint.nodeTaintsPolicy, policies, `${here}.nodeTaintsPolicy`));
    errors.push(...validateLabelKeys(constraint.matchLabelKeys, [], constraint.labelSelector, here));
    return [...errors, ...validateLabelSelector(constraint.labelSelector, `${here}.labelSelector`)];
  });
}
