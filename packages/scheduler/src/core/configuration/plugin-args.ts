// The arguments of every plugin: what they are, what they are when nothing is said, and what is refused (after Kubernetes'
// validation_pluginargs.go). A plugin that takes none refuses any.
import { fieldErrors, qualifiedNameErrors } from "@coxswain/apimachinery";
import type { NodeAffinityArgs } from "../plugins/node-affinity.ts";
import type { NodeResourcesBalancedArgs } from "../plugins/node-resources-balanced.ts";
import type { NodeResourcesFitArgs } from "../plugins/node-resources-fit.ts";
import type { InterPodAffinityArgs } from "../plugins/inter-pod-affinity.ts";
import type { ResourceWeight, ScoringStrategy, ShapePoint } from "../plugins/resource-scoring.ts";
import type { VolumeBindingArgs } from "../plugins/volume-binding.ts";
import type { SpreadDefaults } from "../topology-spread.ts";
import type { NodeAffinity, TopologySpreadConstraint } from "@coxswain/api/core/v1";
import type { Reader } from "./reader.ts";

export interface DefaultPreemptionArgs {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

export interface PluginArgs {
  readonly DefaultPreemption: DefaultPreemptionArgs;
  readonly InterPodAffinity: InterPodAffinityArgs;
  readonly NodeAffinity: NodeAffinityArgs;
  readonly NodeResourcesBalancedAllocation: NodeResourcesBalancedArgs;
  readonly NodeResourcesFit: NodeResourcesFitArgs;
  readonly PodTopologySpread: SpreadDefaults;
  readonly VolumeBinding: VolumeBindingArgs;
}

const evenly: readonly ResourceWeight[] = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];
const systemConstraints: readonly TopologySpreadConstraint[] = [
  { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway", maxSkew: 3 },
  { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway", maxSkew: 5 },
];

export const defaultArgs: PluginArgs = {
  DefaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 },
  InterPodAffinity: { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
  NodeAffinity: {},
  NodeResourcesBalancedAllocation: { resources: evenly },
  NodeResourcesFit: {
    ignoredResources: [],
    ignoredResourceGroups: [],
    scoringStrategy: { type: "LeastAllocated", resources: evenly, shape: [] },
  },
  PodTopologySpread: { constraints: systemConstraints, system: true },
  VolumeBinding: { bindTimeoutSeconds: 600 },
};

type ArgsReaders = { readonly [Name in keyof PluginArgs]: (args: Reader) => PluginArgs[Name] };

export const argsReaders: ArgsReaders = {
  DefaultPreemption(args) {
    const read = {
      minCandidateNodesPercentage: args.integer("minCandidateNodesPercentage", 10),
      minCandidateNodesAbsolute: args.integer("minCandidateNodesAbsolute", 100),
    };
    const { minCandidateNodesPercentage: share, minCandidateNodesAbsolute: absolute } = read;
    if (share < 0 || share > 100) args.invalid("minCandidateNodesPercentage", "not in valid range [0, 100]");
    if (absolute < 0) args.invalid("minCandidateNodesAbsolute", "not in valid range [0, inf)");
    if (share === 0 && absolute === 0)
      args.invalid("minCandidateNodesPercentage", "cannot be zero at the same time as minCandidateNodesAbsolute");
    return read;
  },
  InterPodAffinity(args) {
    const hardPodAffinityWeight = args.integer("hardPodAffinityWeight", 1);
    if (hardPodAffinityWeight < 0 || hardPodAffinityWeight > 100)
      args.invalid("hardPodAffinityWeight", "not in valid range [0, 100]");
    return {
      hardPodAffinityWeight,
      ignorePreferredTermsOfExistingPods: args.boolean("ignorePreferredTermsOfExistingPods"),
    };
  },
  NodeAffinity(args) {
    if (!args.has("addedAffinity")) return {};
    const added = args.object("addedAffinity");
    checkTerms(added.object("requiredDuringSchedulingIgnoredDuringExecution"), "nodeSelectorTerms");
    for (const wish of added.objects("preferredDuringSchedulingIgnoredDuringExecution")) {
      wish.integer("weight", 0);
      checkTerm(wish.object("preference"));
      wish.end();
    }
    added.end();
    return { addedAffinity: args.raw("addedAffinity") as NodeAffinity };
  },
  NodeResourcesBalancedAllocation(args) {
    if (!args.has("resources")) return { resources: evenly };
    const resources = readWeights(args, "resources");
    const seen = new Set<string>();
    resources.forEach(({ name, weight }, index) => {
      const path = `${args.at("resources")}[${index}]`;
      if (seen.has(name)) args.errors.push(fieldErrors.duplicate(`${path}.name`, name));
      seen.add(name);
      if (weight !== 1) args.errors.push(fieldErrors.invalid(`${path}.weight`, weight, "must be 1"));
    });
    return { resources };
  },
  NodeResourcesFit(args) {
    const ignoredResources = args.strings("ignoredResources");
    const ignoredResourceGroups = args.strings("ignoredResourceGroups");
    checkNames(args, "ignoredResources", ignoredResources);
    ignoredResourceGroups.forEach((group, index) => {
      if (group.includes("/"))
        args.errors.push(
          fieldErrors.invalid(
            `${args.at("ignoredResourceGroups")}[${index}]`,
            group,
            "resource group name can't contain '/'",
          ),
        );
    });
    const scoringStrategy = args.has("scoringStrategy")
      ? readStrategy(args.object("scoringStrategy"))
      : defaultArgs.NodeResourcesFit.scoringStrategy;
    return { ignoredResources, ignoredResourceGroups, scoringStrategy };
  },
  PodTopologySpread(args) {
    const constraints = args.objects("defaultConstraints").map(readConstraint);
    const defaultingType = args.string("defaultingType", "System");
    if (defaultingType !== "System" && defaultingType !== "List")
      args.errors.push(fieldErrors.notSupported(args.at("defaultingType"), defaultingType, ["List", "System"]));
    if (defaultingType === "System" && constraints.length > 0)
      args.errors.push(
        fieldErrors.invalid(args.at("defaultingType"), defaultingType, "when .defaultConstraints are not empty"),
      );
    constraints.forEach(({ topologyKey, whenUnsatisfiable }, index) => {
      const first = constraints.findIndex(
        (other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable,
      );
      if (first < index)
        args.errors.push(
          fieldErrors.duplicate(`${args.at("defaultConstraints")}[${index}]`, `{${topologyKey}, ${whenUnsatisfiable}}`),
        );
    });
    return defaultingType === "List" ? { constraints, system: false } : defaultArgs.PodTopologySpread;
  },
  VolumeBinding(args) {
    const bindTimeoutSeconds = args.integer("bindTimeoutSeconds", 600);
    if (bindTimeoutSeconds < 0)
      args.invalid("bindTimeoutSeconds", "invalid BindTimeoutSeconds, should not be a negative value");
    if (args.has("shape")) args.invalid("shape", "unexpected field `shape`: volumes are not scored by their capacity");
    args.raw("shape");
    return { bindTimeoutSeconds };
  },
};

function readStrategy(reader: Reader): ScoringStrategy {
  const types = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] as const;
  const text = reader.string("type", "LeastAllocated");
  const type = types.find((one) => one === text);
  if (type === undefined) reader.errors.push(fieldErrors.notSupported(reader.at("type"), text, types));
  const resources = reader.has("resources") ? readWeights(reader, "resources") : evenly;
  resources.forEach(({ name, weight }, index) => {
    if (weight <= 0 || weight > 100)
      reader.errors.push(
        fieldErrors.invalid(
          `${reader.at("resources")}[${index}].weight`,
          weight,
          `resource weight of ${name} not in valid range (0, 100]`,
        ),
      );
  });
  const param = reader.object("requestedToCapacityRatio");
  const shape = param.objects("shape").map(readPoint);
  param.end();
  if (type === "RequestedToCapacityRatio") {
    if (!reader.has("requestedToCapacityRatio"))
      reader.required("requestedToCapacityRatio", "must be specified when type is RequestedToCapacityRatio");
    else checkShape(param, shape);
  } else if (reader.has("requestedToCapacityRatio"))
    reader.errors.push(
      fieldErrors.forbidden(
        reader.at("requestedToCapacityRatio"),
        "must be nil when type is not RequestedToCapacityRatio",
      ),
    );
  reader.end();
  return { type: type ?? "LeastAllocated", resources, shape };
}

function readPoint(reader: Reader): ShapePoint {
  const point = { utilization: reader.integer("utilization", 0), score: reader.integer("score", 0) };
  if (point.utilization < 0 || point.utilization > 100) reader.invalid("utilization", "not in valid range [0, 100]");
  if (point.score < 0 || point.score > 10) reader.invalid("score", "not in valid range [0, 10]");
  reader.end();
  return point;
}

function checkShape(reader: Reader, shape: readonly ShapePoint[]): void {
  if (shape.length === 0) reader.required("shape", "at least one point must be specified");
  const index = shape.findIndex((point, at) => at > 0 && (shape[at - 1]?.utilization ?? 0) >= point.utilization);
  if (index > 0)
    reader.errors.push(
      fieldErrors.invalid(
        `${reader.at("shape")}[${index}].utilization`,
        shape[index]?.utilization,
        "values must be sorted in increasing order",
      ),
    );
}

function readWeights(reader: Reader, name: string): readonly ResourceWeight[] {
  return reader.objects(name).map((one) => {
    const resource = one.string("name");
    const weight = one.integer("weight", 1);
    if (resource === "") one.required("name");
    one.end();
    return { name: resource, weight: weight === 0 ? 1 : weight };
  });
}

function readConstraint(reader: Reader): TopologySpreadConstraint {
  const maxSkew = reader.integer("maxSkew", 0);
  const topologyKey = reader.string("topologyKey");
  const text = reader.string("whenUnsatisfiable");
  const whenUnsatisfiable = (["DoNotSchedule", "ScheduleAnyway"] as const).find((one) => one === text);
  if (maxSkew <= 0) reader.invalid("maxSkew", "not in valid range (0, inf)");
  if (topologyKey === "") reader.required("topologyKey", "can not be empty");
  if (text === "") reader.required("whenUnsatisfiable", "can not be empty");
  else if (whenUnsatisfiable === undefined)
    reader.errors.push(
      fieldErrors.notSupported(reader.at("whenUnsatisfiable"), text, ["DoNotSchedule", "ScheduleAnyway"]),
    );
  if (reader.has("labelSelector"))
    reader.errors.push(
      fieldErrors.forbidden(
        reader.at("labelSelector"),
        "constraint must not define a selector, as they deduced for each pod",
      ),
    );
  reader.raw("labelSelector");
  const minDomains = reader.optionalInteger("minDomains");
  const nodeAffinityPolicy = reader.string("nodeAffinityPolicy", "Honor");
  const nodeTaintsPolicy = reader.string("nodeTaintsPolicy", "Ignore");
  reader.end();
  return {
    maxSkew,
    topologyKey,
    whenUnsatisfiable: whenUnsatisfiable ?? "ScheduleAnyway",
    nodeAffinityPolicy: nodeAffinityPolicy === "Ignore" ? "Ignore" : "Honor",
    nodeTaintsPolicy: nodeTaintsPolicy === "Honor" ? "Honor" : "Ignore",
    ...(minDomains === undefined ? {} : { minDomains }),
  };
}

function checkTerms(reader: Reader, name: string): void {
  for (const term of reader.objects(name)) checkTerm(term);
  reader.end();
}

function checkTerm(reader: Reader): void {
  const operators = ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"];
  for (const list of ["matchExpressions", "matchFields"])
    for (const requirement of reader.objects(list)) {
      if (requirement.string("key") === "") requirement.required("key");
      const operator = requirement.string("operator");
      if (!operators.includes(operator))
        reader.errors.push(fieldErrors.notSupported(requirement.at("operator"), operator, operators));
      requirement.strings("values");
      requirement.end();
    }
  reader.end();
}

function checkNames(reader: Reader, name: string, values: readonly string[]): void {
  values.forEach((value, index) => {
    for (const detail of qualifiedNameErrors(value))
      reader.errors.push(fieldErrors.invalid(`${reader.at(name)}[${index}]`, value, detail));
  });
}
