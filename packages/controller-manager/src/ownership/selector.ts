// Matching a LabelSelector in the form objects carry it. An absent selector matches nothing, an empty one everything.
import { labelSelectorMatcher } from "@coxswain/apimachinery";
import type { DeepReadonly, LabelMatcher, Labels, LabelSelector } from "@coxswain/apimachinery";

interface Known {
  readonly matcher: LabelMatcher;
  /** Pods of one set have their labels in common, also as objects (sharing of the informers). */
  readonly verdicts: WeakMap<object, boolean>;
}

/** Parsed once per object: the same selector is asked about every pod that changes. */
const matchers = new WeakMap<object, Known>();

export function selects(selector: DeepReadonly<LabelSelector> | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  let known = matchers.get(selector);
  if (known === undefined) {
    known = { matcher: labelSelectorMatcher(selector), verdicts: new WeakMap() };
    matchers.set(selector, known);
  }
  if (labels === undefined) return known.matcher.matches(labels);
  const before = known.verdicts.get(labels);
  if (before !== undefined) return before;
  const verdict = known.matcher.matches(labels);
  known.verdicts.set(labels, verdict);
  return verdict;
}

/** Whether a selector matches everything; controllers refuse to act on one. */
export function selectsEverything(selector: DeepReadonly<LabelSelector> | undefined): boolean {
  return (
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  );
}
