// Pods that wait for a node, in three parts, as in Kubernetes: *active* ones are taken in order of priority, then of age;
// *backing off* are those that were tried and have something new to try, after a pause that grows with each attempt;
// *unschedulable* ones wait for an event that a rule which turned them down says may help, or for a long time.
//
//            add                    no node                     event, by `wakes`             time
//   (new) ────────► active ─ pop ──────────► unschedulable ──────────────────► backing off ────────► active
//
// It has no clock: `now` comes with every call, and `wakeAt` says when to look again.
import { objectKey } from "@coxswain/apimachinery";
import type { ClusterEvent, Plugin } from "./plugin.ts";
import { closedGates } from "./plugins/scheduling-gates.ts";
import type { PodView } from "./resources.ts";

export interface QueuedPod {
  readonly key: string;
  readonly pod: PodView;
  /** How often it has been taken. */
  readonly attempts: number;
  readonly addedAtMs: number;
}

interface Entry extends QueuedPod {
  pod: PodView;
  attempts: number;
  place: "active" | "backing-off" | "unschedulable" | "gated" | "taken";
  /** When it was added to the active part; ties go to the smaller sequence. */
  sequence: number;
  rejectedBy: ReadonlySet<string>;
  /** End of the pause, or of the wait for an event. */
  dueMs: number;
  triedAtMs: number;
}

export interface QueueCounts {
  readonly active: number;
  readonly backoff: number;
  readonly unschedulable: number;
  readonly gated: number;
}

const pauseMs = { first: 1000, longest: 10_000 };
const longestWaitMs = 5 * 60_000;

export class SchedulingQueue {
  readonly #plugins: ReadonlyMap<string, Plugin>;
  readonly #entries = new Map<string, Entry>();
  readonly #active: Entry[] = [];
  #sequence = 0;
  /** Not later than the first end of a pause or a wait. */
  #nextDueMs = Number.POSITIVE_INFINITY;

  constructor(plugins: readonly Plugin[]) {
    this.#plugins = new Map(plugins.map((plugin) => [plugin.name, plugin]));
  }

  counts(): QueueCounts {
    const counts = { active: 0, backoff: 0, unschedulable: 0, gated: 0 };
    for (const { place } of this.#entries.values()) {
      if (place === "active") counts.active++;
      else if (place === "backing-off") counts.backoff++;
      else if (place === "unschedulable") counts.unschedulable++;
      else if (place === "gated") counts.gated++;
    }
    return counts;
  }

  /** A pod without a node, new or changed. */
  set(pod: PodView, nowMs: number): void {
    const key = objectKey(pod);
    const known = this.#entries.get(key);
    if (known === undefined || known.pod.metadata.uid !== pod.metadata.uid) {
      this.remove(key);
      const entry: Entry = {
        key,
        pod,
        attempts: 0,
        addedAtMs: nowMs,
        place: "taken",
        sequence: 0,
        rejectedBy: new Set(),
        dueMs: 0,
        triedAtMs: 0,
      };
      this.#entries.set(key, entry);
      this.#admit(entry);
      return;
    }
    const old = known.pod;
    known.pod = pod;
    if (known.place === "gated") this.#admit(known);
    else if (known.place === "unschedulable" && specChanged(old, pod)) this.#revive(known, nowMs);
  }

  /** The pod is gone, or has a node. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    // It may still lie in the heap; `pop` passes over entries that are not the current ones.
    entry.place = "taken";
  }

  /** The next pod to try. It stays known until `remove`; report with `unschedulable` or `failed` if it got no node. */
  pop(nowMs: number): QueuedPod | undefined {
    if (nowMs >= this.#nextDueMs) this.#activateDue(nowMs);
    for (;;) {
      const entry = heapPop(this.#active);
      if (entry === undefined) return undefined;
      if (entry.place !== "active" || this.#entries.get(entry.key) !== entry) continue;
      entry.place = "taken";
      entry.attempts++;
      entry.triedAtMs = nowMs;
      return { key: entry.key, pod: entry.pod, attempts: entry.attempts, addedAtMs: entry.addedAtMs };
    }
  }

  /** No node was feasible, by these rules. */
  unschedulable(key: string, rejectedBy: ReadonlySet<string>, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.place = "unschedulable";
    entry.rejectedBy = rejectedBy;
    this.#waitUntil(entry, nowMs + longestWaitMs);
  }

  /** The attempt failed for a reason outside the rules (the binding was refused): again after a pause. */
  failed(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#revive(entry, nowMs);
  }

  /** Lets the pods go on that an event may help. Returns how many. */
  wake(event: ClusterEvent, nowMs: number): number {
    let woken = 0;
    for (const entry of this.#entries.values()) {
      if (entry.place !== "unschedulable" || !this.#mayHelp(event, entry)) continue;
      this.#revive(entry, nowMs);
      woken++;
    }
    return woken;
  }

  /** When `pop` may have something to give that it has not now; undefined: only after a call. */
  wakeAt(): number | undefined {
    if (this.#active.length > 0) return 0;
    return this.#nextDueMs === Number.POSITIVE_INFINITY ? undefined : this.#nextDueMs;
  }

  #activateDue(nowMs: number): void {
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      if (entry.place !== "backing-off" && entry.place !== "unschedulable") continue;
      if (entry.dueMs <= nowMs) this.#activate(entry);
      else this.#nextDueMs = Math.min(this.#nextDueMs, entry.dueMs);
    }
  }

  #waitUntil(entry: Entry, dueMs: number): void {
    entry.dueMs = dueMs;
    this.#nextDueMs = Math.min(this.#nextDueMs, dueMs);
  }

  #mayHelp(event: ClusterEvent, { rejectedBy, pod }: Entry): boolean {
    // Without any node there was nobody to turn the pod down: any node may help.
    if (rejectedBy.size === 0) return event.type === "node-added";
    for (const name of rejectedBy) if (this.#plugins.get(name)?.wakes(event, pod) === true) return true;
    return false;
  }

  #admit(entry: Entry): void {
    if (closedGates(entry.pod).length > 0) entry.place = "gated";
    else this.#activate(entry);
  }

  /** To the active part, after what is left of the pause that its attempts have earned. */
  #revive(entry: Entry, nowMs: number): void {
    const pause = Math.min(pauseMs.first * 2 ** Math.max(0, entry.attempts - 1), pauseMs.longest);
    const dueMs = entry.triedAtMs + pause;
    if (entry.attempts === 0 || dueMs <= nowMs) {
      this.#activate(entry);
      return;
    }
    entry.place = "backing-off";
    this.#waitUntil(entry, dueMs);
  }

  #activate(entry: Entry): void {
    entry.place = "active";
    entry.sequence = ++this.#sequence;
    heapPush(this.#active, entry);
  }
}

function specChanged(old: PodView, pod: PodView): boolean {
  return (
    old.spec !== pod.spec &&
    (old.metadata.generation !== pod.metadata.generation ||
      JSON.stringify([old.spec, old.metadata.labels]) !== JSON.stringify([pod.spec, pod.metadata.labels]))
  );
}

/** Higher priority first, then who came first. */
function before(a: Entry, b: Entry): boolean {
  const [left, right] = [a.pod.spec?.priority ?? 0, b.pod.spec?.priority ?? 0];
  return left === right ? a.sequence < b.sequence : left > right;
}

function heapPush(heap: Entry[], entry: Entry): void {
  heap.push(entry);
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >>> 1;
    if (!before(heap[at] as Entry, heap[parent] as Entry)) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function heapPop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  heap[0] = last;
  let at = 0;
  for (;;) {
    const left = at * 2 + 1;
    let first = at;
    for (const child of [left, left + 1])
      if (child < heap.length && before(heap[child] as Entry, heap[first] as Entry)) first = child;
    if (first === at) return top;
    swap(heap, at, first);
    at = first;
  }
}

function swap(heap: Entry[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b] as Entry, heap[a] as Entry];
}
