// Matching a LabelSelector in the form objects carry it. An absent selector matches nothing, an empty one everything.
import type { DeepReadonly, LabelSelector } from "@coxswain/apimachinery";

export type Labels = Readonly<Record<string, string>>;

export function selects(selector: DeepReadonly<LabelSelector> | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  const found = labels ?? {};
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (found[key] !== value) return false;
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const value = found[key];
    switch (operator) {
      case "In":
        if (value === undefined || !(values ?? []).includes(value)) return false;
        break;
      case "NotIn":
        if (value !== undefined && (values ?? []).includes(value)) return false;
        break;
      case "Exists":
        if (value === undefined) return false;
        break;
      case "DoesNotExist":
        if (value !== undefined) return false;
        break;
    }
  }
  return true;
}

/** Whether a selector matches everything; controllers refuse to act on one. */
export function selectsEverything(selector: DeepReadonly<LabelSelector> | undefined): boolean {
  return (
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  );
}
