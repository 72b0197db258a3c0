import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cluster, decide, node, pod } from "../../testing/builders.ts";
import type { ClusterState } from "./cluster.ts";
import { countReasons, unschedulableMessage, written } from "./explain.ts";
import type { Decision } from "./explain.ts";
import { podRequests } from "./resources.ts";
import type { NodeView, PodView } from "./resources.ts";

function check(state: ClusterState, asked: PodView): Decision {
  return written(decide(state, asked));
}

const master = { spec: { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" as const }] } };

describe("choose", () => {
  test.each<readonly [string, readonly NodeView[], readonly PodView[], PodView, string]>([
    ["has no node to offer", [], [], pod("a"), "no nodes available to schedule pods"],
    [
      "counts each resource that is short",
      [node("n1", { cpu: "1" }), node("n2", { cpu: "1", memory: "1Gi" })],
      [],
      pod("a", { cpu: "2", memory: "2Gi" }),
      "0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.",
    ],
    [
      "counts pods that are there already",
      [node("n1", { cpu: "1" })],
      [pod("b", { cpu: "600m" }, { nodeName: "n1" })],
      pod("a", { cpu: "500m" }),
      "0/1 nodes are available: 1 Insufficient cpu.",
    ],
    [
      "does not count pods that have ended",
      [node("n1", { cpu: "1" })],
      [{ ...pod("b", { cpu: "600m" }, { nodeName: "n1" }), status: { phase: "Succeeded" } }],
      pod("a", { cpu: "500m" }),
      "",
    ],
    [
      "names the taint and the cordon",
      [node("n1", master), node("n2", { spec: { unschedulable: true } })],
      [],
      pod("a"),
      "0/2 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 1 node(s) were unschedulable.",
    ],
    ["honours tolerations", [node("n1", master)], [], pod("a", {}, { tolerations: [{ operator: "Exists" }] }), ""],
    [
      "holds nodes to the selector",
      [node("n1"), node("n2", { labels: { disk: "ssd" } })],
      [],
      pod("a", {}, { nodeSelector: { disk: "nvme" } }),
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      "gives a host port once",
      [node("n1")],
      [
        pod(
          "b",
          {},
          { nodeName: "n1", containers: [{ name: "m", image: "w", ports: [{ containerPort: 80, hostPort: 80 }] }] },
        ),
      ],
      pod(
        "a",
        {},
        { containers: [{ name: "m", image: "w", ports: [{ containerPort: 8080, hostPort: 80, hostIP: "10.0.0.1" }] }] },
      ),
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    ],
    [
      "keeps to the node's number of pods",
      [node("n1", { pods: "1" })],
      [pod("b", {}, { nodeName: "n1" })],
      pod("a"),
      "0/1 nodes are available: 1 Too many pods.",
    ],
    [
      "does not run a pod without the resource claims that it asks for",
      [node("n1")],
      [],
      pod("a", {}, { resourceClaims: [{ name: "gpu", resourceClaimName: "one" }] }),
      "0/1 nodes are available: 1 node(s) cannot allocate the pod's resource claims.",
    ],
    [
      "knows resources by any name",
      [node("n1")],
      [],
      pod("a", { "example.com/gpu": "1" }),
      "0/1 nodes are available: 1 Insufficient example.com/gpu.",
    ],
  ])("%s", (_name, nodes, placed, asked, message) => {
    const { node: chosen, filtered } = decide(cluster(nodes, placed), asked);
    expect(chosen === undefined ? unschedulableMessage(filtered) : "").toBe(message);
  });

  const away = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: "zone", labelSelector: { matchLabels: { app: "web" } } },
      ],
    },
  };
  const near = { podAffinity: away.podAntiAffinity };
  const web = (name: string, spec: object): PodView => {
    const made = pod(name, {}, spec);
    return { ...made, metadata: { ...made.metadata, labels: { app: "web" } } };
  };
  const spread = (maxSkew: number): object => ({
    topologySpreadConstraints: [
      {
        maxSkew,
        topologyKey: "zone",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
      },
    ],
  });
  const zones = [
    node("a1", { labels: { zone: "a" } }),
    node("a2", { labels: { zone: "a" } }),
    node("b1", { labels: { zone: "b" } }),
  ];
  test.each<readonly [string, readonly PodView[], PodView, string]>([
    [
      "keeps a pod away from those it shuns, by zone",
      [web("w", { nodeName: "a1" })],
      web("x", { affinity: away }),
      "b1",
    ],
    [
      "keeps a pod away from those that shun it",
      [web("w", { nodeName: "b1", affinity: away }), web("v", { nodeName: "a2", affinity: away })],
      web("x", {}),
      "3 node(s) didn't satisfy existing pods anti-affinity rules",
    ],
    ["brings a pod to those it wants to be near", [web("w", { nodeName: "b1" })], web("x", { affinity: near }), "b1"],
    ["lets the first of a group that wants to be together run anywhere", [], web("x", { affinity: near }), "a1"],
    [
      "does not let one run that wants to be near others who are not there",
      [],
      pod("x", {}, { affinity: near }),
      "3 node(s) didn't match pod affinity rules",
    ],
    ["spreads a group over zones", [web("w", { nodeName: "a1" })], web("x", spread(1)), "b1"],
    [
      "allows the skew that is allowed",
      [web("v", { nodeName: "b1" }), web("w", { nodeName: "b1" })],
      web("x", { ...spread(3), nodeSelector: { zone: "b" } }),
      "b1",
    ],
  ])("%s", (_name, placed, asked, outcome) => {
    const { node: chosen, filtered } = decide(cluster(zones, placed), asked);
    const reasons = countReasons(filtered.rejected);
    expect(chosen ?? [...reasons].map(([reason, count]) => `${count} ${reason}`).join()).toBe(outcome);
  });

  test("prefers the emptier node, and says so", () => {
    const choice = check(
      cluster([node("full"), node("empty")], [pod("b", { cpu: "2", memory: "4Gi" }, { nodeName: "full" })]),
      pod("a", { cpu: "1", memory: "2Gi" }),
    );
    expect(choice.because).toBe("empty scores 475, the best of 2 feasible nodes");
    const shared = {
      TaintToleration: 300,
      NodeResourcesBalancedAllocation: 100,
    };
    expect(choice.scored).toEqual([
      { node: "empty", total: 475, scores: { ...shared, NodeResourcesFit: 75 } },
      { node: "full", total: 425, scores: { ...shared, NodeResourcesFit: 25 } },
    ]);
  });

  test("spreads 300 pods that ask for nothing over equal nodes, none more than one ahead (A069)", () => {
    const names = ["n1", "n2", "n3", "n4", "n5", "n6"];
    // Large enough that what scoring assumes for such pods does not fill them.
    const state = cluster(names.map((name) => node(name, { cpu: "8", memory: "16Gi" })));
    for (let i = 0; i < 300; i++) {
      const asked = pod(`p${i}`);
      state.assume(asked, check(state, asked).node ?? "");
    }
    const counts = names.map((name) => state.node(name)?.pods.size ?? 0);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  test("explains with numbers", () => {
    const choice = check(
      cluster([node("n1", { cpu: "1" })], [pod("b", { cpu: "600m" }, { nodeName: "n1" })]),
      pod("a", { cpu: "500m" }),
    );
    expect(choice.rejected).toEqual([
      {
        node: "n1",
        plugin: "NodeResourcesFit",
        reasons: ["Insufficient cpu"],
        detail: "cpu: asked 500m, free 400m of 1000m",
        preemptible: true,
      },
    ]);
  });

  test("never gives away more than a node has, whatever comes, goes, is bound or refused in between", () => {
    const step = fc.record({
      cpu: fc.integer({ min: 0, max: 3000 }),
      memory: fc.integer({ min: 0, max: 4000 }),
      fate: fc.constantFrom("bound", "refused", "pending", "ended"),
    });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1000, max: 6000 }), { minLength: 1, maxLength: 4 }),
        fc.array(step, { maxLength: 40 }),
        (sizes, steps) => {
          const state = cluster(
            sizes.map((cpu, index) => node(`n${index}`, { cpu: `${cpu}m`, memory: `${cpu}Mi`, pods: "8" })),
          );
          const running = new Map<string, { pod: PodView; node: string }>();
          steps.forEach(({ cpu, memory, fate }, index) => {
            const asked = pod(`p${index}`, { cpu: `${cpu}m`, memory: `${memory}Mi` });
            const chosen = check(state, asked).node;
            if (chosen === undefined) return;
            state.assume(asked, chosen);
            const bound = { ...asked, spec: { containers: [], ...asked.spec, nodeName: chosen } };
            if (fate === "refused") return state.forget(asked);
            running.set(asked.metadata.name ?? "", { pod: asked, node: chosen });
            if (fate === "bound") state.setPod(bound);
            if (fate === "ended") {
              state.setPod({ ...bound, status: { phase: "Succeeded" } });
              running.delete(asked.metadata.name ?? "");
            }
          });
          sizes.forEach((size, index) => {
            const here = [...running.values()]
              .filter(({ node: at }) => at === `n${index}`)
              .map(({ pod: one }) => podRequests(one));
            const sum = (name: string): number => here.reduce((total, amounts) => total + (amounts.get(name) ?? 0), 0);
            expect(sum("cpu")).toBeLessThanOrEqual(size);
            expect(sum("memory")).toBeLessThanOrEqual(size * 1024 * 1024);
            expect(here.length).toBeLessThanOrEqual(8);
          });
        },
      ),
    );
  });
});
