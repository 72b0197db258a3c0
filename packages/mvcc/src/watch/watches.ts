// Watches. A watch is *synced* when it has seen everything up to now: then it is told of each transaction as it happens.
// Otherwise it is *behind*: it started in the past, or its reader was full. `catchUp` reads what it misses from the
// history, in portions, until it is synced. So a slow reader costs no memory here and holds back nobody; nothing is lost
// until a compaction passes it by, and then it is told so.
import { isSingleKey, keyRange } from "../key.ts";
import type { Key, KeyRange } from "../key.ts";
import { deletion } from "../keyspace.ts";
import type { Change as PastChange, Keyspace } from "../keyspace.ts";
import type { StoreEvent } from "../requests.ts";
import type { Change } from "../write.ts";
import { RangeIndex } from "./range-index.ts";

export interface WatchRequest {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  /** First revision wanted; 0: the next one. */
  readonly startRevision?: number;
  readonly prevKv?: boolean;
  readonly filters?: readonly ("NOPUT" | "NODELETE" | "UNRECOGNIZED")[];
}

/** All events of one or more whole revisions, in order. Without events: a progress notification. */
export interface WatchBatch {
  /** The store's revision; nothing up to it is missing once the batch is delivered. */
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** Where a watch's events go. */
export interface WatchSink {
  /** Takes a batch; false: it is the last for now, until `Watch.resume` is called. */
  send(batch: WatchBatch): boolean;
  /** The revision the watch needs next is gone; the watch is over. */
  compacted(compactRevision: number): void;
}

export interface Watch {
  /** Whether it has seen everything up to now. */
  readonly synced: boolean;
  /** Whether it waits for a revision beyond the next: its client has seen more than this store, and must hear nothing of less. */
  readonly ahead: boolean;
  /** The sink has room again. */
  resume(): void;
  /** Sends a progress notification if synced; false if it is not. */
  progress(): boolean;
  cancel(): void;
}

interface Watcher extends Watch {
  readonly request: WatchRequest;
  readonly range: KeyRange;
  /** What it wants to be told of a change: the same small number for watches with the same options. */
  readonly wish: number;
  readonly sink: WatchSink;
  /** First revision not delivered yet. */
  next: number;
  state: "synced" | "behind" | "full" | "over";
  /** What a watch that is behind has still to read, up to `readTo`. */
  past: readonly PastChange[];
  pastAt: number;
  readTo: number;
}

/** What watches need to know of the store. */
export interface WatchedStore {
  readonly keyspace: Keyspace;
  readonly revision: number;
  readonly compacted: number;
}

/** Events of one portion of catching up; a revision is never split, so there may be more. */
const portion = 1000;
/** Of all watches together in one call: others have work to do, too. */
const mostEventsPerCatchUp = 10_000;

interface Portion {
  readonly events: readonly StoreEvent[];
  /** The place in the history after them, and the last revision looked at. */
  readonly end: number;
  readonly last: number;
}

/** What was read in one call of `catchUp`: many watches miss the same. */
interface SharedHistory {
  readonly changes: Map<string, readonly PastChange[]>;
  readonly portions: Map<readonly PastChange[], Map<string, Portion>>;
}

export class Watches {
  #store: WatchedStore;
  /** Synced watches, those of the same keys together: what they are told is made once for all. */
  readonly #byKey = new Map<Key, Set<Watcher>>();
  readonly #byRange = new RangeIndex<Set<Watcher>>();
  readonly #behind = new Set<Watcher>();
  readonly #all = new Set<Watcher>();

  constructor(store: WatchedStore) {
    this.#store = store;
  }

  get count(): number {
    return this.#all.size;
  }

  /** Goes on with another store of the same history: every watch catches up there from the first revision it has not seen. */
  moveTo(store: WatchedStore): void {
    this.#store = store;
    for (const watcher of this.#all) {
      // What was found in the old store may be compacted in the new one.
      watcher.past = [];
      watcher.pastAt = 0;
      watcher.readTo = 0;
      if (watcher.state !== "synced") continue;
      this.#leaveSynced(watcher);
      this.#fallBehind(watcher);
    }
  }

  /** Watches that `catchUp` has work for. */
  get behind(): number {
    return this.#behind.size;
  }

  watch(request: WatchRequest, sink: WatchSink): Watch {
    const start = request.startRevision ?? 0;
    const next = start > 0 ? start : this.#store.revision + 1;
    const watcher = this.#create(request, sink, next);
    this.#all.add(watcher);
    if (next > this.#store.revision) this.#sync(watcher);
    else this.#fallBehind(watcher);
    return watcher;
  }

  /** Tells the synced watches of a transaction that has just happened. */
  notify(main: number, changes: readonly Change[]): void {
    if (this.#byKey.size === 0 && this.#byRange.size === 0) return;
    const affected = new Map<Set<Watcher>, Change[]>();
    for (const change of changes) {
      const add = (watchers: Set<Watcher>): void => {
        const list = affected.get(watchers);
        if (list === undefined) affected.set(watchers, [change]);
        else list.push(change);
      };
      const watchers = this.#byKey.get(change.key);
      if (watchers !== undefined) add(watchers);
      this.#byRange.visit(change.key, add);
    }
    for (const [watchers, list] of affected) this.#notifyGroup(main, watchers, list);
  }

  /** Watches that want the same of it get the very same events. */
  #notifyGroup(main: number, watchers: Set<Watcher>, changes: readonly Change[]): void {
    const made: (readonly StoreEvent[])[] = [];
    // A watch may leave the group while it is told, because its sink is full; none comes in that has not seen this revision.
    for (const watcher of watchers) {
      if (main < watcher.next) continue;
      const events = (made[watcher.wish] ??= changes
        .filter((change) => wants(watcher, change.tombstone))
        .map((change) => this.#event(watcher, change.key, change.kv.modRevision, change.tombstone, change)));
      if (events.length > 0) this.#deliver(watcher, { revision: main, events }, main + 1);
    }
  }

  /**
   * Reads a bounded amount of history for watches that are behind, those first that have waited longest. Returns how many still are
   * behind: call again while there are any.
   */
  catchUp(): number {
    const shared: SharedHistory = { changes: new Map(), portions: new Map() };
    let budget = mostEventsPerCatchUp;
    // A sink that takes its batch at once may put its watch back: that one waits for the next call.
    for (const watcher of Array.from(this.#behind)) {
      if (budget <= 0) break;
      this.#behind.delete(watcher);
      this.#behind.add(watcher);
      budget -= this.#catchUpOne(watcher, shared);
    }
    return this.#behind.size;
  }

  /** Returns what it cost, in events. */
  #catchUpOne(watcher: Watcher, shared: SharedHistory): number {
    const { revision, compacted } = this.#store;
    if (watcher.next < compacted) {
      this.#over(watcher);
      watcher.sink.compacted(compacted);
      return 1;
    }
    if (watcher.pastAt >= watcher.past.length) {
      if (watcher.readTo >= watcher.next) watcher.next = watcher.readTo + 1;
      if (watcher.next > revision) {
        this.#sync(watcher);
        return 1;
      }
      watcher.past = this.#history(watcher, shared);
      watcher.pastAt = 0;
      watcher.readTo = revision;
    }
    const { events, end, last, cost } = this.#portion(watcher, shared);
    watcher.pastAt = end;
    const finished = end >= watcher.past.length;
    const next = finished ? watcher.readTo + 1 : last + 1;
    if (finished) watcher.past = [];
    if (events.length > 0) this.#deliver(watcher, { revision, events }, next);
    else watcher.next = next;
    if (watcher.state === "behind" && finished && watcher.next > this.#store.revision) this.#sync(watcher);
    return cost;
  }

  /** Watches of the same keys that stopped at the same place share what they read. */
  #history(watcher: Watcher, shared: SharedHistory): readonly PastChange[] {
    const { start, end } = watcher.range;
    const name = `${watcher.next} ${start.length} ${start}${end ?? "\0\0"}`;
    let changes = shared.changes.get(name);
    if (changes === undefined) {
      changes = this.#store.keyspace.changes(watcher.range, watcher.next, this.#store.revision);
      shared.changes.set(name, changes);
    }
    return changes;
  }

  /** The next events of a watch's history; a revision is never split. */
  #portion(watcher: Watcher, shared: SharedHistory): Portion & { readonly cost: number } {
    const { past, pastAt, wish } = watcher;
    let portions = shared.portions.get(past);
    if (portions === undefined) shared.portions.set(past, (portions = new Map()));
    const name = `${pastAt} ${wish}`;
    const known = portions.get(name);
    if (known !== undefined) return { ...known, cost: 1 };
    const events: StoreEvent[] = [];
    let last = 0;
    let end = pastAt;
    for (; end < past.length; end++) {
      const change = past[end] as PastChange;
      if (events.length >= portion && change.main !== last) break;
      last = change.main;
      if (wants(watcher, change.tombstone))
        events.push(this.#event(watcher, change.key, change.main, change.tombstone, change));
    }
    const made = { events, end, last };
    portions.set(name, made);
    return { ...made, cost: 1 + end - pastAt };
  }

  #event(watcher: Watcher, key: Key, main: number, tombstone: boolean, change: PastChange | Change): StoreEvent {
    const kv =
      "kv" in change ? change.kv : tombstone ? deletion(key, main) : this.#store.keyspace.record(main, change.sub);
    const type = tombstone ? "DELETE" : "PUT";
    if (watcher.request.prevKv !== true || main - 1 < this.#store.compacted) return { type, kv };
    return { type, kv, prevKv: this.#store.keyspace.read(key, main - 1) };
  }

  #deliver(watcher: Watcher, batch: WatchBatch, next: number): void {
    watcher.next = next;
    if (watcher.sink.send(batch) || watcher.state === "over") return;
    this.#leaveSynced(watcher);
    this.#behind.delete(watcher);
    watcher.state = "full";
  }

  #create(request: WatchRequest, sink: WatchSink, next: number): Watcher {
    const newest = (): number => this.#store.revision;
    const watcher: Watcher = {
      request,
      sink,
      range: keyRange(request.key, request.rangeEnd),
      wish: wishOf(request),
      next,
      state: "behind",
      past: [],
      pastAt: 0,
      readTo: 0,
      get synced() {
        return this.state === "synced";
      },
      get ahead() {
        return this.next > newest() + 1;
      },
      resume: () => {
        if (watcher.state === "full") this.#fallBehind(watcher);
      },
      progress: () => {
        if (watcher.state !== "synced" || watcher.ahead) return false;
        this.#deliver(watcher, { revision: this.#store.revision, events: [] }, this.#store.revision + 1);
        return true;
      },
      cancel: () => this.#over(watcher),
    };
    return watcher;
  }

  #sync(watcher: Watcher): void {
    this.#behind.delete(watcher);
    watcher.state = "synced";
    if (isSingleKey(watcher.range)) {
      const watchers = this.#byKey.get(watcher.range.start);
      if (watchers === undefined) this.#byKey.set(watcher.range.start, new Set([watcher]));
      else watchers.add(watcher);
      return;
    }
    const watchers = this.#byRange.get(watcher.range);
    if (watchers === undefined) this.#byRange.add(watcher.range, new Set([watcher]));
    else watchers.add(watcher);
  }

  #fallBehind(watcher: Watcher): void {
    watcher.state = "behind";
    this.#behind.add(watcher);
  }

  #leaveSynced(watcher: Watcher): void {
    if (watcher.state !== "synced") return;
    if (isSingleKey(watcher.range)) {
      const watchers = this.#byKey.get(watcher.range.start);
      watchers?.delete(watcher);
      if (watchers?.size === 0) this.#byKey.delete(watcher.range.start);
      return;
    }
    const watchers = this.#byRange.get(watcher.range);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#byRange.delete(watcher.range);
  }

  #over(watcher: Watcher): void {
    if (watcher.state === "over") return;
    this.#leaveSynced(watcher);
    this.#behind.delete(watcher);
    watcher.state = "over";
    watcher.past = [];
    this.#all.delete(watcher);
  }
}

function wishOf({ prevKv, filters }: WatchRequest): number {
  return (prevKv === true ? 1 : 0) + (filters?.includes("NOPUT") ? 2 : 0) + (filters?.includes("NODELETE") ? 4 : 0);
}

function wants(watcher: Watcher, tombstone: boolean): boolean {
  return watcher.request.filters?.includes(tombstone ? "NODELETE" : "NOPUT") !== true;
}
