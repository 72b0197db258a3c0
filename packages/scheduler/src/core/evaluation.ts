// What a profile's rules have worked out about one kind of pod: their preparation, and for every node the first rule that turns
// it down and the scores. Pods of the same kind that come one after the other find most of it done: a node is looked at again
// only after it has changed (its generation), counts over all nodes are brought up to date from the journal, and a change of
// nodes themselves (the layout) throws everything away.
import type { ClusterState } from "./cluster.ts";
import { highestScore } from "./plugin.ts";
import type { Plugin, Rejection } from "./plugin.ts";
import type { NodeState } from "./node-state.ts";
import type { PlacedPod } from "./placed-pod.ts";
import { priorityOf } from "./placed-pod.ts";
import type { Profile } from "./profile.ts";
import type { PodView } from "./resources.ts";
import { signatureOf } from "./signature.ts";

/** The first rule that turned a node down. Shared by all pods of the kind until the node changes. */
export interface Verdict {
  readonly node: string;
  readonly slot: number;
  readonly plugin: Plugin | undefined;
  readonly rejection: Rejection;
  /** With the numbers; filled in when somebody asks. */
  detail: string | undefined;
}

interface Memory {
  /** By slot: the generation of the node that was looked at, 0 for none. */
  filtered: Float64Array;
  verdicts: (Verdict | undefined)[];
  /** The same with the pods that were promised the node. */
  promised: Float64Array;
  promisedVerdicts: (Verdict | undefined)[];
  scored: Float64Array;
  scores: Float64Array;
}

export class Evaluation {
  readonly profile: Profile;
  readonly pod: PodView;
  readonly #cluster: ClusterState;
  readonly #prepared: unknown[];
  /** Places in `profile.filters`. */
  readonly #local: number[] = [];
  readonly #wide: number[] = [];
  readonly #localScores: readonly number[];
  readonly #tracking: readonly number[];
  #active: readonly boolean[] = [];
  #nodesOnly = false;
  /** The pod that asks, and the node that it was promised. */
  #asking: string | undefined;
  #promisedNode: string | undefined;
  #layout: number;
  #journalAt: number;
  #uses = 0;
  #memory: Memory | undefined;

  constructor(pod: PodView, profile: Profile, cluster: ClusterState) {
    this.pod = pod;
    this.profile = profile;
    this.#cluster = cluster;
    this.#prepared = profile.plugins.map((plugin) => plugin.prepare(pod, cluster));
    this.#tracking = profile.plugins.flatMap((plugin, index) => (plugin.track === undefined ? [] : [index]));
    this.#layout = cluster.layout;
    this.#journalAt = cluster.journalEnd;
    profile.filters.forEach((index, place) =>
      (profile.plugins[index]?.scope === "node" ? this.#local : this.#wide).push(place),
    );
    this.#localScores = profile.scores.flatMap(({ index }, place) =>
      profile.plugins[index]?.scope === "node" ? [place] : [],
    );
    this.#ask();
  }

  /** For a pod of this kind, now. False: too much has changed, start anew. */
  refresh(): boolean {
    const cluster = this.#cluster;
    if (this.#layout !== cluster.layout) return false;
    if (this.#journalAt !== cluster.journalEnd) {
      const told = cluster.replay(this.#journalAt, ({ node, placed, sign }) => {
        for (const index of this.#tracking) this.#plugin(index).track?.(this.#prepared[index], node, placed, sign);
      });
      if (!told) return false;
      this.#journalAt = cluster.journalEnd;
    }
    this.#ask();
    this.#uses++;
    if (this.#uses === 1 || (this.#memory !== undefined && this.#memory.filtered.length < cluster.slots))
      this.#memory = emptyMemory(cluster.slots, this.profile.scores.length);
    return true;
  }

  hopeless(): { readonly plugin: Plugin; readonly rejection: Rejection } | undefined {
    for (const index of this.profile.filters) {
      const plugin = this.#plugin(index);
      const rejection = plugin.hopeless?.(this.#prepared[index]);
      if (rejection !== undefined) return { plugin, rejection };
    }
    return undefined;
  }

  /** The only nodes that can do, if the rules know. */
  restriction(): { readonly names: ReadonlySet<string>; readonly plugin: Plugin } | undefined {
    let found: { readonly names: ReadonlySet<string>; readonly plugin: Plugin } | undefined;
    for (const index of this.profile.filters) {
      const plugin = this.#plugin(index);
      const names = plugin.restrict?.(this.#prepared[index]);
      if (names !== undefined) found = { names: found === undefined ? names : found.names.intersection(names), plugin };
    }
    return found;
  }

  /** Undefined: the node may run the pod. Room that is being made for others that matter as much is not given away. */
  check(node: NodeState, key: string): Verdict | undefined {
    const local = this.#checkLocal(node);
    if (!this.#nodesOnly) {
      const before = local === undefined ? Number.POSITIVE_INFINITY : this.#placeOf(local);
      for (const place of this.#wide) {
        if (place > before) break;
        const verdict = this.#askOne(place, node);
        if (verdict !== undefined) return verdict;
      }
    }
    return local ?? (this.#cluster.nominations.size === 0 ? undefined : this.#checkPromised(node, key));
  }

  /** The same for a node as it might be; nothing is remembered. */
  checkTrial(trial: NodeState, key: string): Verdict | undefined {
    const { nominations } = this.#cluster;
    const nominated = nominations.size === 0 ? [] : nominations.atLeast(trial.name, priorityOf(this.pod), key);
    if (nominated.length > 0) {
      const verdict = this.#checkWith(trial, nominated);
      if (verdict !== undefined) return verdict;
    }
    return this.#checkAll(trial);
  }

  /** Pretends that a pod came to, or went from, a node; whoever pretends takes it back. */
  pretend(trial: NodeState, placed: PlacedPod, sign: 1 | -1): void {
    if (sign === 1) trial.add(placed);
    else trial.remove(placed);
    for (const index of this.#tracking) this.#plugin(index).track?.(this.#prepared[index], trial, placed, sign);
  }

  /** Fills in the numbers of a verdict that has just been given. */
  explain(verdict: Verdict, node: NodeState): string {
    const { plugin } = verdict;
    verdict.detail ??= plugin?.explain?.(this.#prepared[this.profile.plugins.indexOf(plugin)], node) ?? "";
    return verdict.detail;
  }

  /** Weighted scores: one row of nodes for each rule that has an opinion, and their sums. */
  score(feasible: readonly NodeState[]): {
    readonly plugins: readonly Plugin[];
    readonly rows: readonly Float64Array[];
    readonly totals: Float64Array;
  } {
    const totals = new Float64Array(feasible.length);
    const plugins: Plugin[] = [];
    const rows: Float64Array[] = [];
    this.profile.scores.forEach(({ index, weight }, place) => {
      const plugin = this.#plugin(index);
      const prepared = this.#prepared[index];
      if (plugin.scores?.(prepared) === false) return;
      const row = new Float64Array(feasible.length);
      plugin.beginScoring?.(prepared, feasible);
      if (plugin.scope === "node") this.#fillLocal(place, feasible, row);
      else for (let i = 0; i < feasible.length; i++) row[i] = plugin.score?.(prepared, feasible[i] as NodeState) ?? 0;
      plugin.normalize?.(row, feasible.length);
      for (let i = 0; i < row.length; i++) {
        const weighted = Math.min(highestScore, Math.max(0, row[i] as number)) * weight;
        row[i] = weighted;
        totals[i] = (totals[i] as number) + weighted;
      }
      plugins.push(plugin);
      rows.push(row);
    });
    this.#markScored(feasible);
    return { plugins, rows, totals };
  }

  /** Whether the answers about a node depend on nothing but that node. */
  looksAtNodesOnly(): boolean {
    return this.#nodesOnly;
  }

  preparedFor(index: number): unknown {
    return this.#prepared[index];
  }

  #ask(): void {
    this.#active = this.profile.filters.map((index) => {
      const plugin = this.#plugin(index);
      return plugin.filter !== undefined && plugin.filters?.(this.#prepared[index]) !== false;
    });
    this.#nodesOnly = !this.#wide.some((place) => this.#active[place] === true);
    this.#asking = undefined;
  }

  #plugin(index: number): Plugin {
    return this.profile.plugins[index] as Plugin;
  }

  #placeOf({ plugin }: Verdict): number {
    return this.profile.filters.findIndex((index) => this.profile.plugins[index] === plugin);
  }

  #askOne(place: number, node: NodeState): Verdict | undefined {
    if (this.#active[place] !== true) return undefined;
    const index = this.profile.filters[place] as number;
    const plugin = this.#plugin(index);
    const rejection = plugin.filter?.(this.#prepared[index], node);
    return rejection === undefined
      ? undefined
      : { node: node.name, slot: node.slot, plugin, rejection, detail: undefined };
  }

  #checkAll(node: NodeState): Verdict | undefined {
    for (let place = 0; place < this.profile.filters.length; place++) {
      const verdict = this.#askOne(place, node);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  #checkLocal(node: NodeState): Verdict | undefined {
    const memory = this.#memory;
    const { slot } = node;
    if (memory !== undefined && memory.filtered[slot] === node.generation) return memory.verdicts[slot];
    let verdict: Verdict | undefined;
    for (const place of this.#local) {
      verdict = this.#askOne(place, node);
      if (verdict !== undefined) break;
    }
    if (memory !== undefined) {
      memory.filtered[slot] = node.generation;
      memory.verdicts[slot] = verdict;
    }
    return verdict;
  }

  #checkWith(node: NodeState, others: readonly PlacedPod[]): Verdict | undefined {
    const trial = node.clone();
    // The rules as they would answer with the others there: what they count may make rules active that are not now.
    const [active, nodesOnly] = [this.#active, this.#nodesOnly];
    for (const placed of others) this.pretend(trial, placed, 1);
    this.#ask();
    const verdict = this.#checkAll(trial);
    if (verdict !== undefined) this.explain(verdict, trial);
    for (const placed of others) this.pretend(trial, placed, -1);
    [this.#active, this.#nodesOnly] = [active, nodesOnly];
    return verdict;
  }

  /** With the pods that room is being made for here. */
  #checkPromised(node: NodeState, key: string): Verdict | undefined {
    const { nominations } = this.#cluster;
    if (this.#asking !== key) [this.#asking, this.#promisedNode] = [key, nominations.nodeOf(key)];
    const memory = this.#memory;
    // For the pod that was promised this very node the answer is another than for all others.
    const lasting = memory !== undefined && this.#promisedNode !== node.name && this.#nodesOnly;
    if (lasting && memory.promised[node.slot] === node.generation) return memory.promisedVerdicts[node.slot];
    const nominated = nominations.atLeast(node.name, priorityOf(this.pod), key);
    const verdict = nominated.length === 0 ? undefined : this.#checkWith(node, nominated);
    if (lasting) {
      memory.promised[node.slot] = node.generation;
      memory.promisedVerdicts[node.slot] = verdict;
    }
    return verdict;
  }

  #fillLocal(place: number, feasible: readonly NodeState[], row: Float64Array): void {
    const { index } = this.profile.scores[place] as { readonly index: number };
    const plugin = this.#plugin(index);
    const prepared = this.#prepared[index];
    const memory = this.#memory;
    const width = this.profile.scores.length;
    for (let i = 0; i < feasible.length; i++) {
      const node = feasible[i] as NodeState;
      const at = node.slot * width + place;
      if (memory !== undefined && memory.scored[node.slot] === node.generation) {
        row[i] = memory.scores[at] as number;
        continue;
      }
      const score = plugin.score?.(prepared, node) ?? 0;
      row[i] = score;
      if (memory !== undefined) memory.scores[at] = score;
    }
  }

  #markScored(feasible: readonly NodeState[]): void {
    if (this.#memory === undefined || this.#localScores.length === 0) return;
    for (const { slot, generation } of feasible) this.#memory.scored[slot] = generation;
  }
}

/** The kinds of pods that came last. */
export interface Evaluations {
  /** For a pod of a profile, up to date. */
  of(pod: PodView, profile: Profile): Evaluation;
}

/** Kinds that are remembered. */
const mostKinds = 32;

export function createEvaluations(cluster: ClusterState): Evaluations {
  const kinds = new Map<string, Evaluation>();
  return {
    of(pod, profile) {
      const signature = signatureOf(pod);
      if (signature === undefined) return new Evaluation(pod, profile, cluster);
      const key = `${profile.schedulerName}\n${signature}`;
      const known = kinds.get(key);
      const usable = known?.refresh() === true ? known : undefined;
      const evaluation = usable ?? new Evaluation(pod, profile, cluster);
      kinds.delete(key);
      kinds.set(key, evaluation);
      if (kinds.size > mostKinds)
        for (const oldest of kinds.keys()) {
          kinds.delete(oldest);
          break;
        }
      return evaluation;
    },
  };
}

function emptyMemory(slots: number, scores: number): Memory {
  const room = Math.ceil(slots * 1.2) + 16;
  return {
    filtered: new Float64Array(room),
    verdicts: Array.from<Verdict | undefined>({ length: room }),
    promised: new Float64Array(room),
    promisedVerdicts: Array.from<Verdict | undefined>({ length: room }),
    scored: new Float64Array(room),
    scores: new Float64Array(room * scores),
  };
}
