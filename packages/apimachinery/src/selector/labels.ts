/** Label selectors: reading them from text or from a LabelSelector, and asking whether labels match. Texts of errors are Kubernetes'. */
import { fieldErrors, fieldErrorText } from "../field-error.ts";
import type { LabelSelector as LabelSelectorObject } from "../meta.ts";
import { labelValueErrors, qualifiedNameErrors } from "../names.ts";
import type { DeepReadonly } from "../object.ts";
import { type LabelRequirement, parseLabelRequirements, SelectorError } from "./label-parser.ts";

export type Labels = Readonly<Record<string, string>>;

/** A parsed selector. No requirement matches everything; `nothing` matches nothing. */
export interface LabelMatcher {
  readonly requirements: readonly LabelRequirement[];
  readonly nothing: boolean;
  matches(labels: Labels | undefined): boolean;
  toString(): string;
}

/** Reads the text form, such as `app=web,tier in (a,b),!old`. */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = parseLabelRequirements(text);
  for (const requirement of requirements) checkRequirement(requirement);
  return matcher(requirements, false);
}

/** The selector of an object: absent matches nothing, empty matches everything. */
export function labelSelectorMatcher(selector: DeepReadonly<LabelSelectorObject> | null | undefined): LabelMatcher {
  if (selector === undefined || selector === null) return matcher([], true);
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    requirements.push({ key, operator: "=", values: [value] });
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = operators[operator];
    if (known === undefined)
      throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: [...(values ?? [])].sort() });
  }
  for (const requirement of requirements) checkRequirement(requirement);
  requirements.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  return matcher(requirements, false);
}

/** The selector of a Service or ReplicationController: a plain map, of which an empty one matches everything. */
export function labelMapMatcher(labels: Labels | undefined): LabelMatcher {
  return labelSelectorMatcher({ matchLabels: labels ?? {} });
}

const operators: Readonly<Record<string, LabelRequirement["operator"]>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

function matcher(requirements: readonly LabelRequirement[], nothing: boolean): LabelMatcher {
  return {
    requirements,
    nothing,
    matches: (labels = {}) => !nothing && requirements.every((requirement) => meets(requirement, labels)),
    toString: () => requirements.map(requirementText).join(","),
  };
}

function meets({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const present = Object.hasOwn(labels, key);
  const value = present ? (labels[key] ?? "") : "";
  switch (operator) {
    case "exists":
      return present;
    case "!":
      return !present;
    case "=":
    case "==":
    case "in":
      return present && values.includes(value);
    case "!=":
    case "notin":
      return !present || !values.includes(value);
    case "gt":
    case "lt": {
      const limit = Number(values[0]);
      if (!present || !/^-?\d+$/.test(value)) return false;
      return operator === "gt" ? Number(value) > limit : Number(value) < limit;
    }
  }
}

function checkRequirement({ key, operator, values }: LabelRequirement): void {
  const errors = qualifiedNameErrors(key).map((detail) => fieldErrors.invalid("key", key, detail));
  const count = {
    exists: [0, 0],
    "!": [0, 0],
    "=": [1, 1],
    "==": [1, 1],
    "!=": [1, 1],
    gt: [1, 1],
    lt: [1, 1],
    in: [1, Infinity],
    notin: [1, Infinity],
  }[operator];
  if (values.length < (count[0] ?? 0)) {
    const detail =
      operator === "in" || operator === "notin"
        ? "for 'in', 'notin' operators, values set can't be empty"
        : "exact-match compatibility requires one single value";
    errors.push(fieldErrors.invalid("values", values, detail));
  }
  if (values.length > (count[1] ?? 0))
    errors.push(fieldErrors.invalid("values", values, "values set must be empty for exists and does not exist"));
  if ((operator === "gt" || operator === "lt") && !/^-?\d+$/.test(values[0] ?? "")) {
    errors.push(fieldErrors.invalid("values[0]", values[0], "for 'Gt', 'Lt' operators, the value must be an integer"));
  }
  for (const [index, value] of values.entries()) {
    for (const detail of labelValueErrors(value))
      errors.push(fieldErrors.invalid(`values[${index}][${key}]`, value, detail));
  }
  const [first] = errors;
  if (first !== undefined)
    throw new SelectorError(errors.length === 1 ? fieldErrorText(first) : `[${errors.map(fieldErrorText).join(", ")}]`);
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.join(",")})`;
    case "gt":
      return `${key}>${values[0] ?? ""}`;
    case "lt":
      return `${key}<${values[0] ?? ""}`;
    default:
      return `${key}${operator}${values[0] ?? ""}`;
  }
}
