/** Validation of nodes: taints, ranges of addresses, amounts, and what never changes. */
import { type DeepReadonly, type FieldError, fieldErrors, jsonEqual, labelValueErrors } from "@coxswain/apimachinery";
import { ipRange, isDualStack } from "../../../validation/addresses.ts";
import { qualifiedName } from "../../../validation/values.ts";
import { goValue } from "../go-values.ts";
import type { Node, Taint } from "../types.ts";
import { resourceAmount } from "../resource-validation.ts";
import { taintEffect } from "../pod/scheduling-validation.ts";

const { invalid, required, forbidden, duplicate } = fieldErrors;

export function validateNode(node: DeepReadonly<Node>): FieldError[] {
  return [
    ...validateTaints(node.spec?.taints ?? [], "metadata.taints"),
    ...validateAmounts(node),
    ...validateRanges(node.spec?.podCIDRs ?? [], "spec.podCIDRs"),
  ];
}

function validateTaints(taints: readonly DeepReadonly<Taint>[], path: string): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap((taint, index) => {
    const here = `${path}[${index}]`;
    const { key, value = "" } = taint;
    const effect: string = taint.effect;
    const errors = qualifiedName(key, `${here}.key`);
    const details = labelValueErrors(value);
    if (details.length > 0) errors.push(invalid(`${here}.value`, value, details.join(";")));
    errors.push(...(effect === "" ? [required(`${here}.effect`)] : taintEffect(effect, `${here}.effect`)));
    const pair = `${key}:${effect}`;
    if (seen.has(pair))
      errors.push(duplicate(here, goValue("taint", taint), "taints must be unique by key and effect pair"));
    seen.add(pair);
    return errors;
  });
}

function validateAmounts(node: DeepReadonly<Node>): FieldError[] {
  return (["capacity", "allocatable"] as const).flatMap((list) =>
    Object.entries(node.status?.[list] ?? {}).flatMap(([name, amount]) =>
      resourceAmount(name, amount, `status.${list}.${name}`),
    ),
  );
}

function validateRanges(ranges: readonly string[], path: string): FieldError[] {
  const errors = ranges.flatMap((range, index) => ipRange(range, `${path}[${index}]`));
  if (ranges.length < 2) return errors;
  if (!isDualStack(ranges) || ranges.length > 2)
    errors.push(invalid(path, ranges, "may specify no more than one CIDR for each IP family"));
  const again = ranges.flatMap((range, index) =>
    ranges.indexOf(range) < index ? [duplicate(`${path}[${index}]`, range)] : [],
  );
  return [...errors, ...again];
}

export function validateNodeUpdate(next: DeepReadonly<Node>, old: DeepReadonly<Node>): FieldError[] {
  const errors = validateAmounts(next);
  const addresses = next.status?.addresses ?? [];
  for (const [index, address] of addresses.entries())
    if (addresses.slice(0, index).some((other) => jsonEqual(other, address)))
      errors.push(duplicate(`status.addresses[${index}]`, goValue("address", address)));
  const [ranges, before] = [next.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []];
  if (before.length > 0 && !jsonEqual(ranges, before))
    errors.push(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'));
  if (old.spec?.providerID && next.spec?.providerID !== old.spec.providerID)
    errors.push(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'));
  errors.push(...validateTaints(next.spec?.taints ?? [], "metadata.taints"));
  if ((next.spec?.externalID ?? "") !== (old.spec?.externalID ?? ""))
    errors.push(forbidden("spec.externalID", "may not be updated"));
  return errors;
}
