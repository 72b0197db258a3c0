// The recent log in memory, behind the storage door. It promises nothing about a disk: whoever owns the disk writes there
// first and tells this afterwards.
import { assert } from "./assert.ts";
import { emptyMembership, initialHardState, limitSize } from "./entry.ts";
import type { Entry, HardState, Index, Membership, Snapshot, Term } from "./entry.ts";
import type { Storage } from "./storage.ts";

export interface MemoryStorage extends Storage {
  append(entries: readonly Entry[]): void;
  setHardState(hardState: HardState): void;
  /** Replaces everything by a received snapshot. */
  applySnapshot(snapshot: Snapshot): void;
  /** Remembers a snapshot of the state at `index`, made here; false when a newer one is already kept. */
  createSnapshot(index: Index, membership: Membership, data: Uint8Array): boolean;
  /** Forgets entries up to and with `index`. */
  compact(index: Index): void;
}

export function createMemoryStorage(): MemoryStorage {
  let hardState = initialHardState;
  let snapshot: Snapshot = { index: 0, term: 0, membership: emptyMembership, data: new Uint8Array(0) };
  /** Index and term of the entry just before `entries[0]`. */
  let before: { index: Index; term: Term } = { index: 0, term: 0 };
  let entries: Entry[] = [];

  const firstIndex = (): Index => before.index + 1;
  const lastIndex = (): Index => before.index + entries.length;
  const term = (index: Index): Term | "compacted" | "unavailable" => {
    if (index === before.index) return before.term;
    if (index < before.index) return "compacted";
    return entries[index - before.index - 1]?.term ?? "unavailable";
  };

  return {
    initialState: () => ({ hardState, membership: snapshot.membership }),
    firstIndex,
    lastIndex,
    term,
    snapshot: () => snapshot,
    setHardState: (next) => void (hardState = next),
    entries(low, high, maxBytes) {
      if (low <= before.index) return "compacted";
      assert(high <= lastIndex() + 1, `expected entries up to ${lastIndex()}, asked for up to ${high - 1}`);
      return limitSize(entries.slice(low - before.index - 1, high - before.index - 1), maxBytes);
    },
    append(added) {
      const fresh = added.filter((entry) => entry.index > before.index);
      const first = fresh[0];
      if (!first) return;
      assert(
        first.index <= lastIndex() + 1,
        `expected the next entry at ${lastIndex() + 1} or before, found ${first.index}`,
      );
      entries.length = first.index - before.index - 1;
      for (const entry of fresh) entries.push(entry);
    },
    applySnapshot(next) {
      if (next.index <= snapshot.index && snapshot.index > 0) return;
      snapshot = next;
      before = { index: next.index, term: next.term };
      entries = [];
    },
    createSnapshot(index, membership, data) {
      if (index <= snapshot.index) return false;
      const snapshotTerm = term(index);
      assert(typeof snapshotTerm === "number", `expected a snapshot within the log, found ${index} (${snapshotTerm})`);
      snapshot = { index, term: snapshotTerm, membership, data };
      return true;
    },
    compact(index) {
      if (index <= before.index) return;
      const newTerm = term(index);
      assert(
        typeof newTerm === "number",
        `expected compaction within the log, found ${index}; the last entry is ${lastIndex()}`,
      );
      entries = entries.slice(index - before.index);
      before = { index, term: newTerm };
    },
  };
}
