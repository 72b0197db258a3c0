// Takes proposals, keeps every follower's log equal to its own, confirms reads, and steps down when it cannot hear a majority.
import { voteResult } from "../quorum/joint.ts";
import type { Message, Propose } from "../message.ts";
import { broadcastAppend, broadcastHeartbeat } from "../replicate.ts";
import type { RaftState } from "../state.ts";
import { appendEntries, becomeFollower, reserveUncommitted } from "../transitions.ts";
import { handleRead } from "./leader-reads.ts";
import { handleAppendResponse, handleHeartbeatResponse } from "./leader-responses.ts";
import { startTransfer } from "./leader-transfer.ts";
import type { ProposalOutcome, Role } from "./role.ts";

export const leader: Role = { step, tick };

function tick(state: RaftState): void {
  state.heartbeatElapsed++;
  state.electionElapsed++;
  if (state.electionElapsed >= state.config.electionTicks) {
    state.electionElapsed = 0;
    if (state.config.checkQuorum && !heardOfMajority(state)) return becomeFollower(state, state.term, undefined);
    // A transfer that did not come about within an election timeout is given up; proposals flow again.
    state.transferee = undefined;
  }
  if (state.heartbeatElapsed >= state.config.heartbeatTicks) {
    state.heartbeatElapsed = 0;
    broadcastHeartbeat(state);
  }
}

function heardOfMajority(state: RaftState): boolean {
  const active = new Map(
    Array.from(state.group.progress, ([id, progress]) => [id, id === state.id || progress.recentActive]),
  );
  for (const [id, progress] of state.group.progress) if (id !== state.id) progress.recentActive = false;
  return voteResult(state.group.voters, active) === "won";
}

function step(state: RaftState, message: Message): ProposalOutcome | undefined {
  switch (message.type) {
    case "propose":
      return propose(state, message);
    case "read-index":
      handleRead(state, message);
      return undefined;
    case "append-response":
      handleAppendResponse(state, message);
      return undefined;
    case "heartbeat-response":
      handleHeartbeatResponse(state, message);
      return undefined;
    case "transfer-leader":
      startTransfer(state, message.transferee);
      return undefined;
    case "append":
    case "snapshot":
    case "heartbeat":
    case "vote":
    case "pre-vote":
    case "vote-response":
    case "pre-vote-response":
    case "timeout-now":
    case "read-index-response":
      return undefined;
  }
}

function propose(state: RaftState, message: Propose): ProposalOutcome {
  if (!state.group.progress.has(state.id)) return "not-a-member";
  if (state.transferee !== undefined) return "transferring";
  const changing = state.pendingChangeIndex > state.log.applied;
  if (changing && message.from === state.id && message.entries.every((entry) => entry.kind === "membership"))
    return "change-pending";
  const entries = message.entries.map((entry, position) => {
    if (entry.kind === "normal") return entry;
    // One change at a time. What came from another member is turned into an empty entry, since nobody waits here for an answer.
    if (state.pendingChangeIndex > state.log.applied) return { kind: "normal", data: new Uint8Array(0) } as const;
    state.pendingChangeIndex = state.log.lastIndex() + position + 1;
    return entry;
  });
  if (!reserveUncommitted(state, entries)) return "too-much-uncommitted";
  appendEntries(state, entries);
  broadcastAppend(state);
  return "accepted";
}
