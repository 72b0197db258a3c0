// Asks whether an election could be won, without touching term or vote. Also holds what both kinds of candidate share.
import { campaign, startElection, tally } from "../campaign.ts";
import { handleAppend, handleHeartbeat, handleSnapshot } from "../follow.ts";
import type { Message } from "../message.ts";
import type { RaftState } from "../state.ts";
import { isPromotable } from "../state.ts";
import { becomeFollower } from "../transitions.ts";
import type { ProposalOutcome, Role } from "./role.ts";

export const preCandidate: Role = {
  tick: tickCandidate,
  step: (state, message) => stepCandidate(state, message, "pre-vote-response", () => campaign(state, "election")),
};

export function tickCandidate(state: RaftState): void {
  state.electionElapsed++;
  if (!isPromotable(state) || state.electionElapsed < state.electionTimeout) return;
  state.electionElapsed = 0;
  startElection(state);
}

/** `awaited` is the kind of answer that counts; `win` is what a majority of them leads to. */
export function stepCandidate(
  state: RaftState,
  message: Message,
  awaited: "pre-vote-response" | "vote-response",
  win: () => void,
): ProposalOutcome | undefined {
  switch (message.type) {
    case "append":
      becomeFollower(state, message.term, message.from);
      handleAppend(state, message);
      return undefined;
    case "heartbeat":
      becomeFollower(state, message.term, message.from);
      handleHeartbeat(state, message);
      return undefined;
    case "snapshot":
      becomeFollower(state, message.term, message.from);
      handleSnapshot(state, message);
      return undefined;
    case "vote-response":
    case "pre-vote-response":
      if (message.type === awaited) countVote(state, message.from, !message.reject, win);
      return undefined;
    case "propose":
      return "no-leader";
    case "read-index-response":
      state.readStates.push({ context: message.context, index: message.index });
      return undefined;
    case "append-response":
    case "heartbeat-response":
    case "vote":
    case "pre-vote":
    case "transfer-leader":
    case "timeout-now":
    case "read-index":
      return undefined;
  }
}

function countVote(state: RaftState, from: bigint, granted: boolean, win: () => void): void {
  if (!state.votes.has(from)) state.votes.set(from, granted);
  const result = tally(state);
  if (result === "won") win();
  if (result === "lost") becomeFollower(state, state.term, undefined);
}
