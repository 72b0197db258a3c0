// The arithmetic of an autoscaler: Kubernetes' documented cases, and what must hold for all.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import { replicasForAverage, replicasForShare, replicasForTotal, replicasForUtilization } from "./replicas.ts";
import type { Population, Sample } from "./replicas.ts";

const nowMs = 1_700_000_000_000;

interface Described {
  readonly phase?: string;
  readonly ready?: boolean;
  readonly startedAgoMs?: number;
  readonly changedAgoMs?: number;
  readonly request?: string;
}

function pod(index: number, described: Described = {}): Pod {
  const {
    phase = "Running",
    ready = true,
    startedAgoMs = 3_600_000,
    changedAgoMs = 3_000_000,
    request = "1",
  } = described;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `pod-${index}`, namespace: "default" },
    spec: { containers: [{ name: "main", image: "i", resources: { requests: { cpu: request } } }] },
    status: {
      phase: phase as NonNullable<Pod["status"]>["phase"],
      startTime: rfc3339(nowMs - startedAgoMs),
      conditions: [
        { type: "Ready", status: ready ? "True" : "False", lastTransitionTime: rfc3339(nowMs - changedAgoMs) },
      ],
    },
  };
}

function population(pods: readonly Pod[], currentReplicas = pods.length): Population {
  return {
    pods,
    currentReplicas,
    tolerance: { up: 0.1, down: 0.1 },
    nowMs,
    cpuInitializationMs: 300_000,
    readinessDelayMs: 30_000,
  };
}

/** One sample for each amount; undefined for a pod that says nothing. */
const samples = (...milli: readonly (number | undefined)[]): ReadonlyMap<string, Sample> =>
  new Map(
    milli.flatMap((amount, index) =>
      amount === undefined
        ? []
        : [[`pod-${index}`, { milli: amount, atMs: nowMs - 10_000, windowMs: 30_000 }] as const],
    ),
  );

describe("replicas for a utilization", () => {
  const of = (described: readonly Described[], used: readonly (number | undefined)[], target: number) =>
    replicasForUtilization(population(described.map((one, index) => pod(index, one))), samples(...used), "cpu", target);

  it("grow and shrink with the ratio, and stay within the tolerance", () => {
    expect(of([{}, {}, {}], [300, 500, 700], 30)).toEqual({ replicas: 5, utilization: 50, averageMilli: 500 });
    expect(of([{}, {}, {}, {}, {}], [100, 300, 500, 250, 250], 50)).toEqual({
      replicas: 3,
      utilization: 28,
      averageMilli: 280,
    });
    expect(of([{}, {}, {}], [1010, 1030, 1020], 100)).toEqual({ replicas: 3, utilization: 102, averageMilli: 1020 });
  });

  it("count pods that are not ready yet as idle when that slows growth", () => {
    const starting = { ready: false, startedAgoMs: 60_000, changedAgoMs: 60_000 };
    expect(of([starting, {}, {}], [300, 500, 700], 30)).toMatchObject({ replicas: 4, utilization: 60 });
    expect(of([starting, {}, starting], [400, 500, 700], 30)).toMatchObject({ replicas: 3, utilization: 50 });
    expect(of([{ phase: "Pending" }, {}, {}], [undefined, 500, 700], 30)).toMatchObject({ replicas: 4 });
  });

  it("count pods without a sample as idle when growing and as fully busy when shrinking", () => {
    expect(of([{}, {}, {}], [undefined, 500, 700], 30)).toMatchObject({ replicas: 4 });
    expect(of([{}, {}, {}, {}, {}], [undefined, 100, 100, 100, 100], 50)).toMatchObject({ replicas: 3 });
    expect(of([{}, {}], [undefined, 450], 50)).toMatchObject({ replicas: 2 });
  });

  it("take no notice of pods that are going or have failed", () => {
    expect(of([{}, {}, { phase: "Failed" }], [500, 700, 100], 30)).toMatchObject({ replicas: 4, utilization: 60 });
  });

  it("are not told without requests, samples or pods", () => {
    const bare = pod(0);
    const without = { ...bare, spec: { containers: [{ name: "main", image: "i" }] } };
    expect(replicasForUtilization(population([without]), samples(100), "cpu", 50)).toEqual({
      wrong: "missing request for cpu in container main of Pod pod-0",
    });
    expect(of([{ phase: "Pending" }], [undefined], 50)).toEqual({
      wrong: "did not receive metrics for targeted pods (pods might be unready)",
    });
    expect(of([], [], 50)).toEqual({ wrong: "no pods returned by selector while calculating replica count" });
  });

  it("never turn a change round because of pods that say nothing, and never exceed what all ready pods would give", () => {
    const described = fc.record({
      phase: fc.constantFrom("Running", "Running", "Pending", "Failed"),
      ready: fc.boolean(),
      startedAgoMs: fc.integer({ min: 0, max: 600_000 }),
    });
    const one = fc.tuple(described, fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 150 }), (pods, target) => {
        const count = of(
          pods.map(([description]) => description),
          pods.map(([, used]) => used),
          target,
        );
        if ("wrong" in count) return;
        const ratio = (count.utilization ?? 0) / target;
        const active = pods.filter(([{ phase }]) => phase !== "Failed").length;
        expect(count.replicas).toBeGreaterThanOrEqual(0);
        if (count.replicas > pods.length) expect(ratio).toBeGreaterThan(1);
        expect(count.replicas).toBeLessThanOrEqual(Math.max(pods.length, Math.ceil(ratio * active)));
      }),
    );
  });
});

describe("replicas for other targets", () => {
  it("an average of all pods", () => {
    const three = population([pod(0), pod(1), pod(2)]);
    expect(replicasForAverage(three, samples(20_000, 10_000, 30_000), "", 15_000)).toEqual({
      replicas: 4,
      averageMilli: 20_000,
    });
  });

  it("a whole, which may begin at nothing", () => {
    const three = population([pod(0), pod(1), pod(2)]);
    expect(replicasForTotal(three, 20_000, 15_000)).toBe(4);
    expect(replicasForTotal({ ...three, pods: [], currentReplicas: 0 }, 20_000, 15_000)).toBe(2);
    expect(replicasForTotal({ ...three, pods: [] }, 20_000, 15_000)).toHaveProperty("wrong");
    expect(replicasForTotal(three, 15_500, 15_000)).toBe(3);
  });

  it("a share of a whole for each", () => {
    const tolerance = { up: 0.1, down: 0.1 };
    expect(replicasForShare(20_000, 5_000, 3, tolerance)).toEqual({ replicas: 4, averageMilli: 6_667 });
    expect(replicasForShare(15_100, 5_000, 3, tolerance)).toEqual({ replicas: 3, averageMilli: 5_034 });
  });
});
