import { describe, expect, it } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import type { PodDisruptionBudget } from "@coxswain/api/policy/v1";
import { budgetStatus } from "./plan.ts";

const nowMs = Date.UTC(2026, 0, 1);
const pod = (name: string, ready: boolean): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
});
const budget = (spec: PodDisruptionBudget["spec"], status?: PodDisruptionBudget["status"]): PodDisruptionBudget => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "b", namespace: "default", generation: 1 },
  ...(spec ? { spec } : {}),
  ...(status ? { status } : {}),
});

describe("budgetStatus", () => {
  it.each([
    [
      "minAvailable 2 of 3 ready",
      { minAvailable: 2 },
      "RRR",
      3,
      { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3 },
    ],
    [
      "minAvailable 2 of 2 ready",
      { minAvailable: 2 },
      "RR-",
      3,
      { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 3 },
    ],
    [
      "minAvailable 50% of 5 wanted",
      { minAvailable: "50%" },
      "RRRR",
      5,
      { disruptionsAllowed: 1, currentHealthy: 4, desiredHealthy: 3, expectedPods: 5 },
    ],
    [
      "maxUnavailable 1 of 3 wanted, 2 there",
      { maxUnavailable: 1 },
      "RR",
      3,
      { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 3 },
    ],
    [
      "maxUnavailable 30% of 10",
      { maxUnavailable: "30%" },
      "RRRRRRRRRR",
      10,
      { disruptionsAllowed: 3, currentHealthy: 10, desiredHealthy: 7, expectedPods: 10 },
    ],
    [
      "maxUnavailable of pods without a controller",
      { maxUnavailable: 1 },
      "RR",
      0,
      { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 0, expectedPods: 0 },
    ],
    [
      "maxUnavailable of pods whose controller is not known",
      { maxUnavailable: 1 },
      "RR",
      { problem: 'found no controllers for pod "p0"' },
      { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 },
    ],
  ])("%s", (_name, spec, letters, wantedByControllers, expected) => {
    const pods = [...letters].map((letter, index) => pod(`p${index}`, letter === "R"));
    expect(budgetStatus({ budget: budget(spec), pods, wantedByControllers, nowMs }).status).toMatchObject(expected);
  });

  it("counts a pod whose eviction was granted as gone, for two minutes", () => {
    const pods = ["a", "b", "c"].map((name) => pod(name, true));
    const spent = budget(
      { minAvailable: 1 },
      {
        currentHealthy: 3,
        desiredHealthy: 1,
        disruptionsAllowed: 2,
        expectedPods: 3,
        disruptedPods: { a: "2025-12-31T23:59:30Z", gone: "2025-12-31T23:59:30Z" },
      },
    );
    const { status, wakeAfterMs } = budgetStatus({ budget: spent, pods, wantedByControllers: 3, nowMs });
    expect([status.disruptionsAllowed, status.disruptedPods, wakeAfterMs]).toEqual([
      1,
      { a: "2025-12-31T23:59:30Z" },
      90_000,
    ]);
    expect(
      budgetStatus({ budget: spent, pods, wantedByControllers: 3, nowMs: nowMs + 90_000 }).status.disruptionsAllowed,
    ).toBe(2);
  });
});
