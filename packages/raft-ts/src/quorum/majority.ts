// More than half of a set of voters. An empty set agrees to everything, so that one half of a joint configuration may be absent.
import type { Index, NodeId } from "../entry.ts";

export type VoteResult = "won" | "lost" | "pending";

export function committedIndex(voters: ReadonlySet<NodeId>, acked: (id: NodeId) => Index): Index {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  const sorted = Array.from(voters, acked).sort((a, b) => b - a);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function voteResult(voters: ReadonlySet<NodeId>, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (voters.size === 0) return "won";
  let yes = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) yes++;
  }
  const quorum = Math.floor(voters.size / 2) + 1;
  if (yes >= quorum) return "won";
  return yes + missing >= quorum ? "pending" : "lost";
}
