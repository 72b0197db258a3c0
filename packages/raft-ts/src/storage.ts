// The door to what is durable. The node only reads here; the application writes, between `ready` and `advance`.
// Reads are synchronous: keep the recent log in memory (`createMemoryStorage`) and the bytes wherever you like.
import type { Entry, HardState, Index, Membership, Snapshot, Term } from "./entry.ts";

export interface Storage {
  /** What the node starts from. */
  initialState(): { readonly hardState: HardState; readonly membership: Membership };
  /** Entries `[low, high)`, cut to about `maxBytes` but never to nothing; "compacted" when `low` is before the first. */
  entries(low: Index, high: Index, maxBytes: number): readonly Entry[] | "compacted";
  /** The term of an entry in `[firstIndex - 1, lastIndex]`. */
  term(index: Index): Term | "compacted" | "unavailable";
  /** The oldest index that `entries` can give; one more than the snapshot's. */
  firstIndex(): Index;
  lastIndex(): Index;
  /** The newest snapshot to send to a follower that is too far behind; "unavailable" while one is being made. */
  snapshot(): Snapshot | "unavailable";
}
