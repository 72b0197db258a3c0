// Which requests a webhook, a policy or a binding is for: its rules (for the resource itself, or for another version of it), and the labels of
// the namespace and of the object. After apiserver's `webhook/generic` and `predicates`.
import type { MatchPolicyType, MatchResources, NamedRuleWithOperations } from "@coxswain/api/admissionregistration/v1";
import type { ApiObject, DeepReadonly, LabelMatcher, LabelSelector } from "@coxswain/apimachinery";
import { labelSelectorMatcher, StatusError, statuses } from "@coxswain/apimachinery";
import type { Kind, Kinds } from "../../registry/kind.ts";
import type { AdmissionAttributes, GroupVersionKind, GroupVersionResource, ObjectReader } from "../../request.ts";
import { ruleMatches } from "./rules.ts";

/** In which form the request is shown: as it came, or in the version that a rule names. */
export interface Matched {
  readonly resource: GroupVersionResource;
  readonly kind: GroupVersionKind;
}

export interface Selectors {
  readonly namespaces: LabelMatcher | undefined;
  readonly objects: LabelMatcher | undefined;
}

const namespaces = { group: "", resource: "namespaces" } as const;

/** Empty selectors pick everything, and are left out. */
export function selectorsOf(of: {
  readonly namespaceSelector?: DeepReadonly<LabelSelector> | undefined;
  readonly objectSelector?: DeepReadonly<LabelSelector> | undefined;
}): Selectors {
  return { namespaces: matcherOf(of.namespaceSelector), objects: matcherOf(of.objectSelector) };
}

function matcherOf(selector: DeepReadonly<LabelSelector> | undefined): LabelMatcher | undefined {
  if (!selector || (!selector.matchLabels && !selector.matchExpressions?.length)) return undefined;
  const matcher = labelSelectorMatcher(selector);
  return matcher.requirements.length === 0 ? undefined : matcher;
}

export function matchedByRules(
  rules: readonly DeepReadonly<NamedRuleWithOperations>[] | undefined,
  policy: MatchPolicyType | undefined,
  attributes: AdmissionAttributes,
  kinds: Pick<Kinds, "find" | "equivalents">,
): Matched | undefined {
  const { resource, kind } = attributes;
  if (rules?.some((rule) => ruleMatches(rule, attributes))) return { resource, kind };
  if (policy === "Exact" || !rules?.length) return undefined;
  const own = kinds.find(resource.group, resource.version, resource.resource);
  const others = own ? kinds.equivalents(own) : [];
  for (const rule of rules)
    for (const other of others) {
      const asked = { ...attributes, resource: resourceOf(other) };
      if (ruleMatches(rule, asked)) return { resource: asked.resource, kind: kindIn(other, own, kind) };
    }
  return undefined;
}

/** The same for what a policy or a binding is for: no rules mean all requests, and exclusions win. Throws 404 for a namespace that is not there. */
export async function matchedByResources(
  match: DeepReadonly<MatchResources> | undefined,
  selectors: Selectors,
  attributes: AdmissionAttributes,
  { kinds, objects }: { readonly kinds: Pick<Kinds, "find" | "equivalents">; readonly objects: ObjectReader },
): Promise<Matched | undefined> {
  const { resource, kind } = attributes;
  const { resourceRules = [], excludeResourceRules, matchPolicy } = match ?? {};
  if (!objectMatches(selectors, attributes)) return undefined;
  if (matchedByRules(excludeResourceRules, matchPolicy, attributes, kinds)) return undefined;
  const matched =
    resourceRules.length === 0 ? { resource, kind } : matchedByRules(resourceRules, matchPolicy, attributes, kinds);
  return matched && (await namespaceMatches(selectors, attributes, objects)) ? matched : undefined;
}

/** A subresource's own kind, such as Scale, is the same in all versions. */
function kindIn(other: Kind, own: Kind | undefined, kind: GroupVersionKind): GroupVersionKind {
  const isOwn = own && kind.kind === own.kind && kind.group === own.group;
  return isOwn ? { group: other.group, version: other.version, kind: other.kind } : kind;
}

function resourceOf({ group, version, resource }: Kind): GroupVersionResource {
  return { group, version, resource };
}

export function objectMatches({ objects }: Selectors, { object, oldObject }: AdmissionAttributes): boolean {
  if (!objects) return true;
  const matches = (candidate: ApiObject | undefined): boolean =>
    candidate !== undefined && objects.matches(candidate.metadata.labels ?? {});
  return matches(object) || matches(oldObject);
}

/** Throws 404 when the namespace is not there. */
export async function namespaceMatches(
  { namespaces: wanted }: Selectors,
  attributes: AdmissionAttributes,
  reader: ObjectReader,
): Promise<boolean> {
  if (!wanted) return true;
  const { resource, subresource, operation, namespace, object } = attributes;
  const isNamespace = resource.resource === "namespaces";
  if (namespace === "" && !isNamespace) return true;
  if (isNamespace && subresource === "" && (operation === "CREATE" || operation === "UPDATE"))
    return wanted.matches(object?.metadata.labels ?? {});
  const found = await namespaceOf(namespace, reader);
  if (!found) throw new StatusError(statuses.notFound(namespaces, namespace));
  return wanted.matches(found.metadata.labels ?? {});
}

/** From memory, and from the store when memory may only be behind. */
export async function namespaceOf(name: string, reader: ObjectReader): Promise<ApiObject | undefined> {
  return reader.view(namespaces).get("", name) ?? (await reader.read(namespaces, "", name));
}
