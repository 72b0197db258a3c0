/** Validation of where a pod may run: selectors of nodes, affinity, tolerations, spread over a topology. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
  labelValueErrors,
} from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../../validation/metadata.ts";
import { qualifiedName, wrong } from "../../../validation/values.ts";
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PreferredSchedulingTerm,
  Toleration,
} from "../types.ts";
import { validateLabelKeys } from "./label-keys.ts";

const { invalid, required, notSupported, forbidden } = fieldErrors;
const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const weightWords = "must be in the range 1-100";

export function validateNodeSelector(selector: DeepReadonly<NodeSelector>, path: string, lax = false): FieldError[] {
  const terms = `${path}.nodeSelectorTerms`;
  if (selector.nodeSelectorTerms.length === 0) return [required(terms, "must have at least one node selector term")];
  return selector.nodeSelectorTerms.flatMap((term, index) => validateTerm(term, `${terms}[${index}]`, lax));
}

/** A term of preferences is lax about values: it need not match. */
function validateTerm(term: DeepReadonly<NodeSelectorTerm>, path: string, lax: boolean): FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((part, index) =>
      validateRequirement(part, `${path}.matchExpressions[${index}]`, lax),
    ),
    ...(term.matchFields ?? []).flatMap((part, index) => validateFieldMatch(part, `${path}.matchFields[${index}]`)),
  ];
}

function validateRequirement(part: DeepReadonly<NodeSelectorRequirement>, path: string, lax: boolean): FieldError[] {
  const { key, operator, values = [] } = part;
  const errors: FieldError[] = [];
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0)
      errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0)
      errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === "Gt" || operator === "Lt") {
    if (values.length !== 1)
      errors.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else errors.push(invalid(`${path}.operator`, operator, "not a valid selector operator"));
  errors.push(...qualifiedName(key, `${path}.key`));
  if (lax) return errors;
  for (const [index, value] of values.entries())
    errors.push(...wrong(`${path}.values[${index}]`, value, labelValueErrors(value)));
  return errors;
}

function validateFieldMatch(part: DeepReadonly<NodeSelectorRequirement>, path: string): FieldError[] {
  const { key, operator, values = [] } = part;
  const errors: FieldError[] = [];
  if (operator !== "In" && operator !== "NotIn")
    errors.push(invalid(`${path}.operator`, operator, "not a valid selector operator"));
  else if (values.length !== 1) {
    const words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(`${path}.values`, words));
  }
  if (key !== "metadata.name") return [...errors, invalid(`${path}.key`, key, "not a valid field selector key")];
  for (const [index, value] of values.entries())
    errors.push(...wrong(`${path}.values[${index}]`, value, dnsSubdomainErrors(value)));
  return errors;
}

export function validateAffinity(affinity: DeepReadonly<Affinity> | undefined, path: string): FieldError[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  const errors: FieldError[] = [];
  const [needed, wished] = [
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
  ] as const;
  if (nodeAffinity?.[needed] !== undefined)
    errors.push(...validateNodeSelector(nodeAffinity[needed], `${path}.nodeAffinity.${needed}`));
  errors.push(...validatePreferences(nodeAffinity?.[wished] ?? [], `${path}.nodeAffinity.${wished}`));
  for (const [name, part] of [
    ["podAffinity", podAffinity],
    ["podAntiAffinity", podAntiAffinity],
  ] as const) {
    for (const [index, term] of (part?.[needed] ?? []).entries())
      errors.push(...validateAffinityTerm(term, `${path}.${name}.${needed}[${index}]`));
    for (const [index, { weight, podAffinityTerm }] of (part?.[wished] ?? []).entries()) {
      const here = `${path}.${name}.${wished}[${index}]`;
      if (weight <= 0 || weight > 100) errors.push(invalid(`${here}.weight`, weight, weightWords));
      errors.push(...validateAffinityTerm(podAffinityTerm, `${here}.podAffinityTerm`));
    }
  }
  return errors;
}

function validatePreferences(terms: readonly DeepReadonly<PreferredSchedulingTerm>[], path: string): FieldError[] {
  return terms.flatMap(({ weight, preference }, index) => [
    ...(weight <= 0 || weight > 100 ? [invalid(`${path}[${index}].weight`, weight, weightWords)] : []),
    ...validateTerm(preference, `${path}[${index}].preference`, true),
  ]);
}

function validateAffinityTerm(term: DeepReadonly<PodAffinityTerm>, path: string): FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  const errors = [
    ...validateLabelSelector(labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
  ];
  for (const name of namespaces) errors.push(...wrong(`${path}.namespace`, name, dnsLabelErrors(name)));
  errors.push(...validateLabelKeys(term.matchLabelKeys, term.mismatchLabelKeys, labelSelector, path));
  if (topologyKey === "") errors.push(required(`${path}.topologyKey`, "can not be empty"));
  return [...errors, ...qualifiedName(topologyKey, `${path}.topologyKey`)];
}

export function taintEffect(effect: string, path: string): FieldError[] {
  return taintEffects.includes(effect) ? [] : [notSupported(path, effect, taintEffects)];
}

export function validateTolerations(tolerations: readonly DeepReadonly<Toleration>[], path: string): FieldError[] {
  return tolerations.flatMap((toleration, index) => {
    const here = `${path}[${index}]`;
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    const errors = key === "" ? [] : qualifiedName(key, `${here}.key`);
    if (key === "" && operator !== "Exists") {
      const words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(`${here}.operator`, operator, words));
    }
    if (toleration.tolerationSeconds !== undefined && effect !== "NoExecute")
      errors.push(invalid(`${here}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === "" || operator === "Equal") {
      const details = labelValueErrors(value);
      if (details.length > 0) errors.push(invalid(`${here}.operator`, value, details.join(";")));
    } else if (operator === "Exists") {
      if (value !== "")
        errors.push(invalid(`${here}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else if (operator !== "Lt" && operator !== "Gt")
      errors.push(notSupported(`${here}.operator`, operator, ["Equal", "Exists"]));
    return effect === "" ? errors : [...errors, ...taintEffect(effect, `${here}.effect`)];
  });
}
