// One RBAC rule and what it matches. Source of the rules of matching: Kubernetes' `pkg/apis/rbac/v1/evaluation_helpers.go`.
// It knows neither roles nor bindings.
import type { Attributes, NonResourceAttributes, ResourceAttributes } from "../attributes.ts";

/** The part of `rbac.authorization.k8s.io/v1` PolicyRule, in the form objects have on the wire. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly resourceNames?: readonly string[] | undefined;
  readonly nonResourceURLs?: readonly string[] | undefined;
}

const none: readonly string[] = [];

/** Whether this rule alone allows the request. */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  return attributes.kind === "resource" ? allowsResource(rule, attributes) : allowsPath(rule, attributes);
}

function allowsResource(rule: PolicyRule, asked: ResourceAttributes): boolean {
  return (
    matches(rule.verbs, asked.verb) &&
    matches(rule.apiGroups ?? none, asked.group) &&
    resourceMatches(rule.resources ?? none, asked.resource, asked.subresource) &&
    nameMatches(rule.resourceNames ?? none, asked.name)
  );
}

function allowsPath(rule: PolicyRule, asked: NonResourceAttributes): boolean {
  return matches(rule.verbs, asked.verb) && (rule.nonResourceURLs ?? none).some((url) => urlMatches(url, asked.path));
}

function matches(listed: readonly string[], asked: string): boolean {
  return listed.includes("*") || listed.includes(asked);
}

/** "pods" is the object, "pods/log" one subresource, "*\/scale" that subresource of everything, "*" everything. */
function resourceMatches(listed: readonly string[], resource: string, subresource: string): boolean {
  if (listed.length === 0) return false;
  if (listed.includes("*")) return true;
  if (subresource === "") return listed.includes(resource);
  return listed.includes(`${resource}/${subresource}`) || listed.includes(`*/${subresource}`);
}

function nameMatches(listed: readonly string[], name: string): boolean {
  return listed.length === 0 || listed.includes(name);
}

/** "/healthz/*" matches what begins with "/healthz/"; "*" matches all. */
export function urlMatches(pattern: string, path: string): boolean {
  if (pattern === "*" || pattern === path) return true;
  return pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, ""));
}

/** Kubernetes' compact form, used in the messages about attempts to grant more than one has. */
export function describeRule(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined): void => {
    if (values !== undefined && values.length > 0)
      parts.push(`${name}:[${values.map((value) => JSON.stringify(value)).join(" ")}]`);
  };
  add("APIGroups", rule.apiGroups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.nonResourceURLs);
  add("ResourceNames", rule.resourceNames);
  add("Verbs", rule.verbs);
  return `{${parts.join(", ")}}`;
}
