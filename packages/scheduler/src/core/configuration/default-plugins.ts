// Which plugins there are, at which points of a cycle each has its say, and which are on when nothing is said: Kubernetes'
// default profile, in its order and with its weights.
import type { EnabledPlugin, ExtensionPoint } from "./types.ts";

const filter = ["preFilter", "filter"] as const;
const score = ["preScore", "score"] as const;

export const pluginPoints: Readonly<Record<string, readonly ExtensionPoint[]>> = {
  SchedulingGates: ["preEnqueue"],
  PrioritySort: ["queueSort"],
  NodeUnschedulable: ["filter"],
  NodeName: ["filter"],
  TaintToleration: ["filter", ...score],
  NodeAffinity: [...filter, ...score],
  NodePorts: filter,
  NodeResourcesFit: [...filter, ...score],
  VolumeRestrictions: filter,
  NodeVolumeLimits: filter,
  VolumeBinding: [...filter, ...score, "reserve", "preBind"],
  VolumeZone: filter,
  DynamicResources: filter,
  PodTopologySpread: [...filter, ...score],
  InterPodAffinity: [...filter, ...score],
  DefaultPreemption: ["postFilter"],
  NodeResourcesBalancedAllocation: score,
  ImageLocality: ["score"],
  DefaultBinder: ["bind"],
};

const weights: Readonly<Record<string, number>> = {
  TaintToleration: 3,
  NodeAffinity: 2,
  PodTopologySpread: 2,
  InterPodAffinity: 2,
};

export const defaultPlugins: readonly EnabledPlugin[] = Object.keys(pluginPoints).map((name) => ({
  name,
  weight: weights[name] ?? 1,
}));

/** Plugins that Kubernetes has or had and we have not: to disable them is no mistake. */
export const plugInsOfOthers: ReadonlySet<string> = new Set([
  "AzureDiskLimits",
  "CinderLimits",
  "DeferredPodScheduling",
  "EBSLimits",
  "GCEPDLimits",
  "GangScheduling",
  "NodeDeclaredFeatures",
  "NodeLabel",
  "NodePreferAvoidPods",
  "NodeResourcesLeastAllocated",
  "NodeResourcesMostAllocated",
  "RequestedToCapacityRatio",
  "SelectorSpread",
  "ServiceAffinity",
]);
