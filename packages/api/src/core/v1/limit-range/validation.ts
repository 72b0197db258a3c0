/** Validation of limit ranges: names of resources, and that the bounds of each leave room. */
import {
  canonicalQuantity,
  compareQuantities,
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  parseQuantity,
  qualifiedNameErrors,
} from "@coxswain/apimachinery";
import { wrong } from "../../../validation/values.ts";
import { containerResourceName, mayOvercommit, resourceName } from "../resource-validation.ts";
import type { LimitRange, LimitRangeItem } from "../types.ts";

const { invalid, required, forbidden, duplicate } = fieldErrors;
const standardTypes = ["Pod", "Container", "PersistentVolumeClaim"];
const lists = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

export function validateLimitRange(range: DeepReadonly<LimitRange>): FieldError[] {
  const seen = new Set<string>();
  return (range.spec?.limits ?? []).flatMap((item, index) => {
    const here = `spec.limits[${index}]`;
    const errors = typeName(item.type, `${here}.type`);
    if (seen.has(item.type)) errors.push(duplicate(`${here}.type`, item.type));
    seen.add(item.type);
    return [...errors, ...validateItem(item, here)];
  });
}

function typeName(type: string, field: string): FieldError[] {
  const errors = wrong(field, type, qualifiedNameErrors(type));
  if (errors.length > 0 || type.includes("/") || standardTypes.includes(type)) return errors;
  return [invalid(field, type, "must be a standard limit type or fully qualified")];
}

function validateItem(item: DeepReadonly<LimitRangeItem>, path: string): FieldError[] {
  const isOfPods = item.type === "Pod";
  const rule = isOfPods || item.type === "Container" ? containerResourceName : resourceName;
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const list of lists) {
    const amounts = Object.keys(item[list] ?? {});
    if (isOfPods && (list === "default" || list === "defaultRequest")) {
      if (amounts.length > 0) errors.push(forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
      continue;
    }
    if (list === "maxLimitRequestRatio" && item.type === "PersistentVolumeClaim") {
      const words = "either minimum or maximum storage value is required, but neither was provided";
      if (item.min?.["storage"] === undefined && item.max?.["storage"] === undefined)
        errors.push(required(`${path}.limits`, words));
    }
    for (const name of amounts) {
      errors.push(...rule(name, `${path}.${list}[${name}]`));
      names.add(name);
    }
  }
  return [...errors, ...[...names].flatMap((name) => validateBounds(item, name, path))];
}

function validateBounds(item: DeepReadonly<LimitRangeItem>, name: string, path: string): FieldError[] {
  const [min, max, ratio] = [item.min?.[name], item.max?.[name], item.maxLimitRequestRatio?.[name]];
  const isOfPods = item.type === "Pod";
  const own = isOfPods ? undefined : item.default?.[name];
  const request = isOfPods ? undefined : item.defaultRequest?.[name];
  const errors: FieldError[] = [];
  const ordered = (
    low: string | undefined,
    high: string | undefined,
    field: string,
    shown: "low" | "high",
    words: (low: string, high: string) => string,
  ): void => {
    if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return;
    const [from, to] = [canonicalQuantity(low), canonicalQuantity(high)];
    errors.push(invalid(`${path}.${field}[${name}]`, shown === "low" ? from : to, words(from, to)));
  };
  ordered(min, max, "min", "low", (low, high) => `min value ${low} is greater than max value ${high}`);
  ordered(
    min,
    request,
    "defaultRequest",
    "high",
    (low, high) => `min value ${low} is greater than default request value ${high}`,
  );
  ordered(
    request,
    max,
    "defaultRequest",
    "low",
    (low, high) => `default request value ${low} is greater than max value ${high}`,
  );
  ordered(
    request,
    own,
    "defaultRequest",
    "low",
    (low, high) => `default request value ${low} is greater than default limit value ${high}`,
  );
  ordered(min, own, "default", "low", (low, high) => `min value ${low} is greater than default value ${high}`);
  ordered(own, max, "default", "high", (low, high) => `default value ${low} is greater than max value ${high}`);
  if (ratio !== undefined) errors.push(...validateRatio(ratio, min, max, `${path}.maxLimitRequestRatio[${name}]`));
  if (!mayOvercommit(name) && own !== undefined && request !== undefined && compareQuantities(own, request) !== 0) {
    const words = `default value ${canonicalQuantity(own)} must equal to defaultRequest value ${canonicalQuantity(request)} in ${name}`;
    errors.push(invalid(`${path}.defaultRequest[${name}]`, canonicalQuantity(request), words));
  }
  return errors;
}

function validateRatio(ratio: string, min: string | undefined, max: string | undefined, field: string): FieldError[] {
  const shown = canonicalQuantity(ratio);
  const errors = compareQuantities(ratio, "1") < 0 ? [invalid(field, shown, `ratio ${shown} is less than 1`)] : [];
  if (min === undefined || max === undefined) return errors;
  const most = Number(parseQuantity(max).nano) / Number(parseQuantity(min).nano);
  if (Number(parseQuantity(ratio).nano) / 1e9 > most)
    errors.push(invalid(field, shown, `ratio ${shown} is greater than max/min = ${most.toFixed(6)}`));
  return errors;
}
