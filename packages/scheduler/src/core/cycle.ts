// One pod's turn: filter, score, choose. A function of the cluster as it stands; what follows (assuming, binding, telling)
// is done by its caller. In large clusters it stops looking once it has enough feasible nodes, as Kubernetes does.
import type { Cluster, NodeState } from "./cluster.ts";
import { highestScore } from "./plugin.ts";
import type { Plugin, Reasons } from "./plugin.ts";
import type { PodView } from "./resources.ts";

export interface CycleInput {
  readonly pod: PodView;
  readonly cluster: Cluster;
  readonly plugins: readonly Plugin[];
  /** Where to begin among the nodes, so that all get their turn when only some are looked at. */
  readonly startAt: number;
  /** Draws among equals: an integer below its argument. */
  readonly draw: (below: number) => number;
}

export interface RejectedNode {
  readonly node: string;
  readonly plugin: string;
  readonly reasons: Reasons;
  /** With the numbers; computed when it is asked for the first nodes only. */
  readonly detail: string;
}

export interface ScoredNode {
  readonly node: string;
  readonly total: number;
  /** Weighted, by plugin. */
  readonly scores: Readonly<Record<string, number>>;
}

export interface Choice {
  /** Undefined: no node is feasible. */
  readonly node: string | undefined;
  readonly nodeCount: number;
  /** How many nodes were looked at. */
  readonly examined: number;
  readonly rejected: readonly RejectedNode[];
  /** How often each reason was given, over all nodes that were turned down. */
  readonly reasonCounts: ReadonlyMap<string, number>;
  /** Rules that turned down at least one node. */
  readonly rejectedBy: ReadonlySet<string>;
  /** Best first; the first few. */
  readonly scored: readonly ScoredNode[];
  readonly feasible: number;
}

/** Nodes of each kind whose particulars a choice keeps. */
const particulars = 100;

export function choose(input: CycleInput): Choice {
  const { pod, cluster, plugins, draw } = input;
  const { nodes } = cluster;
  const prepared = plugins.map((plugin) => plugin.prepare(pod, cluster));
  const enough = enoughFeasible(nodes.length);
  const feasible: NodeState[] = [];
  const rejected: RejectedNode[] = [];
  const reasonCounts = new Map<string, number>();
  const rejectedBy = new Set<string>();
  let examined = 0;
  for (; examined < nodes.length && feasible.length < enough; examined++) {
    const node = nodes[(input.startAt + examined) % nodes.length] as NodeState;
    const verdict = firstRejection(plugins, prepared, node);
    if (verdict === undefined) {
      feasible.push(node);
      continue;
    }
    const [index, reasons] = verdict;
    const plugin = plugins[index] as Plugin;
    rejectedBy.add(plugin.name);
    for (const reason of reasons) reasonCounts.set(reason, (reasonCounts.get(reason) ?? 0) + 1);
    if (rejected.length < particulars)
      rejected.push({
        node: node.name,
        plugin: plugin.name,
        reasons,
        detail: plugin.explain?.(prepared[index], node) ?? "",
      });
  }
  const scored = score(plugins, prepared, feasible);
  const best = scored[0]?.total;
  const ties = scored.findIndex(({ total }) => total !== best);
  const chosen = scored[scored.length < 2 ? 0 : draw(ties === -1 ? scored.length : ties)];
  return {
    node: chosen?.node,
    nodeCount: nodes.length,
    examined,
    rejected,
    reasonCounts,
    rejectedBy,
    scored: scored.slice(0, particulars),
    feasible: feasible.length,
  };
}

/** Up to 100 nodes all are looked at; beyond, half of them and less, down to a twentieth (Kubernetes' adaptive share). */
export function enoughFeasible(nodeCount: number): number {
  if (nodeCount < 100) return nodeCount;
  const percentage = Math.max(5, 50 - Math.floor(nodeCount / 125));
  return Math.max(100, Math.floor((nodeCount * percentage) / 100));
}

function firstRejection(
  plugins: readonly Plugin[],
  prepared: readonly unknown[],
  node: NodeState,
): readonly [number, Reasons] | undefined {
  for (let i = 0; i < plugins.length; i++) {
    const reasons = (plugins[i] as Plugin).filter?.(prepared[i], node);
    if (reasons !== undefined) return [i, reasons];
  }
  return undefined;
}

function score(plugins: readonly Plugin[], prepared: readonly unknown[], feasible: readonly NodeState[]): ScoredNode[] {
  if (feasible.length === 1) return [{ node: (feasible[0] as NodeState).name, total: 0, scores: {} }];
  const totals = feasible.map(() => 0);
  const tables: (readonly [string, readonly number[]])[] = [];
  plugins.forEach((plugin, index) => {
    if (plugin.score === undefined || plugin.weight === 0) return;
    const scores = feasible.map((node) => plugin.score?.(prepared[index], node) ?? 0);
    plugin.normalize?.(scores);
    for (let i = 0; i < scores.length; i++) {
      const weighted = Math.min(highestScore, Math.max(0, scores[i] as number)) * plugin.weight;
      scores[i] = weighted;
      totals[i] = (totals[i] as number) + weighted;
    }
    tables.push([plugin.name, scores]);
  });
  const order = feasible.map((_, index) => index).sort((a, b) => (totals[b] as number) - (totals[a] as number));
  return order.map((index, rank) => ({
    node: (feasible[index] as NodeState).name,
    total: totals[index] as number,
    scores:
      rank < particulars ? Object.fromEntries(tables.map(([name, scores]) => [name, scores[index] as number])) : {},
  }));
}
