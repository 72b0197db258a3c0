// The leader's sending side: appends, snapshots, heartbeats, and finding out what is committed.
import { assert } from "./assert.ts";
import type { NodeId } from "./entry.ts";
import { entrySizeBytes } from "./entry.ts";
import { committedIndex } from "./quorum/joint.ts";
import { becomeSnapshot, isPaused, sentEntries } from "./progress/progress.ts";
import type { Progress } from "./progress/progress.ts";
import { newestRound } from "./read-index.ts";
import type { RaftState } from "./state.ts";
import { send } from "./state.ts";

/** Everyone gets an append with the next `Ready`. */
export function broadcastAppend(state: RaftState): void {
  state.broadcastDue = true;
}

/** To be called when a `Ready` is made. */
export function sendBroadcast(state: RaftState): void {
  if (!state.broadcastDue) return;
  state.broadcastDue = false;
  const evenEmpty = state.config.answerCommits ? "answered" : "unanswered";
  for (const id of state.group.progress.keys()) if (id !== state.id) maybeSendAppend(state, id, evenEmpty);
}

/** Sends as much as the window allows, at least a (possibly empty) append that carries the commit index. */
export function sendAppend(state: RaftState, to: NodeId): void {
  maybeSendAppend(state, to, "answered");
}

/**
 * True when something was sent. With `evenEmpty` an append without entries counts; where it can only be news of a commit, since the
 * follower's answers to what was sent before are on their way anyway, it may go unanswered. What gets lost, the next heartbeat finds out.
 */
export function maybeSendAppend(state: RaftState, to: NodeId, evenEmpty?: "answered" | "unanswered"): boolean {
  const progress = state.group.progress.get(to);
  if (!progress || isPaused(progress)) return false;
  const prevIndex = progress.next - 1;
  const prevTerm = state.log.term(prevIndex);
  const full = progress.state === "replicate" && progress.inflights.full();
  const entries = full
    ? []
    : state.log.slice(progress.next, state.log.lastIndex() + 1, state.config.maxBytesPerMessage);
  if (typeof prevTerm !== "number" || entries === "compacted") return sendSnapshot(state, to, progress);
  if (entries.length === 0 && evenEmpty === undefined) return false;
  const append = { type: "append", to, prevIndex, prevTerm, entries, commit: state.log.committed } as const;
  const unanswered = entries.length === 0 && evenEmpty === "unanswered" && progress.state === "replicate";
  send(state, unanswered ? { ...append, unanswered } : append);
  sentEntries(
    progress,
    entries.length,
    entries.reduce((sum, entry) => sum + entrySizeBytes(entry), 0),
  );
  return true;
}

function sendSnapshot(state: RaftState, to: NodeId, progress: Progress): boolean {
  if (!progress.recentActive) return false;
  const snapshot = state.log.snapshot();
  if (snapshot === "unavailable") return false;
  assert(snapshot.index > 0, "expected a snapshot to send, found an empty one");
  becomeSnapshot(progress, snapshot.index);
  send(state, { type: "snapshot", to, snapshot });
  return true;
}

/** The context asks the followers to confirm a read; without one it is the plain sign of life. */
export function broadcastHeartbeat(state: RaftState): void {
  const context = newestRound(state.reads);
  for (const [id, progress] of state.group.progress) {
    if (id === state.id) continue;
    // Never more than the follower is known to have: its log could end before, or differ.
    send(state, { type: "heartbeat", to: id, commit: Math.min(progress.match, state.log.committed), context });
  }
}

export function maybeCommit(state: RaftState): boolean {
  const index = committedIndex(state.group.voters, (id) => state.group.progress.get(id)?.match ?? 0);
  return Number.isFinite(index) && state.log.maybeCommit(index, state.term);
}

/** A leader answers reads only after it has committed an entry of its own term: before, its commit index may be old. */
export function hasCommittedInTerm(state: RaftState): boolean {
  return state.log.term(state.log.committed) === state.term;
}
