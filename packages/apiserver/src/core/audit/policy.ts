// Which requests are written to the audit log, and how much of each: a Policy of audit.k8s.io/v1, read once when the server starts. The first rule
// that matches decides. After apiserver's `audit/policy`.
import { isJsonObject } from "@coxswain/apimachinery";
import { parseYaml } from "../body/yaml.ts";
import type { RequestInfo, UserInfo } from "../request.ts";

export const auditLevels = ["None", "Metadata", "Request", "RequestResponse"] as const;
export type AuditLevel = (typeof auditLevels)[number];

export const auditStages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;
export type AuditStage = (typeof auditStages)[number];

/** Whether a request waits until it is written that it has come, and is refused when it cannot be. */
export const auditModes = ["batch", "blocking", "blocking-strict"] as const;
export type AuditMode = (typeof auditModes)[number];

export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export interface AuditPolicy {
  decide(user: UserInfo, info: RequestInfo): AuditDecision;
}

interface Rule extends AuditDecision {
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly namespaces: readonly string[];
  readonly nonResourceUrls: readonly string[];
  readonly resources: readonly {
    readonly group: string;
    readonly resources: readonly string[];
    readonly names: readonly string[];
  }[];
}

const unwritten: AuditDecision = { level: "None", omitStages: new Set(), omitManagedFields: false };

/** Nothing is written. */
export const silence: AuditPolicy = { decide: () => unwritten };

/** Throws for a text that is no policy, and says what is wrong with it. */
export function readAuditPolicy(text: string): AuditPolicy {
  const parsed = parseYaml(text);
  if ("error" in parsed) throw new Error(parsed.error);
  const { value } = parsed;
  if (!isJsonObject(value)) throw new Error("expected a Policy of audit.k8s.io/v1");
  const { apiVersion, kind } = value;
  if (kind !== "Policy" || apiVersion !== "audit.k8s.io/v1")
    throw new Error(`expected kind Policy of audit.k8s.io/v1, found ${String(kind)} of ${String(apiVersion)}`);
  const omitStages = stagesIn(value["omitStages"], "omitStages");
  const omitManagedFields = value["omitManagedFields"] === true;
  const given = value["rules"];
  if (!Array.isArray(given) || given.length === 0) throw new Error("loaded illegal policy with 0 rules");
  const rules = given.map((rule, index) => ruleOf(rule, `rules[${index}]`, { omitStages, omitManagedFields }));
  return { decide: (user, info) => rules.find((rule) => matches(rule, user, info)) ?? unwritten };
}

function ruleOf(value: unknown, at: string, whole: Omit<AuditDecision, "level">): Rule {
  if (!isJsonObject(value)) throw new Error(`${at}: expected an object`);
  const level = auditLevels.find((known) => known === value["level"]);
  if (level === undefined)
    throw new Error(
      `${at}.level: Unsupported value: ${JSON.stringify(value["level"] ?? "")}: supported values: ${auditLevels.join(", ")}`,
    );
  const texts = (name: string): readonly string[] => textsIn(value[name], `${at}.${name}`);
  const [namespaces, nonResourceUrls] = [texts("namespaces"), texts("nonResourceURLs")];
  const resources = value["resources"] ?? [];
  if (!Array.isArray(resources)) throw new Error(`${at}.resources: expected a list`);
  if (nonResourceUrls.length > 0 && (resources.length > 0 || namespaces.length > 0))
    throw new Error(`${at}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`);
  for (const url of nonResourceUrls)
    if (url !== "*" && (!url.startsWith("/") || url.slice(0, -1).includes("*")))
      throw new Error(`${at}.nonResourceURLs: ${url}: expected "*", or a path with a "*" at its end at most`);
  const own = stagesIn(value["omitStages"], `${at}.omitStages`);
  return {
    level,
    omitStages: new Set([...whole.omitStages, ...own]),
    omitManagedFields: (value["omitManagedFields"] as boolean | undefined) ?? whole.omitManagedFields,
    users: texts("users"),
    userGroups: texts("userGroups"),
    verbs: texts("verbs"),
    namespaces,
    nonResourceUrls,
    resources: resources.map((one: unknown, index) => {
      const place = `${at}.resources[${index}]`;
      if (!isJsonObject(one)) throw new Error(`${place}: expected an object`);
      const names = textsIn(one["resourceNames"], `${place}.resourceNames`);
      const kinds = textsIn(one["resources"], `${place}.resources`);
      if (names.length > 0 && kinds.length === 0)
        throw new Error(`${place}.resourceNames: using resourceNames requires at least one resource`);
      return { group: typeof one["group"] === "string" ? one["group"] : "", resources: kinds, names };
    }),
  };
}

function matches(rule: Rule, user: UserInfo, info: RequestInfo): boolean {
  if (rule.users.length > 0 && !rule.users.includes(user.username)) return false;
  if (rule.userGroups.length > 0 && !rule.userGroups.some((group) => user.groups.includes(group))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(info.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return matchesResource(rule, info);
  if (rule.nonResourceUrls.length === 0) return true;
  return !info.isResourceRequest && rule.nonResourceUrls.some((pattern) => matchesPath(pattern, info.path));
}

function matchesResource({ namespaces, resources }: Rule, info: RequestInfo): boolean {
  if (!info.isResourceRequest) return false;
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false;
  if (resources.length === 0) return true;
  return resources.some(
    ({ group, resources: kinds, names }) =>
      group === info.apiGroup &&
      (kinds.length === 0 ||
        ((names.length === 0 || names.includes(info.name)) && kinds.some((kind) => matchesKind(kind, info)))),
  );
}

// As in roles, and "*" before or behind the slash, too.
function matchesKind(pattern: string, { resource, subresource }: RequestInfo): boolean {
  if (pattern === "*" || pattern === `${resource}/*`) return true;
  if (subresource === "") return pattern === resource;
  return pattern === `${resource}/${subresource}` || pattern === `*/${subresource}`;
}

function matchesPath(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)));
}

function textsIn(value: unknown, at: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string"))
    throw new Error(`${at}: expected a list of texts`);
  return value as string[];
}

function stagesIn(value: unknown, at: string): ReadonlySet<AuditStage> {
  const stages = textsIn(value, at).map((text) => {
    const stage = auditStages.find((known) => known === text);
    if (stage === undefined)
      throw new Error(`${at}: Unsupported value: ${JSON.stringify(text)}: supported values: ${auditStages.join(", ")}`);
    return stage;
  });
  return new Set(stages);
}
