/** Validation of what webhooks and admission policies share: rules, resources to match, conditions. */
import { type DeepReadonly, type FieldError, fieldErrors, pathSegmentErrors } from "@coxswain/apimachinery";
import { validateLabelSelector } from "../../validation/metadata.ts";
import { oneOf, qualifiedName, supported, wrong } from "../../validation/values.ts";
import type { MatchCondition, MatchResources, NamedRuleWithOperations, RuleWithOperations } from "./types.ts";

const { invalid, required, notSupported, duplicate, tooMany } = fieldErrors;
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
export const matchPolicies = ["Equivalent", "Exact"];
export const failurePolicies = ["Fail", "Ignore"];

export function validateRule(rule: DeepReadonly<RuleWithOperations>, path: string): FieldError[] {
  const { operations: verbs = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const errors: FieldError[] = [];
  const list = (values: readonly string[], name: string, what: string): void => {
    const field = `${path}.${name}`;
    if (values.length === 0) errors.push(required(field));
    if (values.length > 1 && values.includes("*"))
      errors.push(invalid(field, values, `if '*' is present, must not specify other ${what}`));
  };
  list(verbs, "operations", "operations");
  for (const [index, verb] of verbs.entries())
    if (!operations.includes(verb)) errors.push(notSupported(`${path}.operations[${index}]`, verb, operations));
  list(apiGroups, "apiGroups", "API groups");
  list(apiVersions, "apiVersions", "API versions");
  for (const [index, version] of apiVersions.entries())
    if (version === "") errors.push(required(`${path}.apiVersions[${index}]`));
  errors.push(...validateResources(resources, `${path}.resources`));
  return [...errors, ...supported(scope, ["*", "Cluster", "Namespaced"], `${path}.scope`)];
}

function validateResources(resources: readonly string[], path: string): FieldError[] {
  if (resources.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  let isBare = false;
  const withAll = new Set<string>();
  const ofAll = new Set<string>();
  for (const [index, text] of resources.entries()) {
    const here = `${path}[${index}]`;
    if (text === "") {
      errors.push(required(here));
      continue;
    }
    const slash = text.indexOf("/");
    if (slash < 0) {
      // As Kubernetes has it: the last one counts.
      isBare = text !== "*";
      continue;
    }
    const [resource, part] = [text.slice(0, slash), text.slice(slash + 1)];
    if (withAll.has(resource))
      errors.push(invalid(here, text, `if '${resource}/*' is present, must not specify ${text}`));
    if (ofAll.has(part)) errors.push(invalid(here, text, `if '*/${part}' is present, must not specify ${text}`));
    if (part === "*") withAll.add(resource);
    if (resource === "*") ofAll.add(part);
  }
  if (resources.length > 1 && resources.includes("*/*"))
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (isBare && resources.includes("*"))
    errors.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

function validateNamedRule(rule: DeepReadonly<NamedRuleWithOperations>, path: string): FieldError[] {
  const names = rule.resourceNames ?? [];
  const errors = names.flatMap((name, index) => [
    ...wrong(`${path}.resourceNames[${index}]`, name, pathSegmentErrors(name)),
    ...(names.indexOf(name) < index ? [duplicate(`${path}.resourceNames[${index}]`, name)] : []),
  ]);
  return [...errors, ...validateRule(rule, path)];
}

export function validateMatch(match: DeepReadonly<MatchResources>, path: string): FieldError[] {
  const errors = oneOf(match.matchPolicy, matchPolicies, `${path}.matchPolicy`);
  for (const name of ["namespaceSelector", "objectSelector"] as const)
    errors.push(
      ...(match[name] === undefined
        ? [required(`${path}.${name}`)]
        : validateLabelSelector(match[name], `${path}.${name}`)),
    );
  for (const name of ["resourceRules", "excludeResourceRules"] as const)
    for (const [index, rule] of (match[name] ?? []).entries())
      errors.push(...validateNamedRule(rule, `${path}.${name}[${index}]`));
  return errors;
}

export function validateConditions(conditions: readonly DeepReadonly<MatchCondition>[], path: string): FieldError[] {
  const errors = conditions.length > 64 ? [tooMany(path, conditions.length, 64)] : [];
  const names = new Set<string>();
  for (const [index, { name, expression }] of conditions.entries()) {
    const here = `${path}[${index}]`;
    if (expression.trim() === "") errors.push(required(`${here}.expression`));
    errors.push(...(name === "" ? [required(`${here}.name`)] : qualifiedName(name, `${here}.name`)));
    if (name !== "" && names.has(name)) errors.push(duplicate(`${here}.name`, name));
    names.add(name);
  }
  return errors;
}
