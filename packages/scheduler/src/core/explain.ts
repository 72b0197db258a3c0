// A choice in words: Kubernetes' sentence for events and conditions, and the record that the debug endpoint serves. Keeps
// the last decision of each pod, up to a limit; the oldest are forgotten. A record is kept as the cycle left it (shared
// verdicts, rows of numbers) and is written out only when somebody asks.
import type { Filtered, ScoreTable } from "./cycle.ts";
import { extenders } from "./extender.ts";
import type { Verdict } from "./evaluation.ts";
import type { Rejection } from "./plugin.ts";

export interface RejectedNode {
  readonly node: string;
  readonly plugin: string;
  /** In Kubernetes' words. */
  readonly reasons: readonly string[];
  /** With the numbers. */
  readonly detail: string;
  /** Whether taking other pods away might help. */
  readonly preemptible: boolean;
}

export interface ScoredNode {
  readonly node: string;
  readonly total: number;
  /** Weighted, by plugin; plugins without an opinion are not there. */
  readonly scores: Readonly<Record<string, number>>;
}

/** What the debug endpoint serves. */
export interface Decision {
  /** "namespace/name". */
  readonly pod: string;
  readonly uid: string;
  /** RFC 3339, with milliseconds. */
  readonly time: string;
  readonly profile: string;
  /** How often the pod has been tried. */
  readonly attempt: number;
  readonly node: string | undefined;
  readonly because: string;
  readonly nodeCount: number;
  readonly examined: number;
  readonly feasible: number;
  /** Best first. */
  readonly scored: readonly ScoredNode[];
  readonly rejected: readonly RejectedNode[];
  /** Undefined: nobody was thought of. */
  readonly preemption: PreemptionRecord | undefined;
}

export interface PreemptionRecord {
  readonly message: string;
  /** Where room is being made. */
  readonly node?: string;
  readonly victims?: readonly string[];
}

/** A decision as the cycle left it. */
export interface DecisionRecord {
  readonly pod: string;
  readonly uid: string;
  readonly time: string;
  readonly profile: string;
  readonly attempt: number;
  readonly filtered: Filtered;
  readonly node: string | undefined;
  readonly table: ScoreTable | undefined;
  readonly preemption: PreemptionRecord | undefined;
}

/** Adds the reasons of verdicts to a count of reasons. */
export function countReasons(
  verdicts: Iterable<Verdict>,
  counts: Map<string, number> = new Map(),
): ReadonlyMap<string, number> {
  // Rules give the same rejection again and again, so that it is counted as one for as long as it repeats.
  let last: Rejection | undefined;
  let times = 0;
  const add = (): void => {
    for (const reason of last?.reasons ?? []) counts.set(reason, (counts.get(reason) ?? 0) + times);
  };
  for (const { rejection } of verdicts) {
    if (rejection === last) {
      times++;
      continue;
    }
    add();
    [last, times] = [rejection, 1];
  }
  add();
  return counts;
}

/** "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." */
export function nodesMessage(nodeCount: number, reasons: ReadonlyMap<string, number>): string {
  const texts = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${texts.join(", ")}.`;
}

/** Why a pod found no node, in Kubernetes' words. */
export function unschedulableMessage(filtered: Filtered, preemption?: string): string {
  const { nodeCount, hopeless, rejected } = filtered;
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const first =
    hopeless === undefined
      ? nodesMessage(nodeCount, countReasons(rejected))
      : `0/${nodeCount} nodes are available: ${hopeless.rejection.reasons.join(", ")}.`;
  return preemption === undefined ? first : `${first} preemption: ${preemption}`;
}

/** The rules that turned at least one node down. */
export function rejectingPlugins({ hopeless, rejected }: Filtered): ReadonlySet<string> {
  if (hopeless !== undefined) return new Set([hopeless.plugin.name]);
  const names = new Set<string>();
  let last: Verdict["plugin"] | null = null;
  for (const { plugin } of rejected) {
    if (plugin !== last) names.add(plugin?.name ?? extenders);
    last = plugin;
  }
  return names;
}

/** Why this node, or why none, in one sentence. */
export function because({ filtered, node, table, preemption }: DecisionRecord): string {
  if (node === undefined || table === undefined) return unschedulableMessage(filtered, preemption?.message);
  const feasible = filtered.feasible.length;
  if (feasible === 1) return `${node} is the only feasible node of ${filtered.examined} examined`;
  const best = table.totals[table.nodes.indexOf(node)] ?? 0;
  const equals = table.totals.reduce((count, total) => count + (total === best ? 1 : 0), 0);
  const among = equals > 1 ? `, drawn among ${equals} equals` : "";
  return `${node} scores ${best}, the best of ${feasible} feasible nodes${among}`;
}

export function written(record: DecisionRecord): Decision {
  const { filtered, table } = record;
  return {
    ...summary(record),
    scored: table === undefined ? [] : scoredNodes(table),
    rejected: [...filtered.rejected, ...hopelessNodes(filtered)].map(rejectedNode),
  };
}

function summary(record: DecisionRecord): DecisionSummary {
  const { filtered, pod, uid, time, profile, attempt, node, preemption } = record;
  return {
    pod,
    uid,
    time,
    profile,
    attempt,
    node,
    because: because(record),
    nodeCount: filtered.nodeCount,
    examined: filtered.examined,
    feasible: filtered.feasible.length,
    preemption,
  };
}

/** A decision without the particulars of nodes. */
export type DecisionSummary = Omit<Decision, "scored" | "rejected">;

export interface DecisionLog {
  add(record: DecisionRecord): void;
  get(pod: string): Decision | undefined;
  /** Newest first. */
  list(): readonly DecisionSummary[];
}

/** `mostCells` bounds the particulars: a scored node counts one for each rule, a rejected one counts one. */
export function createDecisionLog(mostDecisions: number, mostCells: number): DecisionLog {
  /** In the order of their making. */
  const records = new Map<string, DecisionRecord>();
  let cells = 0;
  const drop = (pod: string, record: DecisionRecord): void => {
    records.delete(pod);
    cells -= size(record);
  };
  return {
    add(record) {
      const old = records.get(record.pod);
      if (old !== undefined) drop(record.pod, old);
      records.set(record.pod, record);
      cells += size(record);
      for (const [pod, oldest] of records) {
        if ((records.size <= mostDecisions && cells <= mostCells) || records.size === 1) return;
        drop(pod, oldest);
      }
    },
    get: (pod) => {
      const record = records.get(pod);
      return record === undefined ? undefined : written(record);
    },
    list: () => [...records.values()].reverse().map(summary),
  };
}

function size({ table, filtered }: DecisionRecord): number {
  return 1 + filtered.rejected.length + (table === undefined ? 0 : table.nodes.length * (table.columns.length + 2));
}

function scoredNodes({ nodes, columns, totals }: ScoreTable): readonly ScoredNode[] {
  return nodes
    .map((node, index) => ({
      node,
      total: totals[index] ?? 0,
      scores: Object.fromEntries(columns.map(({ plugin, scores }) => [plugin, scores[index] ?? 0])),
    }))
    .sort((a, b) => b.total - a.total);
}

function rejectedNode({ node, plugin, rejection, detail }: Verdict): RejectedNode {
  return {
    node,
    plugin: plugin?.name ?? extenders,
    reasons: rejection.reasons,
    detail: detail ?? "",
    preemptible: !rejection.unresolvable,
  };
}

/** A reason that holds for every node is told once, for all of them. */
function hopelessNodes({ hopeless }: Filtered): readonly Verdict[] {
  if (hopeless === undefined) return [];
  const { plugin, rejection } = hopeless;
  return [{ node: "*", slot: -1, plugin, rejection, detail: rejection.reasons.join(", ") }];
}
