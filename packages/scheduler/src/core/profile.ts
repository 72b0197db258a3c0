// A profile made ready: the plugins of its configuration as objects, at the points where they have their say. The first rule
// in the order of `filters` that turns a node down is the one that is named.
import type { DefaultPreemptionArgs } from "./configuration/plugin-args.ts";
import { defaultConfiguration } from "./configuration/configuration.ts";
import type { ExtensionPoint, ProfileConfiguration } from "./configuration/types.ts";
import type { Plugin } from "./plugin.ts";
import { dynamicResources } from "./plugins/dynamic-resources.ts";
import { imageLocality } from "./plugins/image-locality.ts";
import { interPodAffinity } from "./plugins/inter-pod-affinity.ts";
import { nodeAffinity } from "./plugins/node-affinity.ts";
import { nodeName } from "./plugins/node-name.ts";
import { nodePorts } from "./plugins/node-ports.ts";
import { nodeResourcesBalanced } from "./plugins/node-resources-balanced.ts";
import { nodeResourcesFit } from "./plugins/node-resources-fit.ts";
import { nodeUnschedulable } from "./plugins/node-unschedulable.ts";
import { nodeVolumeLimits } from "./plugins/node-volume-limits.ts";
import { podTopologySpread } from "./plugins/pod-topology-spread.ts";
import { schedulingGates } from "./plugins/scheduling-gates.ts";
import { taintToleration } from "./plugins/taint-toleration.ts";
import { volumeBinding } from "./plugins/volume-binding.ts";
import { volumeRestrictions } from "./plugins/volume-restrictions.ts";
import { volumeZone } from "./plugins/volume-zone.ts";

export interface Profile {
  readonly schedulerName: string;
  /** 0: chosen by the number of nodes. */
  readonly percentageOfNodesToScore: number;
  /** Every plugin that filters or scores, once; the other lists refer to it by place. */
  readonly plugins: readonly Plugin[];
  readonly filters: readonly number[];
  readonly scores: readonly { readonly index: number; readonly weight: number }[];
  readonly reserves: readonly number[];
  readonly preBinds: readonly number[];
  readonly preEnqueues: readonly Plugin[];
  readonly permits: readonly Plugin[];
  readonly postBinds: readonly Plugin[];
  /** Undefined: pods of this profile take nobody's place. */
  readonly preemption: DefaultPreemptionArgs | undefined;
}

/** A plugin that is compiled in beside Kubernetes' own, with the points at which it may be enabled. */
export interface ExtraPlugin {
  readonly plugin: Plugin;
  readonly points: readonly ExtensionPoint[];
}

export function createProfile(
  { schedulerName, percentageOfNodesToScore, plugins, args }: ProfileConfiguration,
  percentageOfAll = 0,
  extra: readonly ExtraPlugin[] = [],
): Profile {
  const known = new Map(
    [
      schedulingGates,
      nodeUnschedulable,
      nodeName,
      taintToleration,
      nodeAffinity(args.NodeAffinity),
      nodePorts,
      nodeResourcesFit(args.NodeResourcesFit),
      volumeRestrictions,
      nodeVolumeLimits,
      volumeBinding(args.VolumeBinding),
      volumeZone,
      dynamicResources,
      podTopologySpread(args.PodTopologySpread),
      interPodAffinity(args.InterPodAffinity),
      nodeResourcesBalanced(args.NodeResourcesBalancedAllocation),
      imageLocality,
      ...extra.map(({ plugin }) => plugin),
    ].map((plugin) => [plugin.name, plugin]),
  );
  const list: Plugin[] = [];
  const indexOf = (name: string): number => {
    const plugin = known.get(name) as Plugin;
    if (!list.includes(plugin)) list.push(plugin);
    return list.indexOf(plugin);
  };
  const present = (point: ExtensionPoint): readonly { readonly name: string; readonly weight: number }[] =>
    plugins[point].filter(({ name }) => known.has(name));
  const objects = (point: ExtensionPoint): readonly Plugin[] =>
    present(point).map(({ name }) => known.get(name) as Plugin);

  return {
    schedulerName,
    percentageOfNodesToScore: percentageOfNodesToScore ?? percentageOfAll,
    filters: present("filter").map(({ name }) => indexOf(name)),
    scores: present("score")
      .filter(({ name }) => known.get(name)?.score !== undefined)
      .map(({ name, weight }) => ({ index: indexOf(name), weight })),
    reserves: present("reserve").map(({ name }) => indexOf(name)),
    preBinds: present("preBind").map(({ name }) => indexOf(name)),
    plugins: list,
    preEnqueues: objects("preEnqueue"),
    permits: objects("permit"),
    postBinds: objects("postBind"),
    preemption: plugins.postFilter.some(({ name }) => name === "DefaultPreemption")
      ? args.DefaultPreemption
      : undefined,
  };
}

/** Kubernetes' default profile. */
export function defaultProfile(schedulerName = "default-scheduler"): Profile {
  const [profile] = defaultConfiguration(schedulerName).profiles;
  return createProfile(profile as ProfileConfiguration);
}
