import { describe, expect, test } from "vitest";
import { cluster, decide, node, pod } from "../../../testing/builders.ts";
import type { ClusterState } from "../cluster.ts";
import { createEvaluations } from "../evaluation.ts";
import { unschedulableMessage } from "../explain.ts";
import { defaultProfile } from "../profile.ts";
import type { PodView } from "../resources.ts";
import { bindCompleted, selectedNode } from "./binding.ts";
import type { VolumeAction } from "./binding.ts";
import type { ClaimView, ClassView, VolumeView } from "./catalog.ts";

const nodes = [
  node("n1", { labels: { "topology.kubernetes.io/zone": "a" } }),
  node("n2", { labels: { "topology.kubernetes.io/zone": "b" } }),
];
const withClaims = (name: string, ...claims: readonly string[]): PodView =>
  pod(name, {}, { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) });

interface ClaimParts {
  readonly storageClass?: string;
  readonly volume?: string;
  readonly size?: string;
  readonly modes?: NonNullable<ClaimView["spec"]>["accessModes"];
  readonly annotations?: Record<string, string>;
  readonly status?: ClaimView["status"];
}

function claim(
  name: string,
  { storageClass = "slow", volume, size = "5Gi", modes, annotations, status }: ClaimParts = {},
): ClaimView {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      resourceVersion: "1",
      annotations: { ...(volume === undefined ? {} : { [bindCompleted]: "yes" }), ...annotations },
    },
    spec: {
      storageClassName: storageClass,
      accessModes: [...(modes ?? ["ReadWriteOnce"])],
      resources: { requests: { storage: size } },
      ...(volume === undefined ? {} : { volumeName: volume }),
    },
    ...(status === undefined ? {} : { status }),
  };
}

function volume(
  name: string,
  size: string,
  at?: string,
  more: Partial<NonNullable<VolumeView["spec"]>> = {},
): VolumeView {
  const terms = [
    { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In" as const, values: [at ?? ""] }] },
  ];
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, resourceVersion: "1" },
    spec: {
      capacity: { storage: size },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "slow",
      ...(at === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: terms } } }),
      ...more,
    },
    status: { phase: "Available" },
  };
}

const storageClass = (name: string, more: Partial<ClassView> = {}): ClassView => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name },
  provisioner: "kubernetes.io/no-provisioner",
  volumeBindingMode: "WaitForFirstConsumer",
  ...more,
});

function storage(
  claims: readonly ClaimView[],
  volumes: readonly VolumeView[],
  classes = [storageClass("slow")],
): ClusterState {
  const state = cluster(nodes);
  for (const one of claims) state.volumes.setClaim(`default/${one.metadata.name}`, one);
  for (const one of volumes) state.volumes.setVolume(one.metadata.name, one);
  for (const one of classes) state.volumes.setClass(one.metadata.name, one);
  return state;
}

function outcome(state: ClusterState, asked: PodView): string {
  const { node: chosen, filtered } = decide(state, asked);
  return chosen ?? unschedulableMessage(filtered);
}

const both = (reason: string): string => `0/2 nodes are available: 2 ${reason}.`;
const fast = storageClass("fast", { provisioner: "csi.example.com" });

describe("a pod with claims", () => {
  test.each<readonly [string, ClusterState, string]>([
    ["without the claim", storage([], []), '0/2 nodes are available: persistentvolumeclaim "c" not found.'],
    [
      "whose claim has lost its volume",
      storage([claim("c", { volume: "v", status: { phase: "Lost" } })], []),
      '0/2 nodes are available: persistentvolumeclaim "c" bound to non-existent persistentvolume "v".',
    ],
    [
      "whose claim is bound at once, but has not been",
      storage([claim("c", { storageClass: "now" })], [], [storageClass("now", { volumeBindingMode: "Immediate" })]),
      "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    ],
    [
      "of a class that is not there",
      storage([claim("c", { storageClass: "none" })], []),
      '0/2 nodes are available: storageclass.storage.k8s.io "none" not found.',
    ],
    ["goes where its volume is", storage([claim("c", { volume: "v" })], [volume("v", "5Gi", "n2")]), "n2"],
    [
      "whose volume is nowhere",
      storage([claim("c", { volume: "v" })], [volume("v", "5Gi", "n9")]),
      both("node(s) didn't match PersistentVolume's node affinity"),
    ],
    [
      "whose volume is gone",
      storage([claim("c", { volume: "v" })], []),
      both("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
    ],
    ["goes where a free volume is", storage([claim("c")], [volume("v", "10Gi", "n2")]), "n2"],
    [
      "finds no volume that is large enough",
      storage([claim("c", { size: "20Gi" })], [volume("v", "10Gi", "n1")]),
      both("node(s) didn't find available persistent volumes to bind"),
    ],
    [
      "finds only a volume that is another's",
      storage([claim("c")], [volume("v", "10Gi", "n1", { claimRef: { namespace: "default", name: "other" } })]),
      both("node(s) didn't find available persistent volumes to bind"),
    ],
    [
      "goes where a volume names its claim",
      storage(
        [claim("c")],
        [
          volume("a", "6Gi", "n1", { accessModes: ["ReadOnlyMany"] }),
          volume("b", "9Gi", "n2", { claimRef: { namespace: "default", name: "c" } }),
        ],
      ),
      "n2",
    ],
    [
      "goes where its class makes volumes",
      storage(
        [claim("c", { storageClass: "fast" })],
        [],
        [
          storageClass("fast", {
            provisioner: "csi.example.com",
            allowedTopologies: [{ matchLabelExpressions: [{ key: "topology.kubernetes.io/zone", values: ["b"] }] }],
          }),
        ],
      ),
      "n2",
    ],
    [
      "stays with the node that its volume is being made for",
      storage([claim("c", { storageClass: "fast", annotations: { [selectedNode]: "n2" } })], [], [fast]),
      "n2",
    ],
    [
      "goes to the zone of its volume",
      storage(
        [claim("c", { volume: "v" })],
        [{ ...volume("v", "5Gi"), metadata: { name: "v", labels: { "topology.kubernetes.io/zone": "b__c" } } }],
      ),
      "n2",
    ],
  ])("%s", (_what, state, expected) => {
    expect(outcome(state, withClaims("a", "c"))).toBe(expected);
  });

  test("needs a pool with enough space, where its driver tells of pools", () => {
    const state = storage([claim("c", { storageClass: "fast" })], [], [fast]);
    state.volumes.setCsiDriver("csi.example.com", {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIDriver",
      metadata: { name: "csi.example.com" },
      spec: { storageCapacity: true },
    });
    expect(outcome(state, withClaims("a", "c"))).toBe(both("node(s) did not have enough free storage"));
    state.volumes.setCapacity("default/pool", {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIStorageCapacity",
      metadata: { name: "pool" },
      storageClassName: "fast",
      capacity: "10Gi",
      nodeTopology: { matchLabels: { "topology.kubernetes.io/zone": "b" } },
    });
    expect(outcome(state, withClaims("a", "c"))).toBe("n2");
  });

  test("takes the smallest volume that does, and another pod finds it taken at once", () => {
    const state = storage([claim("c"), claim("d")], [volume("large", "9Gi", "n1"), volume("small", "6Gi", "n1")]);
    const profile = defaultProfile();
    const reserve = (asked: PodView): readonly [VolumeAction | undefined, () => void] => {
      const evaluation = createEvaluations(state).of(asked, profile);
      const index = profile.plugins.findIndex(({ name }) => name === "VolumeBinding");
      const plugin = profile.plugins[index];
      const at = state.node("n1");
      if (plugin === undefined || at === undefined) throw new Error("expected the plugin and the node");
      const action = plugin.preBind?.(asked, evaluation.preparedFor(index), at);
      return [action, plugin.reserve?.(asked, evaluation.preparedFor(index), at) ?? ((): void => {})];
    };
    const [first, giveBack] = reserve(withClaims("a", "c"));
    const [second] = reserve(withClaims("b", "d"));
    const bindings = [first, second].flatMap((action) => action?.bindings ?? []);
    expect(bindings.map(({ claim: of, volume: on }) => [of.metadata.name, on.metadata.name])).toEqual([
      ["c", "small"],
      ["d", "large"],
    ]);
    giveBack();
    const [third] = reserve(withClaims("b", "d"));
    expect(third?.bindings.map(({ volume: on }) => on.metadata.name)).toEqual(["large"]);
  });

  test("does not share a claim that one pod only may use", () => {
    const state = storage([claim("c", { volume: "v", modes: ["ReadWriteOncePod"] })], [volume("v", "5Gi", undefined)]);
    expect(outcome(state, withClaims("a", "c"))).toBe("n1");
    state.assume(withClaims("a", "c"), "n1");
    expect(outcome(state, withClaims("b", "c"))).toBe(
      both("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"),
    );
  });

  test("keeps to the number of volumes that a node's driver can attach; a shared one counts once", () => {
    const csi = (name: string): VolumeView =>
      volume(name, "5Gi", undefined, { csi: { driver: "csi.example.com", volumeHandle: name } });
    const state = storage(
      ["c", "d", "e"].map((name) => claim(name, { volume: `v-${name}` })),
      ["v-c", "v-d", "v-e"].map(csi),
    );
    for (const name of ["n1", "n2"])
      state.volumes.setCsiNode(name, {
        apiVersion: "storage.k8s.io/v1",
        kind: "CSINode",
        metadata: { name },
        spec: { drivers: [{ name: "csi.example.com", nodeID: name, allocatable: { count: name === "n1" ? 2 : 0 } }] },
      });
    state.assume(withClaims("a", "c", "d"), "n1");
    expect(outcome(state, withClaims("b", "e"))).toBe(both("node(s) exceed max volume count"));
    expect(outcome(state, withClaims("b", "c", "d"))).toBe("n1");
  });
});
