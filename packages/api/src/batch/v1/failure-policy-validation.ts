/** Validation of what a job makes of its pods' failures and successes. */
import { type DeepReadonly, type FieldError, fieldErrors } from "@coxswain/apimachinery";
import { qualifiedName } from "../../validation/values.ts";
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
} from "./types.ts";

const { invalid, required, notSupported, tooMany, tooLong, duplicate } = fieldErrors;
type Spec = DeepReadonly<JobSpec>;

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const states = ["False", "True", "Unknown"];
const quoted = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;

export function validateFailurePolicy(spec: Spec, path: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const containers = new Set(
    [...(spec.template.spec?.containers ?? []), ...(spec.template.spec?.initContainers ?? [])].map(({ name }) => name),
  );
  const errors = rules.length > 20 ? [tooMany(`${path}.rules`, rules.length, 20)] : [];
  return [
    ...errors,
    ...rules.flatMap((rule, index) => validateRule(spec, rule, containers, `${path}.rules[${index}]`)),
  ];
}

function validateRule(
  spec: Spec,
  rule: DeepReadonly<PodFailurePolicyRule>,
  containers: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const { onExitCodes, onPodConditions = [] } = rule;
  const action: string = rule.action;
  const errors: FieldError[] = [];
  if (action === "") errors.push(required(`${path}.action`, `valid values: ${quoted(actions)}`));
  else if (action === "FailIndex") {
    if (spec.backoffLimitPerIndex === undefined)
      errors.push(invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set"));
  } else if (!actions.includes(action)) errors.push(notSupported(`${path}.action`, action, actions));
  if (onExitCodes !== undefined) errors.push(...validateExitCodes(onExitCodes, containers, `${path}.onExitCodes`));
  errors.push(...validateConditions(onPodConditions, `${path}.onPodConditions`));
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    errors.push(omitted(path, "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (onExitCodes === undefined && onPodConditions.length === 0)
    errors.push(omitted(path, "specifying one of OnExitCodes and OnPodConditions is required"));
  return errors;
}

/** An error that does not show its value. */
function omitted(field: string, detail: string): FieldError {
  return { ...invalid(field, undefined, detail), omitsValue: true };
}

function validateConditions(
  patterns: readonly DeepReadonly<PodFailurePolicyOnPodConditionsPattern>[],
  path: string,
): FieldError[] {
  const errors = patterns.length > 20 ? [tooMany(path, patterns.length, 20)] : [];
  for (const [index, { type, status = "" }] of patterns.entries()) {
    errors.push(...qualifiedName(type, `${path}[${index}].type`));
    const field = `${path}[${index}].status`;
    if (status === "") errors.push(required(field, `valid values: ${quoted(states)}`));
    else if (!states.includes(status)) errors.push(notSupported(field, status, states));
  }
  return errors;
}

function validateExitCodes(
  requirement: DeepReadonly<PodFailurePolicyOnExitCodesRequirement>,
  containers: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const { containerName, values } = requirement;
  const operator: string = requirement.operator;
  const errors: FieldError[] = [];
  if (operator === "") errors.push(required(`${path}.operator`, `valid values: ${quoted(operators)}`));
  else if (!operators.includes(operator)) errors.push(notSupported(`${path}.operator`, operator, operators));
  if (containerName !== undefined && !containers.has(containerName)) {
    const words = "must be one of the container or initContainer names in the pod template";
    errors.push(invalid(`${path}.containerName`, containerName, words));
  }
  if (values.length === 0) errors.push(invalid(`${path}.values`, values, "at least one value is required"));
  else if (values.length > 255) errors.push(tooMany(`${path}.values`, values.length, 255));
  for (const [index, value] of values.entries()) {
    const here = `${path}.values[${index}]`;
    if (operator === "In" && value === 0) errors.push(invalid(here, value, "must not be 0 for the In operator"));
    if (values.indexOf(value) < index) errors.push(duplicate(here, value));
  }
  if (values.some((value, index) => (values[index - 1] ?? value) > value))
    errors.push(invalid(`${path}.values`, values, "must be ordered"));
  return errors;
}

export function validateSuccessPolicy(spec: Spec, path: string): FieldError[] {
  const rules = spec.successPolicy?.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0)
    errors.push(required(`${path}.rules`, "at least one rules must be specified when the successPolicy is specified"));
  if (rules.length > 20) errors.push(tooMany(`${path}.rules`, rules.length, 20));
  for (const [index, { succeededCount: count, succeededIndexes: indexes }] of rules.entries()) {
    const here = `${path}.rules[${index}]`;
    if (count === undefined && indexes === undefined)
      errors.push(required(here, "at least one of succeededCount or succeededIndexes must be specified"));
    if (indexes !== undefined && indexes.length > 65536) errors.push(tooLong(`${here}.succeededIndexes`, "", 65536));
    if (count !== undefined && count < 0)
      errors.push(invalid(`${here}.succeededCount`, count, "must be greater than or equal to 0"));
    if (count !== undefined && count > (spec.completions ?? 0)) {
      const words = `must be less than or equal to ${spec.completions ?? 0} (the number of specified completions)`;
      errors.push(invalid(`${here}.succeededCount`, count, words));
    }
  }
  return errors;
}
