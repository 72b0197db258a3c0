// The nouns of the log: entries, what must be durable beside them, and snapshots. Values only; nobody mutates them.

/** A member of the group. Never reused for another disk: a member that lost its log must come back under a new id. */
export type NodeId = bigint;
/** Raft's logical time: at most one leader per term. */
export type Term = number;
/** A position in the log. The first entry has index 1; 0 means "before the log". */
export type Index = number;

export interface ProposedEntry {
  readonly kind: "normal" | "membership";
  readonly data: Uint8Array;
}

export interface Entry extends ProposedEntry {
  readonly term: Term;
  readonly index: Index;
}

/** Must be on disk before any message that follows from it leaves the node. */
export interface HardState {
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly commit: Index;
}

/** Who votes and who only listens. In joint consensus `outgoing` is not empty and both majorities are needed. */
export interface Membership {
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Voters of the outgoing half that become learners when it is left. */
  readonly learnersNext: readonly NodeId[];
  /** Leave the joint configuration without being asked. */
  readonly autoLeave: boolean;
}

/** Stands for all entries up to and with `index`. What `data` means is the application's affair. */
export interface Snapshot {
  readonly index: Index;
  readonly term: Term;
  readonly membership: Membership;
  readonly data: Uint8Array;
}

export const emptyMembership: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
export const initialHardState: HardState = { term: 0, vote: undefined, commit: 0 };

/** What one entry counts towards message and memory limits. */
export function entrySizeBytes(entry: ProposedEntry): number {
  return entry.data.length + 24;
}

/** The longest beginning of `entries` within the limit, but always at least one. */
export function limitSize<T extends ProposedEntry>(entries: readonly T[], maxBytes: number): readonly T[] {
  let size = 0;
  for (const [position, entry] of entries.entries()) {
    size += entrySizeBytes(entry);
    if (size > maxBytes && position > 0) return entries.slice(0, position);
  }
  return entries;
}
