// Two majorities at once, while the group changes from one set of voters to another (thesis, 4.3).
import type { Index, NodeId } from "../entry.ts";
import * as majority from "./majority.ts";
import type { VoteResult } from "./majority.ts";

export interface JointVoters {
  readonly incoming: ReadonlySet<NodeId>;
  /** Empty outside of joint consensus. */
  readonly outgoing: ReadonlySet<NodeId>;
}

export function committedIndex(voters: JointVoters, acked: (id: NodeId) => Index): Index {
  return Math.min(majority.committedIndex(voters.incoming, acked), majority.committedIndex(voters.outgoing, acked));
}

export function voteResult(voters: JointVoters, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const results = [majority.voteResult(voters.incoming, votes), majority.voteResult(voters.outgoing, votes)];
  if (results.includes("lost")) return "lost";
  return results.includes("pending") ? "pending" : "won";
}

/** Every voter once, in the order of the ids, so that runs repeat. */
export function voterIds(voters: JointVoters): NodeId[] {
  return sortedIds(new Set([...voters.incoming, ...voters.outgoing]));
}

export function sortedIds(ids: Iterable<NodeId>): NodeId[] {
  return Array.from(ids).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
