// Becoming something else. Which role follows which:
//
//   follower ──► pre-candidate ──► candidate ──► leader
//      ▲───────────────┴───────────────┴───────────┘       a higher term, a lost vote, or a quorum that went silent
import { assert } from "./assert.ts";
import type { NodeId, ProposedEntry, Term } from "./entry.ts";
import { entrySizeBytes } from "./entry.ts";
import { createProgress, becomeReplicate } from "./progress/progress.ts";
import { createReadQueue } from "./read-index.ts";
import type { RaftState } from "./state.ts";
import { send } from "./state.ts";

export function becomeFollower(state: RaftState, term: Term, leader: NodeId | undefined): void {
  reset(state, term);
  state.role = "follower";
  state.leader = leader;
}

/** Neither the term nor the vote moves: asking is free. */
export function becomePreCandidate(state: RaftState): void {
  assert(state.role !== "leader", "a leader cannot stand for election");
  state.votes = new Map();
  state.role = "pre-candidate";
  state.leader = undefined;
}

export function becomeCandidate(state: RaftState): void {
  assert(state.role !== "leader", "a leader cannot stand for election");
  reset(state, state.term + 1);
  state.role = "candidate";
  state.vote = state.id;
}

/** Begins the term with an empty entry: entries of older terms are committed with it, never by counting (Raft, 5.4.2). */
export function becomeLeader(state: RaftState): void {
  assert(state.role === "candidate", `expected a candidate to become leader, found a ${state.role}`);
  reset(state, state.term);
  state.role = "leader";
  state.leader = state.id;
  const own = state.group.progress.get(state.id);
  assert(own !== undefined, "expected the leader to be a member");
  becomeReplicate(own);
  own.recentActive = true;
  // A change may be among the entries that were not yet applied; to find out costs more than to wait for them.
  state.pendingChangeIndex = state.log.lastIndex();
  appendEntries(state, [{ kind: "normal", data: new Uint8Array(0) }]);
}

/** Adds to the leader's own log. The leader's own acknowledgement waits for the disk like everybody's. */
export function appendEntries(state: RaftState, proposed: readonly ProposedEntry[]): void {
  const lastIndex = state.log.lastIndex();
  state.log.append(
    proposed.map((entry, position) => ({ ...entry, term: state.term, index: lastIndex + 1 + position })),
  );
  send(state, {
    type: "append-response",
    to: state.id,
    index: lastIndex + proposed.length,
    reject: false,
    hintIndex: 0,
    hintTerm: 0,
  });
}

/** False when the uncommitted tail would outgrow its limit. A single proposal always fits into an empty tail. */
export function reserveUncommitted(state: RaftState, proposed: readonly ProposedEntry[]): boolean {
  const bytes = proposed.reduce((sum, entry) => sum + (entry.data.length > 0 ? entrySizeBytes(entry) : 0), 0);
  if (state.uncommittedBytes > 0 && bytes > 0 && state.uncommittedBytes + bytes > state.config.maxUncommittedBytes)
    return false;
  state.uncommittedBytes += bytes;
  return true;
}

export function releaseUncommitted(state: RaftState, committed: readonly ProposedEntry[]): void {
  const bytes = committed.reduce((sum, entry) => sum + (entry.data.length > 0 ? entrySizeBytes(entry) : 0), 0);
  state.uncommittedBytes = Math.max(0, state.uncommittedBytes - bytes);
}

function reset(state: RaftState, term: Term): void {
  if (state.term !== term) {
    state.term = term;
    state.vote = undefined;
  }
  state.leader = undefined;
  state.electionElapsed = 0;
  state.heartbeatElapsed = 0;
  state.electionTimeout = state.config.electionTicks + state.config.randomInt(state.config.electionTicks);
  state.transferee = undefined;
  state.votes = new Map();
  state.pendingChangeIndex = 0;
  state.uncommittedBytes = 0;
  state.reads = createReadQueue();
  state.earlyReads = [];
  state.broadcastDue = false;
  const limits = { maxMessages: state.config.maxInflightMessages, maxBytes: state.config.maxInflightBytes };
  const next = state.log.lastIndex() + 1;
  for (const [id, progress] of state.group.progress) {
    const match = id === state.id ? state.log.lastIndex() : 0;
    state.group.progress.set(id, createProgress(match, next, progress.isLearner, limits));
  }
}
