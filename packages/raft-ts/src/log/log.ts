// The log as the node sees it: what storage has, with the unstable end laid over it, and how far it is committed and applied.
import { assert } from "../assert.ts";
import { limitSize } from "../entry.ts";
import type { Entry, Index, Snapshot, Term } from "../entry.ts";
import type { Storage } from "../storage.ts";
import { Unstable } from "./unstable.ts";

export class Log {
  readonly unstable: Unstable;
  /** Highest index known to be on a majority. Never goes back; applied <= committed. */
  committed: Index;
  /** Highest index handed to the application and reported back by `advance`. */
  applied: Index;
  private readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
    this.unstable = new Unstable(storage.lastIndex() + 1);
    this.committed = storage.firstIndex() - 1;
    this.applied = this.committed;
  }

  firstIndex(): Index {
    return this.unstable.snapshot ? this.unstable.snapshot.index + 1 : this.storage.firstIndex();
  }

  lastIndex(): Index {
    return this.unstable.lastIndex() ?? this.storage.lastIndex();
  }

  lastTerm(): Term {
    const term = this.term(this.lastIndex());
    assert(typeof term === "number", `expected the last entry to have a term, found ${term}`);
    return term;
  }

  term(index: Index): Term | "compacted" | "unavailable" {
    const known = this.unstable.term(index);
    if (known !== undefined) return known;
    if (index + 1 < this.firstIndex()) return "compacted";
    if (index > this.lastIndex()) return "unavailable";
    return this.storage.term(index);
  }

  matches(index: Index, term: Term): boolean {
    return this.term(index) === term;
  }

  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    const ownTerm = this.lastTerm();
    return lastTerm > ownTerm || (lastTerm === ownTerm && lastIndex >= this.lastIndex());
  }

  /** Takes over what a leader sent after `prevIndex`; undefined when the logs do not meet there, else the last new index. */
  maybeAppend(prevIndex: Index, prevTerm: Term, commit: Index, entries: readonly Entry[]): Index | undefined {
    if (!this.matches(prevIndex, prevTerm)) return undefined;
    const lastNew = prevIndex + entries.length;
    const conflict = entries.findIndex((entry) => !this.matches(entry.index, entry.term));
    if (conflict >= 0) {
      const first = entries[conflict];
      assert(
        first !== undefined && first.index > this.committed,
        `entry ${first?.index} conflicts with a committed one (${this.committed})`,
      );
      this.append(entries.slice(conflict));
    }
    this.commitTo(Math.min(commit, lastNew));
    return lastNew;
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (!first) return;
    assert(first.index > this.committed, `expected to append after ${this.committed}, found ${first.index}`);
    this.unstable.truncateAndAppend(entries);
  }

  /** The largest index <= `index` whose term is <= `term`: where two diverged logs may still agree, found without a round trip per entry. */
  findConflictByTerm(index: Index, term: Term): { index: Index; term: Term } {
    for (let at = index; at > 0; at--) {
      const own = this.term(at);
      if (typeof own !== "number") return { index: at, term: 0 };
      if (own <= term) return { index: at, term: own };
    }
    return { index: 0, term: 0 };
  }

  commitTo(index: Index): void {
    if (index <= this.committed) return;
    assert(
      index <= this.lastIndex(),
      `commit ${index} is beyond the last entry ${this.lastIndex()}: was the log truncated or lost?`,
    );
    this.committed = index;
  }

  /** Commits by counting only entries of the leader's own term (Raft, 5.4.2). */
  maybeCommit(index: Index, term: Term): boolean {
    if (index <= this.committed || !this.matches(index, term)) return false;
    this.commitTo(index);
    return true;
  }

  appliedTo(index: Index): void {
    assert(
      index <= this.committed && index >= this.applied,
      `applied ${index} is outside [${this.applied}, ${this.committed}]`,
    );
    this.applied = index;
  }

  slice(low: Index, high: Index, maxBytes: number): readonly Entry[] | "compacted" {
    if (low < this.firstIndex()) return "compacted";
    if (low >= high) return [];
    if (low >= this.unstable.offset) {
      return limitSize(this.unstable.entries.slice(low - this.unstable.offset, high - this.unstable.offset), maxBytes);
    }
    const stableEnd = Math.min(high, this.unstable.offset);
    const stored = this.storage.entries(low, stableEnd, maxBytes);
    if (stored === "compacted" || stored.length < stableEnd - low || high <= stableEnd) return stored;
    return limitSize([...stored, ...this.unstable.entries.slice(0, high - this.unstable.offset)], maxBytes);
  }

  /** Committed entries that the application has not been given; none while a snapshot waits to be installed. */
  nextCommitted(maxBytes: number): readonly Entry[] {
    if (this.unstable.snapshot || this.committed <= this.applied) return [];
    const entries = this.slice(this.applied + 1, this.committed + 1, maxBytes);
    assert(entries !== "compacted", `entry ${this.applied + 1} was compacted before it was applied`);
    return entries;
  }

  hasNextCommitted(): boolean {
    return !this.unstable.snapshot && this.committed > this.applied;
  }

  snapshot(): Snapshot | "unavailable" {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }

  restore(snapshot: Snapshot): void {
    this.committed = snapshot.index;
    this.unstable.restore(snapshot);
  }
}
