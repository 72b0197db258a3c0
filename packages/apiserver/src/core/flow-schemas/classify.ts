// Which flow schema a request belongs to: the first, in the order of precedence, whose rules match it. After kube-apiserver's
// `util/flowcontrol/rule.go`. What follows from it (shares, queues) is in `core/fairness`.
import type { FlowSchema, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from "@coxswain/api/flowcontrol/v1";
import type { RequestInfo, UserInfo } from "../request.ts";

/** In the order in which they are asked. */
export function inOrder(schemas: Iterable<FlowSchema>): readonly FlowSchema[] {
  const precedence = ({ spec }: FlowSchema): number => spec?.matchingPrecedence ?? 1000;
  return [...schemas].sort((a, b) => precedence(a) - precedence(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
}

export function classify(ordered: readonly FlowSchema[], info: RequestInfo, user: UserInfo): FlowSchema | undefined {
  return ordered.find(({ spec }) => spec?.rules?.some((rules) => matches(rules, info, user)) === true);
}

function matches(rules: PolicyRulesWithSubjects, info: RequestInfo, user: UserInfo): boolean {
  if (!rules.subjects.some((subject) => isOne(subject, user))) return false;
  if (info.isResourceRequest) return rules.resourceRules?.some((rule) => matchesResource(rule, info)) === true;
  return (
    rules.nonResourceRules?.some(
      ({ verbs, nonResourceURLs }) =>
        has(verbs, info.verb) && nonResourceURLs.some((pattern) => matchesPath(pattern, info.path)),
    ) === true
  );
}

function isOne(subject: Subject, { username, groups }: UserInfo): boolean {
  switch (subject.kind) {
    case "User":
      return subject.user?.name === "*" || subject.user?.name === username;
    case "Group":
      return subject.group?.name === "*" || (subject.group !== undefined && groups.includes(subject.group.name));
    case "ServiceAccount": {
      if (subject.serviceAccount === undefined) return false;
      const { namespace, name } = subject.serviceAccount;
      const prefix = `system:serviceaccount:${namespace}:`;
      return name === "*" ? username.startsWith(prefix) : username === `${prefix}${name}`;
    }
    default:
      return false;
  }
}

function matchesResource(rule: ResourcePolicyRule, info: RequestInfo): boolean {
  const resource = info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`;
  if (!has(rule.verbs, info.verb) || !has(rule.apiGroups, info.apiGroup) || !has(rule.resources, resource))
    return false;
  return info.namespace === "" ? rule.clusterScope === true : has(rule.namespaces ?? [], info.namespace);
}

function matchesPath(pattern: string, path: string): boolean {
  return pattern === "*" || pattern === path || (pattern.endsWith("/*") && path.startsWith(pattern.slice(0, -1)));
}

function has(values: readonly string[], value: string): boolean {
  return values.includes("*") || values.includes(value);
}
