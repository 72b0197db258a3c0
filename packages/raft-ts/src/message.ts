// Everything one node says to another. Encoding is the transport's affair. The names are the thesis's.
import type { Entry, Index, NodeId, ProposedEntry, Snapshot, Term } from "./entry.ts";

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** 0 in messages that are not about a term: read requests, transfer requests, and what the application asks of its own node. */
  readonly term: Term;
}

/**
 * Forwarded to the leader of this very term; no other takes it. So a proposer that sees an entry of a later term applied, but not its
 * own, knows that its proposal is lost for good and may make it again.
 */
export interface Propose extends Envelope {
  readonly type: "propose";
  readonly entries: readonly ProposedEntry[];
}
export interface Append extends Envelope {
  readonly type: "append";
  readonly prevIndex: Index;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: Index;
  /** Without entries, and only to say what is committed: an answer is wanted when the logs do not match. */
  readonly unanswered?: true;
}
export interface AppendResponse extends Envelope {
  readonly type: "append-response";
  /** Accepted: the last index that now matches. Rejected: the `prevIndex` that did not. */
  readonly index: Index;
  readonly reject: boolean;
  /** Rejected: the follower's best guess of where the logs may still agree. */
  readonly hintIndex: Index;
  readonly hintTerm: Term;
}
export interface Vote extends Envelope {
  readonly type: "vote" | "pre-vote";
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  /** The leader itself asked for this election: voters do not insist on their lease. */
  readonly transfer: boolean;
  readonly known: KnownCommit;
}
/**
 * What the sender knows to be committed. Without it a group could stand still for good: one that does not know yet that a change of
 * members is committed may need the vote of one that does, has more entries, and is no member any more (after raft-rs).
 */
export interface KnownCommit {
  readonly index: Index;
  readonly term: Term;
}
export interface VoteResponse extends Envelope {
  readonly type: "vote-response" | "pre-vote-response";
  readonly reject: boolean;
  readonly known: KnownCommit;
}
/** The transport may put a newer snapshot in its place, and should: an old one may not name the receiver as a member. */
export interface InstallSnapshot extends Envelope {
  readonly type: "snapshot";
  readonly snapshot: Snapshot;
}
export interface Heartbeat extends Envelope {
  readonly type: "heartbeat";
  readonly commit: Index;
  /** The round of the newest read that waits to be confirmed (`read-index.ts`); empty when none does. */
  readonly context: string;
}
export interface HeartbeatResponse extends Envelope {
  readonly type: "heartbeat-response";
  readonly context: string;
}
export interface TimeoutNow extends Envelope {
  readonly type: "timeout-now";
}
export interface TransferLeader extends Envelope {
  readonly type: "transfer-leader";
  readonly transferee: NodeId;
}
export interface ReadIndex extends Envelope {
  readonly type: "read-index";
  readonly context: string;
}
export interface ReadIndexResponse extends Envelope {
  readonly type: "read-index-response";
  readonly index: Index;
  readonly context: string;
}

export type Message =
  | Propose
  | Append
  | AppendResponse
  | Vote
  | VoteResponse
  | InstallSnapshot
  | Heartbeat
  | HeartbeatResponse
  | TimeoutNow
  | TransferLeader
  | ReadIndex
  | ReadIndexResponse;

type DraftOf<M> = M extends Message ? Omit<M, "from" | "term"> & { readonly term?: Term } : never;
/** A message before the sender's name and term are put on it. */
export type Draft = DraftOf<Message>;
