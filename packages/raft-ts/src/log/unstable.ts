// The end of the log that is not yet durable, and a received snapshot that is not yet installed.
//
//   storage:   | 4 | 5 | 6 |
//   unstable:          | 6'| 7 | 8 |      offset = 6: from here on, this is the truth and storage is not
//
// `inProgress` counts what a `Ready` has already handed out, so that it is written once.
import { assert } from "../assert.ts";
import type { Entry, Index, Snapshot, Term } from "../entry.ts";

export class Unstable {
  snapshot: Snapshot | undefined;
  entries: Entry[] = [];
  offset: Index;
  private offsetInProgress: Index;
  private snapshotInProgress = false;

  constructor(offset: Index) {
    this.offset = offset;
    this.offsetInProgress = offset;
  }

  lastIndex(): Index | undefined {
    if (this.entries.length > 0) return this.offset + this.entries.length - 1;
    return this.snapshot?.index;
  }

  term(index: Index): Term | undefined {
    if (index < this.offset) return this.snapshot?.index === index ? this.snapshot.term : undefined;
    return this.entries[index - this.offset]?.term;
  }

  /** What a `Ready` must make durable now. */
  nextEntries(): readonly Entry[] {
    return this.entries.slice(this.offsetInProgress - this.offset);
  }

  hasNextEntries(): boolean {
    return this.offsetInProgress - this.offset < this.entries.length;
  }

  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  acceptInProgress(): void {
    this.offsetInProgress = this.offset + this.entries.length;
    this.snapshotInProgress = this.snapshot !== undefined;
  }

  /** Ignores an acknowledgement that was overtaken by a truncation: the term then differs. */
  stableTo(index: Index, term: Term): void {
    if (index < this.offset || this.term(index) !== term) return;
    this.entries = this.entries.slice(index + 1 - this.offset);
    this.offset = index + 1;
    this.offsetInProgress = Math.max(this.offsetInProgress, this.offset);
  }

  stableSnapshotTo(index: Index): void {
    if (this.snapshot?.index !== index) return;
    this.snapshot = undefined;
    this.snapshotInProgress = false;
  }

  restore(snapshot: Snapshot): void {
    this.offset = snapshot.index + 1;
    this.offsetInProgress = this.offset;
    this.entries = [];
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0];
    if (!first) return;
    const end = this.offset + this.entries.length;
    assert(first.index <= end, `expected the log to go on at ${end} or before, found ${first.index}`);
    if (first.index <= this.offset) {
      this.entries = [...entries];
      this.offset = first.index;
      this.offsetInProgress = this.offset;
      return;
    }
    this.entries.length = first.index - this.offset;
    for (const entry of entries) this.entries.push(entry);
    this.offsetInProgress = Math.min(this.offsetInProgress, first.index);
  }
}
