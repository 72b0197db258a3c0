import { fieldErrorText } from "@coxswain/apimachinery";
import { describe, expect, test } from "vitest";
import { parseDuration } from "@coxswain/daemon";
import { createProfile } from "../profile.ts";
import { defaultConfiguration, readConfiguration } from "./configuration.ts";
import type { SchedulerConfiguration } from "./types.ts";

const header = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" };

function read(parts: object): { readonly configuration: SchedulerConfiguration; readonly errors: readonly string[] } {
  const { configuration, errors } = readConfiguration({ ...header, ...parts }, parseDuration);
  return { configuration, errors: errors.map(fieldErrorText) };
}

function profileOf(profile: object) {
  const { configuration, errors } = read({ profiles: [profile] });
  expect(errors).toEqual([]);
  const [first] = configuration.profiles;
  return first as NonNullable<typeof first>;
}

const filters = [
  "NodeUnschedulable",
  "NodeName",
  "TaintToleration",
  "NodeAffinity",
  "NodePorts",
  "NodeResourcesFit",
  "VolumeRestrictions",
  "NodeVolumeLimits",
  "VolumeBinding",
  "VolumeZone",
  "DynamicResources",
  "PodTopologySpread",
  "InterPodAffinity",
];
const names = (plugins: readonly { readonly name: string }[]): readonly string[] => plugins.map(({ name }) => name);

describe("a KubeSchedulerConfiguration", () => {
  test("without anything in it is Kubernetes' default", () => {
    const { configuration, errors } = read({});
    expect(errors).toEqual([]);
    expect(configuration).toEqual(defaultConfiguration());
    const [profile] = configuration.profiles;
    expect(names(profile?.plugins.filter ?? [])).toEqual(filters);
    expect(profile?.plugins.score).toEqual([
      { name: "TaintToleration", weight: 3 },
      { name: "NodeAffinity", weight: 2 },
      { name: "NodeResourcesFit", weight: 1 },
      { name: "VolumeBinding", weight: 1 },
      { name: "PodTopologySpread", weight: 2 },
      { name: "InterPodAffinity", weight: 2 },
      { name: "NodeResourcesBalancedAllocation", weight: 1 },
      { name: "ImageLocality", weight: 1 },
    ]);
  });

  test("disables a plugin at one point, or everywhere", () => {
    const once = profileOf({ plugins: { score: { disabled: [{ name: "TaintToleration" }] } } });
    expect(names(once.plugins.score)).not.toContain("TaintToleration");
    expect(names(once.plugins.filter)).toContain("TaintToleration");
    const everywhere = profileOf({ plugins: { multiPoint: { disabled: [{ name: "TaintToleration" }] } } });
    expect([names(everywhere.plugins.score), names(everywhere.plugins.filter)].flat()).not.toContain("TaintToleration");
  });

  test("gives a default another weight without moving it, and puts what a point names before the rest", () => {
    const weighted = profileOf({ plugins: { multiPoint: { enabled: [{ name: "ImageLocality", weight: 7 }] } } });
    expect(weighted.plugins.score.at(-1)).toEqual({ name: "ImageLocality", weight: 7 });
    const first = profileOf({ plugins: { filter: { enabled: [{ name: "InterPodAffinity" }] } } });
    expect(names(first.plugins.filter)).toEqual(["InterPodAffinity", ...filters.slice(0, -1)]);
  });

  test("keeps only what is named where all defaults are disabled", () => {
    const { plugins } = profileOf({
      plugins: { score: { disabled: [{ name: "*" }], enabled: [{ name: "ImageLocality" }] } },
    });
    expect(plugins.score).toEqual([{ name: "ImageLocality", weight: 1 }]);
  });

  test("reads the arguments of plugins", () => {
    const { args } = profileOf({
      pluginConfig: [
        {
          name: "NodeResourcesFit",
          args: {
            ignoredResources: ["example.com/dongle"],
            scoringStrategy: {
              type: "RequestedToCapacityRatio",
              resources: [{ name: "cpu", weight: 3 }],
              requestedToCapacityRatio: {
                shape: [
                  { utilization: 0, score: 0 },
                  { utilization: 100, score: 10 },
                ],
              },
            },
          },
        },
        {
          name: "PodTopologySpread",
          args: {
            defaultingType: "List",
            defaultConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
          },
        },
      ],
    });
    expect(args.NodeResourcesFit).toEqual({
      ignoredResources: ["example.com/dongle"],
      ignoredResourceGroups: [],
      scoringStrategy: {
        type: "RequestedToCapacityRatio",
        resources: [{ name: "cpu", weight: 3 }],
        shape: [
          { utilization: 0, score: 0 },
          { utilization: 100, score: 10 },
        ],
      },
    });
    expect(args.PodTopologySpread.system).toBe(false);
    expect(args.PodTopologySpread.constraints).toMatchObject([{ maxSkew: 1, topologyKey: "zone" }]);
  });

  test("has several profiles in one process, and extenders whose resources are none of ours", () => {
    const { configuration, errors } = read({
      profiles: [{ schedulerName: "one" }, { schedulerName: "two", percentageOfNodesToScore: 100 }],
      percentageOfNodesToScore: 30,
      extenders: [
        {
          urlPrefix: "http://127.0.0.1:8888/scheduler",
          filterVerb: "filter",
          httpTimeout: "2s",
          managedResources: [{ name: "example.com/gpu", ignoredByScheduler: true }],
        },
      ],
    });
    expect(errors).toEqual([]);
    expect(
      configuration.profiles.map((profile) => {
        const { schedulerName, percentageOfNodesToScore } = createProfile(
          profile,
          configuration.percentageOfNodesToScore,
        );
        return [schedulerName, percentageOfNodesToScore];
      }),
    ).toEqual([
      ["one", 30],
      ["two", 100],
    ]);
    expect(configuration.profiles[0]?.args.NodeResourcesFit.ignoredResources).toEqual(["example.com/gpu"]);
    expect(configuration.extenders[0]).toMatchObject({
      httpTimeoutMs: 2000,
      ignorable: false,
      nodeCacheCapable: false,
    });
  });

  const withArgs = (name: string, args: object): object => ({ profiles: [{ pluginConfig: [{ name, args }] }] });
  test.each<readonly [string, object, string]>([
    [
      "another version",
      { apiVersion: "kubescheduler.config.k8s.io/v9" },
      'apiVersion: Unsupported value: "kubescheduler.config.k8s.io/v9": supported values: "kubescheduler.config.k8s.io/v1"',
    ],
    ["another kind", { kind: "Pod" }, 'kind: Unsupported value: "Pod": supported values: "KubeSchedulerConfiguration"'],
    ["an unknown field", { profils: [] }, 'profils: Invalid value: "profils": unknown field'],
    ["no profile", { profiles: [] }, "profiles: Required value"],
    [
      "a profile twice",
      { profiles: [{}, {}] },
      'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
    ],
    [
      "a percentage above 100",
      { percentageOfNodesToScore: 101 },
      "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
    ],
    [
      "a pause of nothing",
      { podInitialBackoffSeconds: 0 },
      "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0",
    ],
    [
      "an unknown plugin",
      { profiles: [{ plugins: { filter: { enabled: [{ name: "NodeGuess" }] } } }] },
      'profiles[0].plugins.filter.enabled[0].name: Invalid value: "NodeGuess": plugin "NodeGuess" does not exist',
    ],
    [
      "a plugin at a point it has no say at",
      { profiles: [{ plugins: { score: { enabled: [{ name: "NodeName" }] } } }] },
      'profiles[0].plugins.score.enabled[0].name: Invalid value: "NodeName": plugin "NodeName" does not extend score plugin',
    ],
    [
      "a misspelt plugin that is disabled",
      { profiles: [{ plugins: { score: { disabled: [{ name: "ImageLocalty" }] } } }] },
      'profiles[0].plugins.score.disabled[0].name: Invalid value: "ImageLocalty": plugin "ImageLocalty" does not exist',
    ],
    [
      "arguments for an unknown plugin",
      withArgs("NodeGuess", {}),
      'profiles[0].pluginConfig[0].name: Invalid value: "NodeGuess": plugin "NodeGuess" does not exist',
    ],
    [
      "an unknown argument",
      withArgs("InterPodAffinity", { hardWeight: 3 }),
      'profiles[0].pluginConfig[0].args.hardWeight: Invalid value: "hardWeight": unknown field',
    ],
    [
      "an argument for a plugin that takes none",
      withArgs("NodeName", { strict: true }),
      'profiles[0].pluginConfig[0].args.strict: Invalid value: "strict": unknown field',
    ],
    [
      "an argument of another type",
      withArgs("InterPodAffinity", { hardPodAffinityWeight: "much" }),
      'profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: "much": expected a whole number',
    ],
    [
      "a weight out of range",
      withArgs("InterPodAffinity", { hardPodAffinityWeight: 101 }),
      "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]",
    ],
    [
      "no candidates for preemption",
      withArgs("DefaultPreemption", { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }),
      "profiles[0].pluginConfig[0].args.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute",
    ],
    [
      "an unknown strategy",
      withArgs("NodeResourcesFit", { scoringStrategy: { type: "Best" } }),
      'profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
    ],
    [
      "a curve without points",
      withArgs("NodeResourcesFit", { scoringStrategy: { type: "RequestedToCapacityRatio" } }),
      "profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio",
    ],
    [
      "default constraints of the system's own",
      withArgs("PodTopologySpread", {
        defaultConstraints: [{ maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule" }],
      }),
      'profiles[0].pluginConfig[0].args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
    ],
    [
      "a negative time to bind",
      withArgs("VolumeBinding", { bindTimeoutSeconds: -1 }),
      "profiles[0].pluginConfig[0].args.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value",
    ],
    [
      "nobody to bind",
      { profiles: [{ plugins: { bind: { disabled: [{ name: "*" }] } } }] },
      'profiles[0].plugins.bind: Required value: at least one bind plugin is needed for profile with scheduler name "default-scheduler"',
    ],
    [
      "no order of the queue",
      { profiles: [{ plugins: { queueSort: { disabled: [{ name: "*" }] } } }] },
      'profiles[0].plugins.queueSort: Invalid value: "": only one queue sort plugin required for profile with scheduler name "default-scheduler", but got 0',
    ],
    [
      "an extender that prefers without weight",
      { extenders: [{ urlPrefix: "http://x", prioritizeVerb: "p" }] },
      "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it",
    ],
    [
      "two extenders that bind",
      {
        extenders: [
          { urlPrefix: "http://x", bindVerb: "b" },
          { urlPrefix: "http://y", bindVerb: "b" },
        ],
      },
      'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
    ],
    [
      "a managed resource that is none",
      { extenders: [{ urlPrefix: "http://x", managedResources: [{ name: "cpu" }] }] },
      'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name',
    ],
    [
      "a lease shorter than its renewal",
      { leaderElection: { leaseDuration: "5s", renewDeadline: "10s" } },
      'leaderElection.leaseDuration: Invalid value: "5s": LeaseDuration must be greater than RenewDeadline',
    ],
  ])("is refused for %s, with the field named", (_what, parts, text) => {
    const { errors } = read(parts);
    expect(errors.map((error) => error.slice(0, text.length))).toContain(text);
  });
});
