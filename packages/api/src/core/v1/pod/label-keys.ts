/** Validation of keys whose values a pod's own labels supply to a selector: matchLabelKeys and mismatchLabelKeys. */
import { type DeepReadonly, type FieldError, fieldErrors, type LabelSelector } from "@coxswain/apimachinery";
import { qualifiedName } from "../../../validation/values.ts";

const { invalid, forbidden } = fieldErrors;
type Selector = DeepReadonly<LabelSelector> | undefined;

const unselected = "must not be specified when labelSelector is not set";
const twice = "exists in both matchLabelKeys and labelSelector";

/** What the keys stand for is in the selector of a pod already, so only a second mention is one too many. */
export function validateLabelKeys(
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
  selector: Selector,
  path: string,
): FieldError[] {
  const errors = [
    ...keysOf(match, selector, `${path}.matchLabelKeys`),
    ...keysOf(mismatch, selector, `${path}.mismatchLabelKeys`),
  ];
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = match.lastIndexOf(key);
    if (index >= 0 && seen.has(key)) errors.push(invalid(`${path}[${index}]`, key, twice));
    seen.add(key);
  }
  for (const [index, key] of match.entries()) {
    if (!mismatch.includes(key)) continue;
    const words = "exists in both matchLabelKeys and mismatchLabelKeys";
    errors.push(invalid(`${path}.matchLabelKeys[${index}]`, key, words));
  }
  return errors;
}

function keysOf(keys: readonly string[], selector: Selector, path: string): FieldError[] {
  if (keys.length === 0) return [];
  if (selector === undefined) return [forbidden(path, unselected)];
  return keys.flatMap((key, index) => qualifiedName(key, `${path}[${index}]`));
}
