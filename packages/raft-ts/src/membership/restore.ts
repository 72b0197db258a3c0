// Lays a membership over what a leader knows of its followers: new ones get a fresh progress, those that left lose theirs.
import type { Index, Membership, NodeId } from "../entry.ts";
import { createProgress } from "../progress/progress.ts";
import type { Progress } from "../progress/progress.ts";
import type { JointVoters } from "../quorum/joint.ts";
import { sortedIds } from "../quorum/joint.ts";

export interface Group {
  membership: Membership;
  voters: JointVoters;
  /** Everyone, in the order of the ids. */
  progress: Map<NodeId, Progress>;
}

export function restoreGroup(
  membership: Membership,
  known: ReadonlyMap<NodeId, Progress>,
  lastIndex: Index,
  limits: { maxMessages: number; maxBytes: number },
): Group {
  const voters = { incoming: new Set(membership.voters), outgoing: new Set(membership.outgoing) };
  const learners = new Set(membership.learners);
  const progress = new Map<NodeId, Progress>();
  for (const id of sortedIds(new Set([...voters.incoming, ...voters.outgoing, ...learners]))) {
    const isLearner = learners.has(id);
    const old = known.get(id);
    if (old) old.isLearner = isLearner;
    // A new follower is taken for active, so that a check of the quorum just after it was added does not depose the leader.
    const fresh = old ?? { ...createProgress(0, Math.max(lastIndex, 1), isLearner, limits), recentActive: true };
    progress.set(id, fresh);
  }
  return { membership, voters, progress };
}
