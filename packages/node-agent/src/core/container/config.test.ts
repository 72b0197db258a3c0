import { expect, test } from "vitest";
import type { Pod, PodSpec } from "@coxswain/api/core/v1";
import { fqdnOf, hostnameOf, missingOf } from "./config.ts";

const named = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-0", namespace: "shop" },
  spec: { containers: [], ...spec },
});

test.each([
  [{}, "web-0", undefined],
  [{ hostname: "first" }, "first", undefined],
  [{ hostname: "first", subdomain: "web" }, "first", "first.web.shop.svc.cluster.local"],
  [{ hostname: "first", subdomain: "web", hostnameOverride: "front.example.org" }, "front.example.org", undefined],
])("a pod with %j is called %s, in full %s", (spec, short, full) => {
  const pod = named(spec);
  expect([hostnameOf(pod), fqdnOf(pod, "cluster.local")]).toEqual([short, full]);
});

test("a container does not run without what it asked for and would not notice to lack", () => {
  const mount = { name: "data", mountPath: "/data", readOnly: true };
  const devices = [{ name: "disk", devicePath: "/dev/xvda" }];
  expect(
    [
      { name: "main", volumeMounts: [{ ...mount, recursiveReadOnly: "IfPossible" }] },
      { name: "main", volumeMounts: [{ ...mount, recursiveReadOnly: "Enabled" }] },
      { name: "main", volumeDevices: devices },
    ].map(missingOf),
  ).toEqual([
    undefined,
    'volume "data" requested recursive read-only mode, but it is not supported by the runtime',
    'volume "disk" cannot be a block device on this node',
  ]);
});
