// The rules with all that makes them fast (shared verdicts, counts kept by a journal) against a model that is as simple as can
// be and looks at everything anew, over random clusters in which pods come and go and nodes change.
import fc from "fast-check";
import { objectKey } from "@coxswain/apimachinery";
import { describe, expect, test } from "vitest";
import { cluster, node, pod } from "../../testing/builders.ts";
import type { ClusterState } from "./cluster.ts";
import { chooseNode, filterNodes } from "./cycle.ts";
import { Evaluation, createEvaluations } from "./evaluation.ts";
import type { Verdict } from "./evaluation.ts";
import { defaultProfile } from "./profile.ts";
import type { NodeView, PodView } from "./resources.ts";

const zone = "zone";
const host = "kubernetes.io/hostname";
const web = { matchLabels: { app: "web" } };

/** Kinds of pods that between them use every rule that filters. */
const kinds: readonly ((name: string, nodeName?: string) => PodView)[] = [
  (name, nodeName) => pod(name, { cpu: "1" }, at(nodeName), { app: "web" }),
  (name, nodeName) => pod(name, { cpu: "500m", memory: "3Gi" }, at(nodeName), { app: "db" }),
  (name, nodeName) => pod(name, {}, { ...at(nodeName), nodeSelector: { [zone]: "a" } }, { app: "db" }),
  (name, nodeName) => pod(name, {}, { ...at(nodeName), tolerations: [{ key: "t", operator: "Exists" }] }),
  (name, nodeName) =>
    pod(
      name,
      {},
      {
        ...at(nodeName),
        containers: [{ name: "m", image: "i", ports: [{ containerPort: 80, hostPort: 80 }] }],
      },
    ),
  (name, nodeName) => pod(name, {}, { ...at(nodeName), affinity: { podAntiAffinity: required(host) } }, { app: "web" }),
  (name, nodeName) => pod(name, {}, { ...at(nodeName), affinity: { podAffinity: required(zone) } }, { app: "db" }),
  (name, nodeName) =>
    pod(
      name,
      {},
      {
        ...at(nodeName),
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: "DoNotSchedule", labelSelector: web },
        ],
      },
      { app: "web" },
    ),
];

function at(nodeName: string | undefined): { readonly nodeName?: string } {
  return nodeName === undefined ? {} : { nodeName };
}

function required(topologyKey: string): {
  requiredDuringSchedulingIgnoredDuringExecution: { labelSelector: typeof web; topologyKey: string }[];
} {
  return { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: web, topologyKey }] };
}

const often = (weight: number, ...verbs: readonly string[]): { weight: number; arbitrary: fc.Arbitrary<string> } => ({
  weight,
  arbitrary: fc.constantFrom(...verbs),
});
// Mostly what leaves the nodes as they are: only then is something remembered that may be wrong.
const step = fc.record({
  verb: fc.oneof(often(12, "ask"), often(9, "place", "remove", "ask"), often(1, "relabel", "cordon", "taint", "drop")),
  kind: fc.nat({ max: 2 }),
  node: fc.nat({ max: 4 }),
  pod: fc.nat({ max: 11 }),
});

const threeKinds = fc.array(fc.constantFrom(...kinds), { minLength: 3, maxLength: 3 });

/** What the model knows: plain lists. */
interface Model {
  readonly nodes: Map<string, NodeView>;
  readonly pods: Map<string, PodView>;
}

describe("the rules", () => {
  test("agree with a naive model, name a rule that really fails, and share their work without forgetting a change", () => {
    fc.assert(
      fc.property(threeKinds, fc.array(step, { minLength: 1, maxLength: 80 }), (chosen, steps) => {
        const profile = defaultProfile();
        const model: Model = { nodes: new Map(), pods: new Map() };
        const state = cluster([]);
        const evaluations = createEvaluations(state);
        const setNode = (one: NodeView): void => {
          model.nodes.set(one.metadata.name, one);
          state.setNode(one);
        };
        for (let i = 0; i < 5; i++) setNode(node(`n${i}`, { cpu: "2", labels: { [zone]: "abc"[i % 3] ?? "" } }));
        for (const { verb, kind, node: index, pod: number } of steps) {
          const name = `n${index}`;
          const key = `p${number}`;
          const known = model.nodes.get(name);
          if (verb === "ask") {
            const asked = (chosen[kind] as (typeof kinds)[number])("new");
            compare(model, state, evaluations.of(asked, profile), asked);
          } else if (verb === "place") {
            const placed = (chosen[kind] as (typeof kinds)[number])(key, name);
            model.pods.set(objectKey(placed), placed);
            state.setPod(placed);
          } else if (verb === "remove") {
            model.pods.delete(`default/${key}`);
            state.removePod(`default/${key}`);
          } else if (verb === "drop" && known !== undefined) {
            model.nodes.delete(name);
            state.removeNode(name);
          } else if (verb === "relabel") setNode(node(name, { cpu: "2", labels: { [zone]: "abc"[kind % 3] ?? "" } }));
          else if (verb === "cordon") setNode({ ...(known ?? node(name)), spec: { unschedulable: kind % 2 === 0 } });
          else if (verb === "taint")
            setNode({
              ...(known ?? node(name)),
              spec: { taints: kind % 2 === 0 ? [{ key: "t", effect: "NoSchedule" }] : [] },
            });
        }
      }),
      { numRuns: 300 },
    );
  });
});

function compare(model: Model, state: ClusterState, shared: Evaluation, asked: PodView): void {
  const key = objectKey(asked);
  const filtered = filterNodes({ evaluation: shared, key, cluster: state, startAt: 0 });
  const expected = [...model.nodes.values()].filter((one) => failing(model, asked, one).length === 0);
  expect(filtered.feasible.map(({ name }) => name).sort()).toEqual(
    expected.map(({ metadata }) => metadata.name).sort(),
  );
  for (const verdict of filtered.rejected)
    expect(failing(model, asked, nodeOf(model, verdict))).toContain(verdict.plugin?.name);
  if (filtered.feasible.length < 2) return;
  const fresh = new Evaluation(asked, shared.profile, state);
  const choice = chooseNode(shared, filtered.feasible, () => 0);
  expect(choice.table.totals).toEqual(chooseNode(fresh, filtered.feasible, () => 0).table.totals);
  expect(Math.max(...choice.table.totals)).toBe(choice.table.totals[choice.table.nodes.indexOf(choice.node.name)]);
}

function nodeOf(model: Model, verdict: Verdict): NodeView {
  return model.nodes.get(verdict.node) as NodeView;
}

/** Every rule that fails, by the book. */
function failing(model: Model, asked: PodView, one: NodeView): readonly string[] {
  const here = (other: NodeView): readonly PodView[] =>
    [...model.pods.values()].filter(({ spec }) => spec?.nodeName === other.metadata.name);
  const nodes = [...model.nodes.values()];
  const zoneOf = (other: NodeView): string | undefined => other.metadata.labels?.[zone];
  const isWeb = ({ metadata }: PodView): boolean => metadata.labels?.["app"] === "web";
  const rules: Record<string, () => boolean> = {
    NodeUnschedulable: () => one.spec?.unschedulable !== true,
    TaintToleration: () => (one.spec?.taints ?? []).length === 0 || asked.spec?.tolerations !== undefined,
    NodeAffinity: () => asked.spec?.nodeSelector === undefined || zoneOf(one) === "a",
    NodePorts: () => !hasPort(asked) || !here(one).some(hasPort),
    NodeResourcesFit: () =>
      ["cpu", "memory"].every((name) => {
        const taken = here(one).reduce((sum, other) => sum + amount(other, name), 0);
        return amount(asked, name) === 0 || taken + amount(asked, name) <= (name === "cpu" ? 2000 : 8 * 1024);
      }),
    PodTopologySpread: () => {
      if (asked.spec?.topologySpreadConstraints === undefined) return true;
      const counts = new Map<string, number>();
      for (const other of nodes) {
        const value = zoneOf(other);
        if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + here(other).filter(isWeb).length);
      }
      const own = zoneOf(one);
      return own !== undefined && (counts.get(own) ?? 0) + 1 - Math.min(...counts.values()) <= 1;
    },
    InterPodAffinity: () => {
      const { podAffinity, podAntiAffinity } = asked.spec?.affinity ?? {};
      const inZone = nodes.filter((other) => zoneOf(other) === zoneOf(one)).flatMap(here);
      if (podAntiAffinity !== undefined && here(one).some(isWeb)) return false;
      if (podAffinity !== undefined && (zoneOf(one) === undefined || !inZone.some(isWeb))) return false;
      return !isWeb(asked) || !here(one).some(({ spec }) => spec?.affinity?.podAntiAffinity !== undefined);
    },
  };
  return Object.keys(rules).filter((name) => rules[name]?.() === false);
}

function hasPort({ spec }: PodView): boolean {
  return spec?.containers[0]?.ports !== undefined;
}

function amount({ spec }: PodView, name: string): number {
  const text = spec?.containers[0]?.resources?.requests?.[name] ?? "0";
  return text.endsWith("m")
    ? Number(text.slice(0, -1))
    : text.endsWith("Gi")
      ? Number(text.slice(0, -2)) * 1024
      : Number(text) * 1000;
}
