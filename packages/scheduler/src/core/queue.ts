// Pods that wait for a node, in parts, as in Kubernetes: *active* ones are taken in order of priority, then of age;
// *backing off* are those that were tried and have something new to try, after a pause that grows with each attempt;
// *unschedulable* ones wait for an event that a rule which turned them down says may help, or for a long time; *gated* ones
// may not be tried yet; *preempting* ones wait for the deletions that make room for them to be written.
//
//            add                    no node                     event, by `wakes`             time
//   (new) ────────► active ─ pop ──────────► unschedulable ──────────────────► backing off ────────► active
//
// An event costs only a look at pods whose rules listen to it. A pod that room was made for goes on at once when the last
// of those who made room is gone. It has no clock: `now` comes with every call, and `wakeAt` says when to look again.
import { objectKey } from "@coxswain/apimachinery";
import type { ClusterEvent } from "./event.ts";
import { createHeap } from "./heap.ts";
import { priorityOf } from "./placed-pod.ts";
import type { Plugin } from "./plugin.ts";
import { extenders } from "./extender.ts";
import type { Profile } from "./profile.ts";
import type { PodView } from "./resources.ts";

export interface QueuedPod {
  readonly key: string;
  readonly pod: PodView;
  readonly profile: Profile;
  /** How often it has been taken. */
  readonly attempts: number;
  readonly addedAtMs: number;
}

/** A pause that ended early lies in its heap until its time; the entry's sequence tells. */
interface Pause {
  readonly entry: Entry;
  readonly dueMs: number;
  readonly sequence: number;
}

type Place = "active" | "backing-off" | "unschedulable" | "gated" | "preempting" | "taken" | "gone";

interface Entry extends QueuedPod {
  pod: PodView;
  attempts: number;
  place: Place;
  /** When it was added to its heap; ties go to the smaller sequence. */
  sequence: number;
  rejectedBy: ReadonlySet<string>;
  /** Pods whose leaving makes room for it. */
  awaits: Set<string> | undefined;
  /** End of the pause, or of the wait for an event. */
  dueMs: number;
  triedAtMs: number;
  gate: string | undefined;
}

export interface QueueCounts {
  readonly active: number;
  readonly backoff: number;
  readonly unschedulable: number;
  readonly gated: number;
}

export interface QueueOptions {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

const defaultOptions: QueueOptions = { firstPauseMs: 1000, longestPauseMs: 10_000 };
const longestWaitMs = 5 * 60_000;
/** Pods that wait without an event are looked through this often for those whose wait is over. */
const sweepMs = 30_000;

export class SchedulingQueue {
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #options: QueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #active = createHeap<Entry>(isBefore);
  readonly #backingOff = createHeap<Pause>((a, b) =>
    a.dueMs === b.dueMs ? a.sequence < b.sequence : a.dueMs < b.dueMs,
  );
  /** Unschedulable ones by the rules that turned them down; "" for those that no rule did. */
  readonly #listening = new Map<string, Set<Entry>>();
  /** Who waits for a pod to leave. */
  readonly #leavers = new Map<string, Set<Entry>>();
  readonly #counts: Record<Place, number> = {
    active: 0,
    "backing-off": 0,
    unschedulable: 0,
    gated: 0,
    preempting: 0,
    taken: 0,
    gone: 0,
  };
  readonly #plugins = new Map<string, Map<string, Plugin>>();
  #sequence = 0;
  #sweepAtMs = Number.POSITIVE_INFINITY;

  constructor(profiles: readonly Profile[], options: QueueOptions = defaultOptions) {
    this.#profiles = new Map(profiles.map((profile) => [profile.schedulerName, profile]));
    this.#options = options;
    for (const { schedulerName, plugins } of profiles)
      this.#plugins.set(schedulerName, new Map(plugins.map((plugin) => [plugin.name, plugin])));
  }

  counts(): QueueCounts {
    const { active, unschedulable, gated, preempting } = this.#counts;
    return { active, backoff: this.#counts["backing-off"], unschedulable, gated: gated + preempting };
  }

  /** Why a pod is not tried yet. */
  gate(key: string): string | undefined {
    return this.#entries.get(key)?.gate;
  }

  /** A pod without a node, new or changed. Pods of no profile are not taken in. */
  set(pod: PodView, nowMs: number): void {
    const profile = this.#profiles.get(pod.spec?.schedulerName ?? "default-scheduler");
    if (profile === undefined) return;
    const key = objectKey(pod);
    const known = this.#entries.get(key);
    if (known === undefined || known.pod.metadata.uid !== pod.metadata.uid) {
      this.remove(key);
      const entry: Entry = {
        key,
        pod,
        profile,
        attempts: 0,
        addedAtMs: nowMs,
        place: "taken",
        sequence: 0,
        rejectedBy: new Set(),
        awaits: undefined,
        dueMs: 0,
        triedAtMs: 0,
        gate: undefined,
      };
      this.#counts.taken++;
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
    this.#awaitNobody(entry);
    // It may still lie in a heap, which passes over those that have gone.
    this.#move(entry, "gone");
    this.#counts.gone = 0;
  }

  /** The next pod to try. It stays known until `remove`; report with `unschedulable` or `failed` if it got no node. */
  pop(nowMs: number): QueuedPod | undefined {
    this.#activateDue(nowMs);
    for (;;) {
      const entry = this.#active.pop();
      if (entry === undefined) return undefined;
      if (entry.place !== "active") continue;
      this.#move(entry, "taken");
      entry.attempts++;
      entry.triedAtMs = nowMs;
      const { key, pod, profile, attempts, addedAtMs } = entry;
      return { key, pod, profile, attempts, addedAtMs };
    }
  }

  /** No node was feasible, by these rules. */
  unschedulable(key: string, rejectedBy: ReadonlySet<string>, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.rejectedBy = rejectedBy;
    entry.dueMs = nowMs + longestWaitMs;
    this.#move(entry, "unschedulable");
    this.#sweepAtMs = Math.min(this.#sweepAtMs, entry.dueMs);
  }

  /** Room is being made for it; it is not tried until that has been written (`preempted`). */
  preempting(key: string, victims: readonly string[]): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#awaitNobody(entry);
    entry.awaits = new Set(victims);
    for (const victim of victims) {
      const waiting = this.#leavers.get(victim) ?? new Set<Entry>();
      waiting.add(entry);
      this.#leavers.set(victim, waiting);
    }
    this.#move(entry, "preempting");
  }

  /** The deletions are written, or have failed. */
  preempted(key: string, rejectedBy: ReadonlySet<string>, succeeded: boolean, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry?.place !== "preempting") return;
    if (!succeeded) {
      this.#awaitNobody(entry);
      this.#revive(entry, nowMs);
    } else if (entry.awaits === undefined) this.#activate(entry);
    else this.unschedulable(key, rejectedBy, nowMs);
  }

  /** The attempt failed for a reason outside the rules (the binding was refused): again after a pause. */
  failed(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    // The pause counts from the failure: a binding may have taken minutes, and others shall have their turn.
    entry.triedAtMs = nowMs;
    this.#revive(entry, nowMs);
  }

  /** Something happened to a waiting pod that may help it (its nomination ended, say). */
  reconsider(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry?.place === "unschedulable") this.#revive(entry, nowMs);
  }

  /** Lets the pods go on that an event may help. Returns how many. */
  wake(event: ClusterEvent, nowMs: number): number {
    let woken = event.type === "pod-gone" ? this.#left(objectKey(event.pod)) : 0;
    if (this.#counts.unschedulable === 0) return woken;
    for (const [name, entries] of this.#listening) {
      for (const entry of entries) {
        if (!this.#mayHelp(event, name, entry)) continue;
        this.#revive(entry, nowMs);
        woken++;
      }
    }
    return woken;
  }

  /** When `pop` may have something to give that it has not now; undefined: only after a call. */
  wakeAt(): number | undefined {
    if (this.#counts.active > 0) return 0;
    const next = Math.min(
      this.#counts["backing-off"] > 0 ? this.#nextDueMs() : Number.POSITIVE_INFINITY,
      this.#sweepAtMs,
    );
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  #nextDueMs(): number {
    for (;;) {
      const first = this.#backingOff.peek();
      if (first === undefined) return Number.POSITIVE_INFINITY;
      if (first.entry.place === "backing-off" && first.entry.sequence === first.sequence) return first.dueMs;
      this.#backingOff.pop();
    }
  }

  #activateDue(nowMs: number): void {
    while (this.#counts["backing-off"] > 0 && this.#nextDueMs() <= nowMs) {
      const pause = this.#backingOff.pop();
      if (pause !== undefined) this.#activate(pause.entry);
    }
    if (nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = Number.POSITIVE_INFINITY;
    for (const entries of this.#listening.values())
      for (const entry of entries) {
        if (entry.dueMs <= nowMs) this.#activate(entry);
        else this.#sweepAtMs = Math.min(this.#sweepAtMs, Math.max(entry.dueMs, nowMs + sweepMs));
      }
  }

  #mayHelp(event: ClusterEvent, name: string, { profile, pod }: Entry): boolean {
    // Without any node there was nobody to turn the pod down: any node may help.
    if (name === "") return event.type === "node-added";
    // Nobody knows what an extender listens to.
    if (name === extenders) return true;
    const plugin = this.#plugins.get(profile.schedulerName)?.get(name);
    const helps = plugin?.wakes[event.type] as ((event: ClusterEvent, pod: PodView) => boolean) | undefined;
    return helps?.(event, pod) === true;
  }

  /** A pod has left: those who waited for nobody else go on at once. */
  #left(key: string): number {
    let freed = 0;
    for (const entry of this.#leavers.get(key) ?? []) {
      entry.awaits?.delete(key);
      if (entry.awaits === undefined || entry.awaits.size > 0) continue;
      entry.awaits = undefined;
      if (entry.place !== "unschedulable" && entry.place !== "backing-off") continue;
      this.#activate(entry);
      freed++;
    }
    this.#leavers.delete(key);
    return freed;
  }

  #awaitNobody(entry: Entry): void {
    for (const key of entry.awaits ?? []) {
      const waiting = this.#leavers.get(key);
      waiting?.delete(entry);
      if (waiting?.size === 0) this.#leavers.delete(key);
    }
    entry.awaits = undefined;
  }

  #admit(entry: Entry): void {
    entry.gate = undefined;
    for (const plugin of entry.profile.preEnqueues) entry.gate ??= plugin.preEnqueue?.(entry.pod);
    if (entry.gate === undefined) this.#activate(entry);
    else this.#move(entry, "gated");
  }

  /** To the active part, after what is left of the pause that its attempts have earned. */
  #revive(entry: Entry, nowMs: number): void {
    const pause = Math.min(
      this.#options.firstPauseMs * 2 ** Math.max(0, entry.attempts - 1),
      this.#options.longestPauseMs,
    );
    const dueMs = entry.triedAtMs + pause;
    if (entry.attempts === 0 || dueMs <= nowMs) {
      this.#activate(entry);
      return;
    }
    entry.sequence = ++this.#sequence;
    this.#move(entry, "backing-off");
    this.#backingOff.push({ entry, dueMs, sequence: entry.sequence });
  }

  #activate(entry: Entry): void {
    this.#awaitNobody(entry);
    entry.sequence = ++this.#sequence;
    this.#move(entry, "active");
    this.#active.push(entry);
  }

  /** The one place where an entry changes its part, so that counts and indexes stay true. */
  #move(entry: Entry, place: Place): void {
    if (entry.place === "unschedulable") this.#listen(entry, false);
    this.#counts[entry.place]--;
    entry.place = place;
    this.#counts[place]++;
    if (place === "unschedulable") this.#listen(entry, true);
  }

  #listen(entry: Entry, on: boolean): void {
    for (const name of entry.rejectedBy.size === 0 ? [""] : entry.rejectedBy) {
      const entries = this.#listening.get(name) ?? new Set<Entry>();
      if (on) entries.add(entry);
      else entries.delete(entry);
      if (entries.size === 0) this.#listening.delete(name);
      else this.#listening.set(name, entries);
    }
  }
}

function specChanged(old: PodView, pod: PodView): boolean {
  return (
    (old.spec !== pod.spec || old.metadata.labels !== pod.metadata.labels) &&
    (old.metadata.generation !== pod.metadata.generation ||
      JSON.stringify([old.spec, old.metadata.labels]) !== JSON.stringify([pod.spec, pod.metadata.labels]))
  );
}

/** Higher priority first, then who came first. */
function isBefore(a: Entry, b: Entry): boolean {
  const [left, right] = [priorityOf(a.pod), priorityOf(b.pod)];
  return left === right ? a.sequence < b.sequence : left > right;
}
