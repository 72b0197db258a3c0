import fc from "fast-check";
import { objectKey } from "@coxswain/apimachinery";
import { describe, expect, test } from "vitest";
import { cluster, node, pod } from "../../../testing/builders.ts";
import type { SpecParts } from "../../../testing/builders.ts";
import type { ClusterState } from "../cluster.ts";
import { filterNodes } from "../cycle.ts";
import { createEvaluations } from "../evaluation.ts";
import { unschedulableMessage } from "../explain.ts";
import { defaultProfile } from "../profile.ts";
import type { PodView } from "../resources.ts";
import { pickCandidate } from "./pick.ts";
import { createPreemptor } from "./preemption.ts";
import type { PreemptionOutcome } from "./preemption.ts";

const profile = defaultProfile();

function plan(state: ClusterState, asked: PodView, nominated?: string): PreemptionOutcome & { readonly text: string } {
  const evaluation = createEvaluations(state).of(asked, profile);
  const key = objectKey(asked);
  const filtered = filterNodes({ evaluation, key, cluster: state, startAt: 0 });
  const args = { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 };
  const input = { pod: asked, key, nominated, evaluation, filtered, cluster: state, args, draw: () => 0 };
  const outcome = createPreemptor().plan(input);
  const said = outcome.outcome === "candidates" ? undefined : outcome.message;
  return { ...outcome, text: unschedulableMessage(filtered, said) };
}

function chosen(outcome: PreemptionOutcome): string {
  const picked = outcome.outcome === "candidates" ? pickCandidate(outcome.candidates) : undefined;
  return picked === undefined
    ? "nobody"
    : `${picked.node.name}: ${picked.victims.map(({ key }) => key.slice(8)).join(" ")}`;
}

const runs = (name: string, at: string, cpu: string, priority: number, more: SpecParts = {}): PodView =>
  pod(name, { cpu }, { nodeName: at, priority, ...more }, { app: name.split("-")[0] ?? "" });
const started = (one: PodView, minute: number): PodView => ({
  ...one,
  status: { startTime: `2026-01-01T00:${String(minute).padStart(2, "0")}:00Z` },
});
const important = (cpu: string, more: SpecParts = {}): PodView => pod("vip", { cpu }, { priority: 100, ...more });
const three = [node("n1"), node("n2"), node("n3")];

describe("preemption", () => {
  test.each<readonly [string, readonly PodView[], PodView, string]>([
    [
      "takes the node whose victim matters least",
      [runs("a", "n1", "4", 5), runs("b", "n2", "4", 1), runs("c", "n3", "4", 9)],
      important("4"),
      "n2: b",
    ],
    [
      "rather takes few than many of the same importance",
      [runs("a", "n1", "2", 1), runs("b", "n1", "2", 1), runs("c", "n2", "4", 1), runs("d", "n3", "4", 2)],
      important("4"),
      "n2: c",
    ],
    [
      "takes the ones that have run for the shortest time",
      [started(runs("a", "n1", "4", 1), 1), started(runs("b", "n2", "4", 1), 9), started(runs("c", "n3", "4", 1), 5)],
      important("4"),
      "n2: b",
    ],
    [
      "lets stay whoever need not go, the most important first",
      [
        runs("a", "n1", "1", 3),
        runs("b", "n1", "1", 2),
        runs("c", "n1", "2", 1),
        runs("d", "n2", "4", 200),
        runs("e", "n3", "4", 200),
      ],
      important("2"),
      "n1: c",
    ],
    [
      "makes room for what keeps the pod away by anti-affinity",
      [runs("foe", "n1", "1", 1), runs("x", "n2", "4", 200), runs("y", "n3", "4", 200)],
      important("1", {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "foe" } } },
            ],
          },
        },
      }),
      "n1: foe",
    ],
  ])("%s", (_what, placed, asked, expected) => {
    expect(chosen(plan(cluster(three, placed), asked))).toBe(expected);
  });

  test.each<readonly [string, readonly PodView[], PodView, string | undefined, string]>([
    [
      "nobody is less important",
      three
        .map(({ metadata }) => runs("a", metadata.name, "4", 200))
        .map((one, i) => ({ ...one, metadata: { ...one.metadata, name: `a-${i}` } })),
      important("4"),
      undefined,
      "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
    ],
    [
      "no node could ever hold the pod",
      [],
      important("5"),
      undefined,
      "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    ],
    [
      "the room would not be enough",
      [
        runs("a-1", "n1", "3", 200),
        runs("b-1", "n1", "1", 1),
        runs("a-2", "n2", "4", 200),
        runs("a-3", "n3", "4", 200),
      ],
      important("2"),
      undefined,
      "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 1 Insufficient cpu, 2 No preemption victims found for incoming pod.",
    ],
    [
      "the pod never takes anybody's place",
      [runs("a-1", "n1", "4", 1), runs("a-2", "n2", "4", 1), runs("a-3", "n3", "4", 1)],
      important("4", { preemptionPolicy: "Never" }),
      undefined,
      "0/3 nodes are available: 3 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
    ],
    [
      "room is being made already",
      [
        {
          ...runs("a-1", "n1", "4", 1),
          metadata: { name: "a-1", namespace: "default", deletionTimestamp: "2026-01-01T00:00:00Z" },
        },
        runs("a-2", "n2", "4", 1),
        runs("a-3", "n3", "4", 1),
      ],
      important("4"),
      "n1",
      "0/3 nodes are available: 3 Insufficient cpu. preemption: not eligible due to a terminating pod on the nominated node.",
    ],
  ])("does nothing, and says so in Kubernetes' words, when %s", (_what, placed, asked, nominated, text) => {
    expect(plan(cluster(three, placed), asked, nominated).text).toBe(text);
  });

  test("spares those whose disruption budget is used up, as long as there are others", () => {
    const state = cluster(three, [
      runs("web-1", "n1", "4", 1),
      runs("db-1", "n2", "4", 9),
      runs("top-1", "n3", "4", 200),
    ]);
    expect(chosen(plan(state, important("4")))).toBe("n1: web-1");
    state.setBudget("default/web", {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "web", namespace: "default" },
      spec: { selector: { matchLabels: { app: "web" } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    });
    expect(chosen(plan(state, important("4")))).toBe("n2: db-1");
    state.removePod("default/db-1");
    state.setPod(runs("top-2", "n2", "4", 200));
    expect(chosen(plan(state, important("4")))).toBe("n1: web-1");
  });

  test("makes room that is enough and takes nobody without need, whatever runs where", () => {
    const placed = fc.record({
      at: fc.nat({ max: 2 }),
      cpu: fc.integer({ min: 100, max: 2500 }),
      priority: fc.integer({ min: 0, max: 120 }),
      web: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(placed, { maxLength: 14 }),
        fc.integer({ min: 100, max: 4000 }),
        fc.nat({ max: 2 }),
        (all, cpu, allowed) => {
          const state = cluster(three);
          all.forEach(({ at, cpu: taken, priority, web }, index) => {
            const one = runs(`${web ? "web" : "db"}-${index}`, `n${at + 1}`, `${taken}m`, priority);
            if (taken <= (state.node(`n${at + 1}`)?.free("cpu") ?? 0)) state.setPod(one);
          });
          state.setBudget("default/web", {
            apiVersion: "policy/v1",
            kind: "PodDisruptionBudget",
            metadata: { name: "web", namespace: "default" },
            spec: { selector: { matchLabels: { app: "web" } } },
            status: { disruptionsAllowed: allowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
          });
          const before = three.map(({ metadata }) => state.node(metadata.name)?.free("cpu"));
          const outcome = plan(state, important(`${cpu}m`));
          // Thinking changes nothing.
          expect(three.map(({ metadata }) => state.node(metadata.name)?.free("cpu"))).toEqual(before);
          for (const { node: at, victims } of outcome.outcome === "candidates" ? outcome.candidates : []) {
            const freed = victims.reduce((sum, { requests }) => sum + (requests.get("cpu") ?? 0), at.free("cpu"));
            expect(freed).toBeGreaterThanOrEqual(cpu);
            for (const { priority, requests } of victims) {
              expect(priority).toBeLessThan(100);
              expect(freed - (requests.get("cpu") ?? 0)).toBeLessThan(cpu);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
