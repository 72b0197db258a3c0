import { describe, expect, test } from "vitest";
import { cluster, decide, node, pod } from "../../testing/builders.ts";
import type { SpecParts } from "../../testing/builders.ts";
import { defaultConfiguration } from "./configuration/configuration.ts";
import type { ProfileConfiguration } from "./configuration/types.ts";
import { written } from "./explain.ts";
import { createProfile } from "./profile.ts";
import { podRequests } from "./resources.ts";
import type { PodView } from "./resources.ts";

type Container = NonNullable<SpecParts["containers"]>[number];
const container = (name: string, cpu: string, more: Partial<Container> = {}): Container => ({
  name,
  image: "i",
  resources: { requests: { cpu } },
  ...more,
});
const cpuOf = (spec: SpecParts, status?: PodView["status"]): number | undefined =>
  podRequests({ ...pod("a", {}, spec), ...(status === undefined ? {} : { status }) }).get("cpu");

describe("what a pod asks for", () => {
  test.each<readonly [string, SpecParts, number]>([
    ["is the sum of its containers", { containers: [container("a", "1"), container("b", "500m")] }, 1500],
    [
      "is the largest init container, if that is more",
      { containers: [container("a", "1")], initContainers: [container("i", "3"), container("j", "2")] },
      3000,
    ],
    [
      "counts a sidecar for all its life",
      {
        containers: [container("a", "1")],
        initContainers: [container("s", "500m", { restartPolicy: "Always" })],
      },
      1500,
    ],
    [
      "counts sidecars that run already beside a later init container",
      {
        containers: [container("a", "1")],
        initContainers: [
          container("early", "3"),
          container("s", "500m", { restartPolicy: "Always" }),
          container("late", "2800m"),
        ],
      },
      3300,
    ],
    [
      "is what the pod as a whole asks for, if it does",
      { containers: [container("a", "1")], resources: { requests: { cpu: "2" } } },
      2000,
    ],
    ["has the overhead of its runtime added", { containers: [container("a", "1")], overhead: { cpu: "250m" } }, 1250],
  ])("%s", (_what, spec, cpu) => {
    expect(cpuOf(spec)).toBe(cpu);
  });

  test("is what it holds, while it is resized to less in place, and what it wants, while to more", () => {
    const status = (requests: Record<string, string>, reason?: string): PodView["status"] => ({
      containerStatuses: [
        { name: "a", image: "i", imageID: "", ready: true, restartCount: 0, resources: { requests } },
      ],
      ...(reason === undefined ? {} : { conditions: [{ type: "PodResizePending", status: "True", reason }] }),
    });
    const spec = { containers: [container("a", "1")] };
    expect(cpuOf(spec, status({ cpu: "2" }))).toBe(2000);
    expect(cpuOf(spec, status({ cpu: "500m" }))).toBe(1000);
    expect(cpuOf(spec, status({ cpu: "500m" }, "Infeasible"))).toBe(500);
  });
});

describe("NodeResourcesFit", () => {
  const strategies = (args: object) => {
    const [profile] = defaultConfiguration().profiles as [ProfileConfiguration];
    const fit = { ...profile.args.NodeResourcesFit, ...args };
    return createProfile({ ...profile, args: { ...profile.args, NodeResourcesFit: fit } });
  };
  const scores = (args: object): readonly (number | undefined)[] => {
    const state = cluster([node("full"), node("empty")], [pod("b", { cpu: "2", memory: "4Gi" }, { nodeName: "full" })]);
    const { scored } = written(decide(state, pod("a", { cpu: "1", memory: "2Gi" }), strategies(args)));
    return ["full", "empty"].map((name) => scored.find((one) => one.node === name)?.scores["NodeResourcesFit"]);
  };
  const evenly = [
    { name: "cpu", weight: 1 },
    { name: "memory", weight: 1 },
  ];

  test.each<readonly [string, object, readonly number[]]>([
    ["the emptiest", { type: "LeastAllocated", resources: evenly, shape: [] }, [25, 75]],
    ["the fullest", { type: "MostAllocated", resources: evenly, shape: [] }, [75, 25]],
    [
      "by a curve",
      {
        type: "RequestedToCapacityRatio",
        resources: evenly,
        shape: [
          { utilization: 0, score: 0 },
          { utilization: 50, score: 10 },
          { utilization: 100, score: 0 },
        ],
      },
      [50, 50],
    ],
  ])("prefers %s", (_what, scoringStrategy, expected) => {
    expect(scores({ scoringStrategy })).toEqual(expected);
  });

  test("leaves resources alone that it is told to ignore, by name or by group", () => {
    const asked = pod("a", { "example.com/gpu": "1" });
    const fits = (args: object): boolean => decide(cluster([node("n")]), asked, strategies(args)).node !== undefined;
    expect([
      fits({}),
      fits({ ignoredResources: ["example.com/gpu"] }),
      fits({ ignoredResourceGroups: ["example.com"] }),
    ]).toEqual([false, true, true]);
  });

  test("turns down what cannot be, and says that nobody's leaving would help", () => {
    const record = decide(cluster([node("n")]), pod("a", { cpu: "9007199254740993", memory: "16Ei" }));
    expect(record.filtered.rejected.map(({ rejection }) => rejection)).toEqual([
      { reasons: ["Insufficient cpu", "Insufficient memory"], unresolvable: true },
    ]);
  });
});
