// A selector's text form as the object that specs hold.
import { parseLabelSelector } from "@coxswain/apimachinery";
import type { LabelSelector } from "@coxswain/apimachinery";

const operators: Readonly<Record<string, string>> = {
  in: "In",
  notin: "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
  "!=": "NotIn",
};

/** Equalities as matchLabels, everything else as matchExpressions. */
export function selectorObject(text: string): LabelSelector {
  const { requirements } = parseLabelSelector(text);
  const equal = requirements.filter(({ operator }) => operator === "=" || (operator as string) === "==");
  const others = requirements.filter((requirement) => !equal.includes(requirement));
  return {
    ...(equal.length === 0
      ? {}
      : { matchLabels: Object.fromEntries(equal.map(({ key, values }) => [key, values[0] ?? ""])) }),
    ...(others.length === 0
      ? {}
      : {
          matchExpressions: others.map(({ key, operator, values }) => ({
            key,
            operator: operators[operator] ?? operator,
            ...(values.length === 0 ? {} : { values: [...values] }),
          })),
        }),
  } as LabelSelector;
}
