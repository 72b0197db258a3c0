// Since when a Service's endpoints have been different.
import { expect, it } from "vitest";
import type { Pod, Service } from "@coxswain/api/core/v1";
import { createTriggerTimes } from "./trigger-time.ts";

const at = (seconds: number): string => `2026-01-01T00:00:${String(seconds).padStart(2, "0")}Z`;
const service = (made: number): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", creationTimestamp: at(made) },
});
const pod = (uid: string, ready: number): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: uid, namespace: "default", uid },
  status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime: at(ready) }] },
});

it("is the earliest change that was not seen before, and nothing when none is new", () => {
  const times = createTriggerTimes();
  const observe = (pods: readonly Pod[]): number | undefined => {
    const found = times.observe("default/web", service(1), pods);
    return found === undefined ? undefined : (found - Date.UTC(2026, 0, 1)) / 1000;
  };
  expect(observe([pod("a", 5)])).toBe(1);
  expect(observe([pod("a", 5)])).toBeUndefined();
  expect(observe([pod("a", 9), pod("b", 8)])).toBe(8);
  expect(observe([pod("b", 8)])).toBeUndefined();
  times.forget("default/web");
  expect(observe([pod("b", 8)])).toBe(1);
});
