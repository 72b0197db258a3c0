// Matching a LabelSelector in the form objects carry it. An absent selector matches nothing, an empty one everything.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly, LabelMatcher, Labels, LabelSelector } from "@coxswain/apimachinery";

/** Parsed once per object: the same selector is asked about every pod that changes. */
const matchers = new WeakMap<object, LabelMatcher>();

export function selects(selector: DeepReadonly<LabelSelector> | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  const matcher = matchers.get(selector) ?? labelSelectorMatcher(selector);
  matchers.set(selector, matcher);
  return matcher.matches(labels);
}

/** Whether a selector matches everything; controllers refuse to act on one. */
export function selectsEverything(selector: DeepReadonly<LabelSelector> | undefined): boolean {
  return (
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  );
}
