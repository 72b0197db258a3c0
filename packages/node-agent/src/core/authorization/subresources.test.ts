import { expect, test } from "vitest";
import { accessOf, forbiddenText } from "./subresources.ts";

test("paths lead to the kubelet's subresources of nodes, fine ones first, and methods to verbs", () => {
  const read = (path: string): string => accessOf("GET", path).subresources.join(" ");
  expect(
    Object.fromEntries(
      [
        ...["/stats/summary", "/metrics", "/metrics/cadvisor", "/metricsx", "/logs/", "/checkpoint/a/b/c", "/pods"],
        ...["/runningpods/", "/healthz", "/configz", "/containerLogs/a/b/c", "/exec/a/b/c", "/statsother"],
      ].map((path) => [path, read(path)]),
    ),
  ).toEqual({
    "/stats/summary": "stats",
    "/metrics": "metrics",
    "/metrics/cadvisor": "metrics",
    "/metricsx": "proxy",
    "/logs/": "log",
    "/checkpoint/a/b/c": "checkpoint",
    "/pods": "pods proxy",
    "/runningpods/": "pods proxy",
    "/healthz": "healthz proxy",
    "/configz": "configz proxy",
    "/containerLogs/a/b/c": "proxy",
    "/exec/a/b/c": "proxy",
    "/statsother": "proxy",
  });
  expect(["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"].map((method) => accessOf(method, "/run").verb)).toEqual([
    ...["get", "create", "update", "patch", "delete", ""],
  ]);
  expect(forbiddenText("jane", accessOf("GET", "/pods"))).toBe(
    "Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[pods proxy])\n",
  );
});
