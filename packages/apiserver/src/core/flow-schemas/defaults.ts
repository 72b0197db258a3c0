// The flow schemas and priority levels that every cluster has, with Kubernetes' own numbers (its `flowcontrol/bootstrap`), and what becomes
// of those that are stored: the mandatory ones are put right always, the suggested ones unless an administrator has taken them over.
import type {
  FlowSchema,
  FlowSchemaSpec,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  ResourcePolicyRule,
  Subject,
} from "@coxswain/api/flowcontrol/v1";
import { jsonEqual } from "@coxswain/apimachinery";

const apiVersion = "flowcontrol.apiserver.k8s.io/v1";
const autoUpdate = "apf.kubernetes.io/autoupdate-spec";
const mandatory: ReadonlySet<string> = new Set(["exempt", "catch-all"]);

type Default = FlowSchema | PriorityLevelConfiguration;

const limited = (
  nominalConcurrencyShares: number,
  lendablePercent: number,
  queues?: number,
  handSize?: number,
): PriorityLevelConfigurationSpec => ({
  type: "Limited",
  limited: {
    nominalConcurrencyShares,
    limitResponse:
      queues === undefined
        ? { type: "Reject" }
        : { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } },
    lendablePercent,
  },
});

const levels: Readonly<Record<string, PriorityLevelConfigurationSpec>> = {
  exempt: { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  "catch-all": limited(5, 0),
  system: limited(30, 33, 64, 6),
  "node-high": limited(40, 25, 64, 6),
  "leader-election": limited(10, 0, 16, 4),
  "workload-high": limited(40, 50, 128, 6),
  "workload-low": limited(100, 90, 128, 6),
  "global-default": limited(20, 50, 128, 6),
};

const groups = (...names: string[]): Subject[] => names.map((name) => ({ kind: "Group", group: { name } }));
const users = (...names: string[]): Subject[] => names.map((name) => ({ kind: "User", user: { name } }));
const systemAccounts = (...names: string[]): Subject[] =>
  names.map((name) => ({ kind: "ServiceAccount", serviceAccount: { namespace: "kube-system", name } }));
const everybody = groups("system:unauthenticated", "system:authenticated");

/** In all namespaces. */
const rule = (verbs: string[], apiGroup: string, resources: string[], clusterScope = false): ResourcePolicyRule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
  ...(clusterScope && { clusterScope }),
  namespaces: ["*"],
});
const everything = (subjects: Subject[]): PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [rule(["*"], "*", ["*"], true)],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
});
const election = ["get", "create", "update"];
const leases = rule(election, "coordination.k8s.io", ["leases"]);

const schema = (
  level: string,
  matchingPrecedence: number,
  by: "ByUser" | "ByNamespace" | undefined,
  rules: PolicyRulesWithSubjects,
): FlowSchemaSpec => ({
  priorityLevelConfiguration: { name: level },
  matchingPrecedence,
  ...(by && { distinguisherMethod: { type: by } }),
  rules: [rules],
});

const manager = "system:kube-controller-manager";
const scheduler = "system:kube-scheduler";
const schemas: Readonly<Record<string, FlowSchemaSpec>> = {
  exempt: schema("exempt", 1, undefined, everything(groups("system:masters"))),
  probes: schema("exempt", 2, undefined, {
    subjects: everybody,
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
  }),
  "system-leader-election": schema("leader-election", 100, "ByUser", {
    subjects: [...users(manager, scheduler), ...systemAccounts("*")],
    resourceRules: [leases],
  }),
  "endpoint-controller": schema("workload-high", 150, "ByUser", {
    subjects: [...users(manager), ...systemAccounts("endpoint-controller", "endpointslicemirroring-controller")],
    resourceRules: [rule(election, "", ["endpoints"])],
  }),
  "workload-leader-election": schema("leader-election", 200, "ByUser", {
    subjects: systemAccounts("*"),
    resourceRules: [rule(election, "", ["endpoints", "configmaps"]), leases],
  }),
  "system-node-high": schema("node-high", 400, "ByUser", {
    subjects: groups("system:nodes"),
    resourceRules: [rule(["*"], "", ["nodes", "nodes/status"], true), rule(["*"], "coordination.k8s.io", ["leases"])],
  }),
  "system-nodes": schema("system", 500, "ByUser", everything(groups("system:nodes"))),
  "kube-controller-manager": schema("workload-high", 800, "ByNamespace", everything(users(manager))),
  "kube-scheduler": schema("workload-high", 800, "ByNamespace", everything(users(scheduler))),
  "kube-system-service-accounts": schema("workload-high", 900, "ByNamespace", everything(systemAccounts("*"))),
  "service-accounts": schema("workload-low", 9000, "ByUser", everything(groups("system:serviceaccounts"))),
  "global-default": schema("global-default", 9900, "ByUser", everything(everybody)),
  "catch-all": schema("catch-all", 10_000, "ByUser", everything(everybody)),
};

const metadataOf = (name: string): FlowSchema["metadata"] => ({ name, annotations: { [autoUpdate]: "true" } });

export const defaultLevels: readonly PriorityLevelConfiguration[] = Object.entries(levels).map(([name, spec]) => ({
  apiVersion,
  kind: "PriorityLevelConfiguration",
  metadata: metadataOf(name),
  spec,
}));

export const defaultSchemas: readonly FlowSchema[] = Object.entries(schemas).map(([name, spec]) => ({
  apiVersion,
  kind: "FlowSchema",
  metadata: metadataOf(name),
  spec,
}));

/** The stored object as it should be; undefined when it may stay as it is. */
export function mended<T extends Default>(stored: T, wanted: T): T | undefined {
  const said = stored.metadata.annotations?.[autoUpdate];
  const isMandatory = mandatory.has(stored.metadata.name);
  // What says nothing is ours as long as nobody has changed it.
  const isOurs = isMandatory || (said === undefined ? stored.metadata.generation === 1 : said === "true");
  const mark = isMandatory || said === undefined ? String(isOurs) : said;
  const spec = isOurs ? wanted.spec : stored.spec;
  if (said === mark && jsonEqual(stored.spec, spec)) return undefined;
  const { generation = 1 } = stored.metadata;
  return {
    ...stored,
    metadata: {
      ...stored.metadata,
      annotations: { ...stored.metadata.annotations, [autoUpdate]: mark },
      generation: jsonEqual(stored.spec, spec) ? generation : generation + 1,
    },
    spec,
  };
}
