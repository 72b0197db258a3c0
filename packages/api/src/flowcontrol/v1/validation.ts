/** Validation of flow schemas and priority levels. */
import {
  type DeepReadonly,
  dnsLabelErrors,
  dnsSubdomainErrors,
  type FieldError,
  fieldErrors,
} from "@coxswain/apimachinery";
import type { RuleTable } from "../../validation/rules.ts";
import { wrong } from "../../validation/values.ts";
import type {
  FlowSchema,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
  Subject,
} from "./types.ts";

const { invalid, required, notSupported, forbidden, duplicate } = fieldErrors;
const mostPrecedence = 10_000;
const mostQueues = 10_000_000;
const mostHashBits = 60;
const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

function validateFlowSchema(schema: DeepReadonly<FlowSchema>): FieldError[] {
  const spec: Partial<NonNullable<DeepReadonly<FlowSchema>["spec"]>> = schema.spec ?? {};
  const { matchingPrecedence: precedence = 0, distinguisherMethod: method, rules = [] } = spec;
  const field = "spec.matchingPrecedence";
  const errors: FieldError[] = [];
  if (precedence <= 0) errors.push(invalid(field, precedence, "must be a positive value"));
  if (precedence > mostPrecedence)
    errors.push(invalid(field, precedence, `must not be greater than ${mostPrecedence}`));
  if (precedence === 1 && schema.metadata.name !== "exempt")
    errors.push(invalid(field, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  if (method !== undefined && method.type !== "ByNamespace" && method.type !== "ByUser")
    errors.push(notSupported("spec.distinguisherMethod.type", method, ["ByNamespace", "ByUser"]));
  const level = spec.priorityLevelConfiguration?.name ?? "";
  const levelField = "spec.priorityLevelConfiguration.name";
  errors.push(
    ...(level === ""
      ? [required(levelField, "must reference a priority level")]
      : wrong(levelField, level, dnsSubdomainErrors(level))),
  );
  for (const [index, rule] of rules.entries()) errors.push(...validateRules(rule, `spec.rules[${index}]`));
  return [...errors, ...validateConditions(schema)];
}

function validateRules(rule: DeepReadonly<PolicyRulesWithSubjects>, path: string): FieldError[] {
  const { subjects, resourceRules = [], nonResourceRules = [] } = rule;
  const errors =
    subjects.length === 0 ? [required(`${path}.subjects`, "subjects must contain at least one value")] : [];
  for (const [index, subject] of subjects.entries())
    errors.push(...validateSubject(subject, `${path}.subjects[${index}]`));
  if (resourceRules.length + nonResourceRules.length === 0)
    errors.push(required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"));
  for (const [index, part] of resourceRules.entries())
    errors.push(...validateResourceRule(part, `${path}.resourceRules[${index}]`));
  for (const [index, part] of nonResourceRules.entries())
    errors.push(...validatePathRule(part, `${path}.nonResourceRules[${index}]`));
  return errors;
}

const subjectKinds = { Group: "group", ServiceAccount: "serviceAccount", User: "user" } as const;

function validateSubject(subject: DeepReadonly<Subject>, path: string): FieldError[] {
  const { kind } = subject;
  if (kind !== "Group" && kind !== "ServiceAccount" && kind !== "User")
    return [notSupported(`${path}.kind`, kind, Object.keys(subjectKinds))];
  const own = subjectKinds[kind];
  const errors: FieldError[] = [];
  const part = subject[own];
  if (part === undefined) errors.push(required(`${path}.${own}`, `${own} is required when subject kind is '${kind}'`));
  else if (part.name === "") errors.push(required(`${path}.${own}.name`));
  else if (kind === "ServiceAccount" && part.name !== "*")
    errors.push(...wrong(`${path}.${own}.name`, part.name, dnsSubdomainErrors(part.name)));
  if (subject.serviceAccount !== undefined && kind === "ServiceAccount") {
    const { namespace } = subject.serviceAccount;
    const field = `${path}.serviceAccount.namespace`;
    errors.push(
      ...(namespace === ""
        ? [required(field, "must specify namespace for service account")]
        : wrong(field, namespace, dnsLabelErrors(namespace))),
    );
  }
  for (const [other, name] of Object.entries(subjectKinds))
    if (name !== own && subject[name] !== undefined)
      errors.push(forbidden(`${path}.${name}`, `${name} is forbidden when subject kind is not '${other}'`));
  return errors;
}

function validateVerbs(given: readonly string[], field: string): FieldError[] {
  if (given.length === 0) return [required(field, "verbs must contain at least one value")];
  if (given.includes("*"))
    return given.length > 1 ? [invalid(field, given, "if '*' is present, must not specify other verbs")] : [];
  return given.every((verb) => verbs.includes(verb)) ? [] : [notSupported(field, given, verbs)];
}

function validateResourceRule(rule: DeepReadonly<ResourcePolicyRule>, path: string): FieldError[] {
  const { apiGroups, resources, namespaces = [], clusterScope = false } = rule;
  const errors = validateVerbs(rule.verbs, `${path}.verbs`);
  const list = (values: readonly string[], name: string, what: string, one: string): void => {
    const field = `${path}.${name}`;
    if (values.length === 0) errors.push(required(field, `resource rules must supply at least one ${one}`));
    else if (values.length > 1 && values.includes("*"))
      errors.push(invalid(field, values, `if '*' is present, must not specify other ${what}`));
  };
  list(apiGroups, "apiGroups", "api groups", "api group");
  list(resources, "resources", "resources", "resource");
  const field = `${path}.namespaces`;
  if (namespaces.length === 0 && !clusterScope) {
    const words = "resource rules that are not cluster scoped must supply at least one namespace";
    errors.push(required(field, words));
  } else if (namespaces.includes("*")) {
    if (namespaces.length > 1)
      errors.push(invalid(field, namespaces, "if '*' is present, must not specify other namespaces"));
  } else
    for (const [index, name] of namespaces.entries()) {
      const start = "each member of this list must be '*' or a DNS-1123 label; ";
      errors.push(
        ...wrong(
          `${field}[${index}]`,
          name,
          dnsLabelErrors(name).map((detail) => start + detail),
        ),
      );
    }
  return errors;
}

function validatePathRule(rule: DeepReadonly<NonResourcePolicyRule>, path: string): FieldError[] {
  const urls = rule.nonResourceURLs;
  const field = `${path}.nonResourceURLs`;
  const errors = validateVerbs(rule.verbs, `${path}.verbs`);
  if (urls.length === 0) return [...errors, required(field, "nonResourceURLs must contain at least one value")];
  if (urls.includes("*"))
    return urls.length > 1
      ? [...errors, invalid(field, urls, "if '*' is present, must not specify other non-resource URLs")]
      : errors;
  return [...errors, ...urls.flatMap((url, index) => wrong(`${field}[${index}]`, url, urlProblem(url)))];
}

function urlProblem(url: string): string[] {
  if (url === "") return ["must not be empty"];
  if (!url.startsWith("/")) return ["must start with slash"];
  if (url.includes(" ")) return ["must not contain white-space"];
  if (url.includes("//")) return ["must not contain double slash"];
  const stars = url.split("*").length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith("/*")) ? ["wildcard can only do suffix matching"] : [];
}

function validateConditions(object: DeepReadonly<FlowSchema | PriorityLevelConfiguration>): FieldError[] {
  const seen = new Set<string>();
  return (object.status?.conditions ?? []).flatMap(({ type = "" }, index) => {
    const field = `status.conditions[${index}].type`;
    const errors = seen.has(type) ? [duplicate(field, type)] : [];
    seen.add(type);
    return type === "" ? [...errors, required(field, "must not be empty")] : errors;
  });
}

function validatePriorityLevel(level: DeepReadonly<PriorityLevelConfiguration>): FieldError[] {
  const {
    type = "",
    limited,
    exempt,
  }: Partial<NonNullable<DeepReadonly<PriorityLevelConfiguration>["spec"]>> = level.spec ?? {};
  const errors: FieldError[] = [];
  if ((level.metadata.name === "exempt") !== (type === "Exempt"))
    errors.push(invalid("spec.type", type, "type must be 'Exempt' if and only if name is 'exempt'"));
  if (type === "Exempt") {
    if (limited !== undefined) errors.push(forbidden("spec.limited", "must be nil if the type is not Limited"));
    errors.push(...validateShares(exempt, "spec.exempt"));
  } else if (type === "Limited") {
    if (exempt !== undefined) errors.push(forbidden("spec.exempt", "must be nil if the type is Limited"));
    if (limited === undefined) errors.push(required("spec.limited", "must not be empty when type is Limited"));
    else {
      errors.push(...validateShares(limited, "spec.limited"));
      errors.push(...validateResponse(limited.limitResponse ?? { type: "" }, "spec.limited.limitResponse"));
      const borrowed = limited.borrowingLimitPercent;
      if (borrowed !== undefined && borrowed < 0)
        errors.push(
          invalid("spec.limited.borrowingLimitPercent", borrowed, "if specified, must be a non-negative integer"),
        );
    }
  } else errors.push(notSupported("spec.type", type, ["Exempt", "Limited"]));
  return [...errors, ...validateConditions(level)];
}

interface Shares {
  readonly nominalConcurrencyShares?: number | undefined;
  readonly lendablePercent?: number | undefined;
}

function validateShares(shares: Shares | undefined, path: string): FieldError[] {
  const { nominalConcurrencyShares: own = 0, lendablePercent: lent } = shares ?? {};
  const errors: FieldError[] = [];
  if (own < 0) errors.push(invalid(`${path}.nominalConcurrencyShares`, own, "must be a non-negative integer"));
  if (lent !== undefined && (lent < 0 || lent > 100))
    errors.push(invalid(`${path}.lendablePercent`, lent, "must be between 0 and 100, inclusive"));
  return errors;
}

function validateResponse({ type, queuing }: DeepReadonly<LimitResponse>, path: string): FieldError[] {
  const field = `${path}.queuing`;
  if (type === "Reject")
    return queuing === undefined ? [] : [forbidden(field, "must be nil if limited.limitResponse.type is not Limited")];
  if (type !== "Queue") return [notSupported(`${path}.type`, type, ["Queue", "Reject"])];
  return queuing === undefined
    ? [required(field, "must not be empty if limited.limitResponse.type is Limited")]
    : validateQueuing(queuing, field);
}

function validateQueuing(queuing: DeepReadonly<QueuingConfiguration>, path: string): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit: length = 0 } = queuing;
  const errors: FieldError[] = [];
  if (length <= 0) errors.push(invalid(`${path}.queueLengthLimit`, length, "must be positive"));
  if (queues <= 0) errors.push(invalid(`${path}.queues`, queues, "must be positive"));
  else if (queues > mostQueues)
    errors.push(invalid(`${path}.queues`, queues, `must not be greater than ${mostQueues}`));
  const field = `${path}.handSize`;
  if (handSize <= 0) errors.push(invalid(field, handSize, "must be positive"));
  else if (handSize > queues) errors.push(invalid(field, handSize, `should not be greater than queues (${queues})`));
  else if (Math.ceil(Math.log2(queues) * handSize) > mostHashBits) {
    const words = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${mostHashBits}`;
    errors.push(invalid(field, handSize, words));
  }
  return errors;
}

export const flowcontrolRules: RuleTable = {
  "flowcontrol/v1.FlowSchema": { object: validateFlowSchema, subresources: { status: validateConditions } },
  "flowcontrol/v1.PriorityLevelConfiguration": {
    object: validatePriorityLevel,
    subresources: { status: validateConditions },
  },
};
