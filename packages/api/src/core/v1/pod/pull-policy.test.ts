import { expect, test } from "vitest";
import { pullPolicyOf } from "./pull-policy.ts";

test.each([
  ["nginx", "Always"],
  ["nginx:latest", "Always"],
  ["nginx:1.27", "IfNotPresent"],
  ["registry.example.com:5000/team/nginx", "Always"],
  ["registry.example.com:5000/team/nginx:1", "IfNotPresent"],
  ["localhost/a_b--c", "Always"],
  ["TEAM/nginx", "Always"],
  [`nginx@sha256:${"0".repeat(64)}`, "IfNotPresent"],
  [`nginx:latest@sha256:${"0".repeat(64)}`, "Always"],
  ["Nginx", "IfNotPresent"],
  ["a b", "IfNotPresent"],
  ["nginx:", "IfNotPresent"],
  ["0".repeat(64), "IfNotPresent"],
  ["x".repeat(247), "Always"],
  ["x".repeat(248), "IfNotPresent"],
  ["", "IfNotPresent"],
])("%s is pulled %s", (image, policy) => {
  expect(pullPolicyOf(image)).toBe(policy);
});
