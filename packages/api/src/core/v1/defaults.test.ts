import { expect, test } from "vitest";
import { complete } from "../../../testing/index.ts";

const metadata = { name: "a", namespace: "default" };
const divisorOf = { resourceFieldRef: { resource: "limits.cpu" } };

// What Kubernetes makes of what is written: the members that are expected, among others.
test.each<[string, object, object]>([
  [
    "LimitRange",
    { spec: { limits: [{ type: "Pod", max: { cpu: "0.0001" }, maxLimitRequestRatio: { cpu: "1.0001" } }] } },
    { spec: { limits: [{ type: "Pod", max: { cpu: "1m" }, maxLimitRequestRatio: { cpu: "1001m" } }] } },
  ],
  [
    "ResourceQuota",
    { spec: { hard: { cpu: "100u" } }, status: { hard: { cpu: "100u" }, used: { cpu: "1u" } } },
    { spec: { hard: { cpu: "1m" } }, status: { hard: { cpu: "1m" }, used: { cpu: "1m" } } },
  ],
  [
    "Node",
    { status: { capacity: { cpu: "1u" } } },
    { status: { capacity: { cpu: "1m" }, allocatable: { cpu: "1m" } } },
  ],
  [
    "Node",
    { spec: { podCIDR: "10.1.0.0/24", podCIDRs: ["10.2.0.0/24", "fd00::/64"] } },
    { spec: { podCIDR: "10.1.0.0/24", podCIDRs: ["10.1.0.0/24"] } },
  ],
  [
    "PersistentVolume",
    { spec: { capacity: { storage: "1u" }, volumeMode: "" } },
    { spec: { capacity: { storage: "1m" }, volumeMode: "", persistentVolumeReclaimPolicy: "Retain" } },
  ],
  [
    "PersistentVolumeClaim",
    { spec: { resources: { requests: { storage: "1u" } } }, status: { capacity: { storage: "1u" } } },
    {
      spec: { resources: { requests: { storage: "1m" } }, volumeMode: "Filesystem" },
      status: { capacity: { storage: "1m" }, phase: "Pending" },
    },
  ],
  ["Namespace", {}, { status: { phase: "Active" } }],
  [
    "Pod",
    { spec: { containers: [{ name: "c", image: "x", env: [{ name: "A", valueFrom: divisorOf }] }] } },
    {
      spec: {
        containers: [
          { env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "0" } } }] },
        ],
      },
    },
  ],
])("a %s that says %j", (kind, given, expected) => {
  expect(complete({ group: "", version: "v1", kind }, { metadata, ...given })).toMatchObject(expected);
});

test("times and pointers that are absent stay so, where Go would write null", () => {
  const event = complete({ group: "", version: "v1", kind: "Event" }, { metadata, involvedObject: {} });
  expect(Object.keys(event).filter((name) => /time/i.test(name))).toEqual([]);
});
