// Windows, rates and bounds of an autoscaler's changes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { initialMemory, remember, restrain } from "./behavior.ts";
import type { Memory, Wish } from "./behavior.ts";

const wish = (parts: Partial<Wish>): Wish => ({
  current: 10,
  desired: 10,
  min: 1,
  max: 100,
  nowMs: 10_000_000,
  downWindowMs: 300_000,
  ...parts,
});
const empty: Memory = { recommendations: [], ups: [], downs: [] };
const fast = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [{ type: "Percent", value: 1000, periodSeconds: 15 }],
  },
  scaleDown: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  },
};

describe("without a behavior", () => {
  it("a size at most doubles, from four", () => {
    expect(restrain(wish({ current: 1, desired: 50 }), undefined, empty)).toMatchObject({
      replicas: 4,
      limit: { reason: "ScaleUpLimit" },
    });
    expect(restrain(wish({ current: 10, desired: 50 }), undefined, empty).replicas).toBe(20);
    expect(restrain(wish({ desired: 18, max: 15 }), undefined, empty)).toMatchObject({
      replicas: 15,
      limit: { reason: "TooManyReplicas" },
    });
    expect(restrain(wish({ desired: 0, min: 2 }), undefined, empty)).toMatchObject({
      replicas: 2,
      limit: { reason: "TooFewReplicas" },
    });
  });

  it("a size shrinks to the largest of the last five minutes", () => {
    const first = restrain(wish({ desired: 8 }), undefined, initialMemory(10, 9_900_000));
    expect(first).toMatchObject({ replicas: 10, ability: { reason: "ScaleDownStabilized" } });
    const later = restrain(wish({ desired: 3, nowMs: 10_250_000 }), undefined, first.memory);
    expect(later).toMatchObject({ replicas: 8, ability: { reason: "ScaleDownStabilized" } });
    expect(restrain(wish({ desired: 3, nowMs: 10_600_000 }), undefined, later.memory).replicas).toBe(3);
  });
});

describe("with a behavior", () => {
  it("the policy that allows most decides, or least, or none may", () => {
    const policies = [
      { type: "Pods", value: 3, periodSeconds: 60 },
      { type: "Percent", value: 50, periodSeconds: 60 },
    ];
    const up = (selectPolicy: string) =>
      restrain(wish({ desired: 40 }), { ...fast, scaleUp: { ...fast.scaleUp, selectPolicy, policies } }, empty);
    expect(up("Max")).toMatchObject({ replicas: 15, limit: { reason: "ScaleUpLimit" } });
    expect(up("Min").replicas).toBe(13);
    expect(up("Disabled").replicas).toBe(10);
    const down = (selectPolicy: string) =>
      restrain(wish({ desired: 1 }), { ...fast, scaleDown: { ...fast.scaleDown, selectPolicy, policies } }, empty);
    expect(down("Max")).toMatchObject({ replicas: 5, limit: { reason: "ScaleDownLimit" } });
    expect(down("Min").replicas).toBe(7);
    expect(down("Disabled").replicas).toBe(10);
  });

  it("what was added or removed within the period counts", () => {
    const policies = [{ type: "Pods", value: 5, periodSeconds: 60 }];
    const behavior = { ...fast, scaleUp: { ...fast.scaleUp, policies } };
    const grown = remember(empty, 7, 10, 9_970_000);
    expect(restrain(wish({ desired: 40 }), behavior, grown).replicas).toBe(12);
    expect(restrain(wish({ desired: 40, nowMs: 10_030_001 }), behavior, grown).replicas).toBe(15);
    const shrunk = remember(grown, 12, 10, 9_980_000);
    expect(restrain(wish({ desired: 40 }), behavior, shrunk).replicas).toBe(14);
  });

  it("windows hold growth to the smallest and shrinking to the largest recommendation", () => {
    const behavior = { ...fast, scaleUp: { ...fast.scaleUp, stabilizationWindowSeconds: 60 } };
    const memory = { ...empty, recommendations: [{ replicas: 12, atMs: 9_970_000 }] };
    expect(restrain(wish({ desired: 20 }), behavior, memory)).toMatchObject({
      replicas: 12,
      ability: { reason: "ScaleUpStabilized" },
    });
  });

  it("no wish leads beyond the bounds or past the recommendations it was made from", () => {
    const policy = fc.record({
      type: fc.constantFrom("Pods", "Percent"),
      value: fc.integer({ min: 1, max: 100 }),
      periodSeconds: fc.integer({ min: 1, max: 600 }),
    });
    const rules = fc.record({
      stabilizationWindowSeconds: fc.integer({ min: 0, max: 600 }),
      selectPolicy: fc.constantFrom("Max", "Min", "Disabled"),
      policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
    });
    const behaviors = fc.option(fc.record({ scaleUp: rules, scaleDown: rules }), { nil: undefined });
    fc.assert(
      fc.property(behaviors, fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 30 }), (behavior, desires) => {
        let [memory, current, nowMs] = [initialMemory(10, 0), 10, 0];
        for (const desired of desires) {
          nowMs += 15_000;
          const { replicas, memory: next } = restrain(
            wish({ current, desired, min: 2, max: 50, nowMs }),
            behavior,
            memory,
          );
          memory = replicas === current ? next : remember(next, current, replicas, nowMs);
          expect(replicas).toBeGreaterThanOrEqual(2);
          expect(replicas).toBeLessThanOrEqual(50);
          if (behavior?.scaleUp.selectPolicy === "Disabled") expect(replicas).toBeLessThanOrEqual(current);
          if (behavior?.scaleDown.selectPolicy === "Disabled") expect(replicas).toBeGreaterThanOrEqual(current);
          current = replicas;
        }
      }),
    );
  });
});
