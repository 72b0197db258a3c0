import { expect, test } from "vitest";
import type { PodCondition, PodStatus } from "@coxswain/api/core/v1";
import { isOverwritten } from "./overwritten.ts";

const status = (phase: PodStatus["phase"], ...conditions: readonly string[]): PodStatus => ({
  phase,
  conditions: conditions.map((condition): PodCondition => {
    const [type = "", is = ""] = condition.split("=");
    return { type, status: is };
  }),
});
const own = status("Running", "Ready=True", "ContainersReady=True");

test("readiness that was taken away, or a condition that is gone, is written again", () => {
  expect(isOverwritten(status("Running", "ContainersReady=True", "Ready=False"), own)).toBe(true);
  expect(isOverwritten(status("Running", "Ready=True"), own)).toBe(true);
  expect(isOverwritten(undefined, own)).toBe(true);
});

test("the conditions of others, and pods that are over, are left alone", () => {
  expect(isOverwritten(status("Running", "ContainersReady=True", "gate=True", "Ready=True"), own)).toBe(false);
  expect(isOverwritten(status("Failed", "Ready=False", "ContainersReady=True"), own)).toBe(false);
});
