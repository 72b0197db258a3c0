// Whether a rule of a webhook or of an admission policy is about a request. After apiserver's `predicates/rules`. It looks at what is asked for,
// not at the object.
import type { NamedRuleWithOperations } from "@coxswain/api/admissionregistration/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { AdmissionAttributes } from "../../request.ts";

export type Asked = Pick<AdmissionAttributes, "operation" | "resource" | "subresource" | "namespace" | "name">;

/** Rules of policies may also name objects; no name means any. */
export function ruleMatches(rule: DeepReadonly<NamedRuleWithOperations>, asked: Asked): boolean {
  const { group, version } = asked.resource;
  const { resourceNames = [] } = rule;
  return (
    (resourceNames.length === 0 || resourceNames.includes(asked.name)) &&
    scopeMatches(rule.scope, asked) &&
    includes(rule.operations, asked.operation) &&
    includes(rule.apiGroups, group) &&
    includes(rule.apiVersions, version) &&
    (rule.resources ?? []).some((text) => resourceMatches(text, asked))
  );
}

/** A request for a namespace carries its name as namespace, and is about the cluster all the same. */
function scopeMatches(scope: string | undefined, { resource, namespace }: Asked): boolean {
  const isNamespace = resource.group === "" && resource.resource === "namespaces";
  const isNamespaced = namespace !== "" && !isNamespace;
  return scope === "Namespaced" ? isNamespaced : scope === "Cluster" ? !isNamespaced : true;
}

function includes(items: readonly string[] | undefined, wanted: string): boolean {
  return (items ?? []).some((item) => item === "*" || item === wanted);
}

// "pods", "pods/status", "pods/*"; a star alone is all resources, without their subresources.
function resourceMatches(text: string, { resource, subresource }: Asked): boolean {
  const slash = text.indexOf("/");
  const [wanted, part] = slash < 0 ? [text, ""] : [text.slice(0, slash), text.slice(slash + 1)];
  return (wanted === "*" || wanted === resource.resource) && (part === "*" || part === subresource);
}

const exempt: ReadonlySet<string> = new Set([
  "mutatingwebhookconfigurations",
  "validatingwebhookconfigurations",
  "mutatingadmissionpolicies",
  "mutatingadmissionpolicybindings",
  "validatingadmissionpolicies",
  "validatingadmissionpolicybindings",
]);

/** What configures admission is never subject to it: nobody may lock the door with the key inside. */
export function isExempt({ resource }: Pick<AdmissionAttributes, "resource">): boolean {
  return resource.group === "admissionregistration.k8s.io" && exempt.has(resource.resource);
}
