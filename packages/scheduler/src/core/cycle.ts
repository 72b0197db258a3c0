// One pod's turn: filter, score, choose. A function of the cluster as it stands; what follows (assuming, binding, telling)
// is done by its caller. In large clusters it stops looking once it has enough feasible nodes, as Kubernetes does.
import type { ClusterState } from "./cluster.ts";
import type { Evaluation, Verdict } from "./evaluation.ts";
import { unsuitable } from "./plugin.ts";
import type { Plugin, Rejection } from "./plugin.ts";
import type { NodeState } from "./node-state.ts";

export interface CycleInput {
  readonly evaluation: Evaluation;
  /** "namespace/name"; the evaluation's own pod may be another of the same kind. */
  readonly key: string;
  readonly cluster: ClusterState;
  /** Where to begin among the nodes, so that all get their turn when only some are looked at. */
  readonly startAt: number;
  /** The node that room was made on for this pod: if it will do, no other is asked. */
  readonly nominated?: string | undefined;
}

export interface Filtered {
  readonly nodeCount: number;
  /** How many nodes were looked at. */
  readonly examined: number;
  readonly feasible: readonly NodeState[];
  readonly rejected: readonly Verdict[];
  /** Why no node at all will do. */
  readonly hopeless: { readonly plugin: Plugin; readonly rejection: Rejection } | undefined;
}

export interface ScoreTable {
  readonly nodes: readonly string[];
  /** Weighted scores of a rule, in the order of the nodes. */
  readonly columns: readonly { readonly plugin: string; readonly scores: Float32Array }[];
  readonly totals: Float64Array;
}

export interface Choice {
  readonly node: NodeState;
  readonly table: ScoreTable;
}

/** Nodes that were turned down of which a successful decision keeps the particulars. */
const particulars = 100;
/** Where verdicts are gathered, used again for every pod: thousands for each would be thrown away otherwise. */
const desk: Verdict[] = [];
const filteredOut = unsuitable("node is filtered out by the prefilter result");

export function filterNodes({ evaluation, key, cluster, startAt, nominated }: CycleInput): Filtered {
  const { nodes } = cluster;
  const base = { nodeCount: nodes.length, hopeless: evaluation.hopeless() };
  if (base.hopeless !== undefined) return { ...base, examined: nodes.length, feasible: [], rejected: [] };

  const promised = nominated === undefined ? undefined : cluster.node(nominated);
  if (promised !== undefined && evaluation.check(promised, key) === undefined)
    return { ...base, examined: 1, feasible: [promised], rejected: [] };

  const restriction = evaluation.restriction();
  if (restriction !== undefined) return { ...base, ...restricted(evaluation, key, cluster, restriction) };

  const enough = enoughFeasible(nodes.length, evaluation.profile.percentageOfNodesToScore);
  const feasible: NodeState[] = [];
  let examined = 0;
  let out = 0;
  for (; examined < nodes.length && feasible.length < enough; examined++) {
    const node = nodes[(startAt + examined) % nodes.length] as NodeState;
    const verdict = evaluation.check(node, key);
    if (verdict === undefined) feasible.push(node);
    else desk[out++] = verdict;
  }
  // Every node counts where none was found; some of many are enough to see what kept the others out.
  const rejected = desk.slice(0, feasible.length > 0 ? Math.min(out, particulars) : out);
  for (const verdict of rejected) explained(evaluation, verdict, cluster);
  return { ...base, examined, feasible, rejected };
}

/** Scores the feasible nodes and takes the best; `draw` decides among equals. */
export function chooseNode(
  evaluation: Evaluation,
  feasible: readonly NodeState[],
  draw: (below: number) => number,
  extra?: Float64Array,
): Choice {
  const [only] = feasible;
  if (feasible.length === 1 && only !== undefined)
    return { node: only, table: { nodes: [only.name], columns: [], totals: new Float64Array(1) } };
  const { plugins, rows, totals } = evaluation.score(feasible);
  const columns = rows.map((row, index) => ({ plugin: plugins[index]?.name ?? "", scores: new Float32Array(row) }));
  if (extra !== undefined) {
    for (let i = 0; i < totals.length; i++) totals[i] = (totals[i] as number) + (extra[i] ?? 0);
    columns.push({ plugin: "extenders", scores: new Float32Array(extra) });
  }
  let best = Number.NEGATIVE_INFINITY;
  let ties = 0;
  for (const total of totals) {
    if (total > best) [best, ties] = [total, 1];
    else if (total === best) ties++;
  }
  let skip = ties < 2 ? 0 : draw(ties);
  const index = totals.findIndex((total) => total === best && skip-- === 0);
  return {
    node: feasible[index] as NodeState,
    table: { nodes: feasible.map(({ name }) => name), columns, totals },
  };
}

/** Up to 100 nodes all are looked at; beyond, half of them and less, down to a twentieth (Kubernetes' adaptive share). */
export function enoughFeasible(nodeCount: number, asked = 0): number {
  if (nodeCount < 100) return nodeCount;
  const percentage = asked > 0 ? asked : Math.max(5, 50 - Math.floor(nodeCount / 125));
  return Math.max(100, Math.floor((nodeCount * percentage) / 100));
}

function restricted(
  evaluation: Evaluation,
  key: string,
  cluster: ClusterState,
  { names, plugin }: { readonly names: ReadonlySet<string>; readonly plugin: Plugin },
): Pick<Filtered, "examined" | "feasible" | "rejected"> {
  const feasible: NodeState[] = [];
  const rejected: Verdict[] = [];
  for (const name of names) {
    const node = cluster.node(name);
    if (node === undefined) continue;
    const verdict = evaluation.check(node, key);
    if (verdict === undefined) feasible.push(node);
    else rejected.push(explained(evaluation, verdict, cluster));
  }
  if (feasible.length === 0)
    for (const { name, slot } of cluster.nodes)
      if (!names.has(name))
        rejected.push({
          node: name,
          slot,
          plugin,
          rejection: filteredOut,
          detail: "the pod names the nodes that it may use",
        });
  return { examined: cluster.nodes.length, feasible, rejected };
}

function explained(evaluation: Evaluation, verdict: Verdict, cluster: ClusterState): Verdict {
  if (verdict.detail !== undefined) return verdict;
  const node = cluster.nodeAt(verdict.slot, verdict.node);
  if (node !== undefined) evaluation.explain(verdict, node);
  return verdict;
}
