/** Validation of a workload's selector, and that its template's labels are among what it selects. */
import {
  type DeepReadonly,
  type FieldError,
  fieldErrors,
  labelSelectorMatcher,
  type LabelSelector,
} from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../validation/metadata.ts";

type Selector = DeepReadonly<LabelSelector> | undefined;

/** What else is wrong comes between the selector's parts and its emptiness for daemon sets. */
export function requiredSelector(selector: Selector, owner: string, between: FieldError[] = []): FieldError[] {
  if (selector === undefined)
    return [...(owner === "daemonset" ? [] : [fieldErrors.required("spec.selector")]), ...between];
  const errors = [...validateLabelSelector(selector, "spec.selector"), ...between];
  const isEmpty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
  return isEmpty
    ? [...errors, fieldErrors.invalid("spec.selector", selector, `empty selector is invalid for ${owner}`)]
    : errors;
}

/** A selector that cannot be read is spoken of once more, as a whole, and nobody looks at the template. */
export function withReadable(selector: Selector, words: string, template: () => FieldError[]): FieldError[] {
  const isReadable = validateLabelSelector(selector, "").length === 0;
  return isReadable ? template() : [fieldErrors.invalid("spec.selector", selector, words)];
}

/** A selector that cannot be read has been spoken of already; one that is not there selects nothing. */
export function labelsMatch(selector: Selector, labels: Readonly<Record<string, string>> | undefined): FieldError[] {
  if (selector !== undefined) {
    if (validateLabelSelector(selector, "").length > 0) return [];
    if (labelSelectorMatcher(selector).matches(labels ?? {})) return [];
  }
  const words = "`selector` does not match template `labels`";
  return [fieldErrors.invalid("spec.template.metadata.labels", labels, words)];
}
