// What a node is made from, with the limits that keep it bounded.
import type { Index, NodeId } from "./entry.ts";
import type { Storage } from "./storage.ts";

export interface RaftConfig {
  readonly id: NodeId;
  readonly storage: Storage;
  /** The last index the application has already applied; entries up to it are not handed out again. */
  readonly applied: Index;
  /** A follower that hears nothing for this many ticks (plus a random part of as many again) asks for votes. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Uniform integer in [0, maxExclusive); spreads the elections. */
  readonly randomInt: (maxExclusive: number) => number;
  /** Ask whether an election could be won before disturbing anyone with a new term (thesis, 9.6). */
  readonly preVote: boolean;
  /** A leader that has not heard of a majority for an election timeout steps down. */
  readonly checkQuorum: boolean;
  /** "quorum" asks a majority for every batch of reads; "lease" trusts the clocks and needs `checkQuorum`. */
  readonly readMode: "quorum" | "lease";
  /** Whether followers answer an append that only says what is committed. The answer tells the leader nothing new. */
  readonly answerCommits: boolean;
  readonly maxBytesPerMessage: number;
  readonly maxCommittedBytesPerReady: number;
  /** Proposals beyond this much uncommitted data are refused, so that a leader without a majority does not fill its memory. */
  readonly maxUncommittedBytes: number;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
}

/** Everything but what only the caller can know. */
export const defaultLimits = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  readMode: "quorum",
  answerCommits: true,
  maxBytesPerMessage: 512 * 1024,
  maxCommittedBytesPerReady: 8 * 1024 * 1024,
  maxUncommittedBytes: 64 * 1024 * 1024,
  maxInflightMessages: 512,
  maxInflightBytes: 16 * 1024 * 1024,
} as const satisfies Partial<RaftConfig>;
