// A leader's part in linearizable reads: note the commit index, have a majority confirm that it still leads, answer.
import type { Index, NodeId } from "../entry.ts";
import type { HeartbeatResponse, ReadIndex } from "../message.ts";
import { voteResult } from "../quorum/joint.ts";
import { acknowledge, addRead, confirmThrough } from "../read-index.ts";
import { broadcastHeartbeat, hasCommittedInTerm } from "../replicate.ts";
import type { RaftState } from "../state.ts";
import { isOnlyVoter, send } from "../state.ts";

/** Before the first commit of its own term a leader may not know all that was acknowledged, not even if it votes alone: wait. */
export function handleRead(state: RaftState, message: ReadIndex): void {
  if (hasCommittedInTerm(state)) startRead(state, message);
  else state.earlyReads.push(message);
}

/** To be called whenever something was committed. */
export function releaseEarlyReads(state: RaftState): void {
  if (state.earlyReads.length === 0 || !hasCommittedInTerm(state)) return;
  for (const read of state.earlyReads.splice(0)) startRead(state, read);
}

export function confirmReads(state: RaftState, message: HeartbeatResponse): void {
  if (message.context === "" || state.config.readMode === "lease") return;
  const acks = acknowledge(state.reads, message.from, message.context);
  if (!acks || voteResult(state.group.voters, new Map(Array.from(acks, (id) => [id, true]))) !== "won") return;
  for (const read of confirmThrough(state.reads, message.context))
    answerRead(state, read.from, read.context, read.index);
}

function startRead(state: RaftState, message: ReadIndex): void {
  if (state.config.readMode === "lease" || isOnlyVoter(state)) {
    answerRead(state, message.from, message.context, state.log.committed);
    return;
  }
  addRead(state.reads, { from: message.from, context: message.context, index: state.log.committed, self: state.id });
  broadcastHeartbeat(state);
}

function answerRead(state: RaftState, from: NodeId, context: string, index: Index): void {
  if (from === state.id) state.readStates.push({ context, index });
  else send(state, { type: "read-index-response", to: from, context, index });
}
