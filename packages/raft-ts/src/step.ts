// The one entrance for messages: compares terms, votes, and hands the rest to the role.
import { assert } from "./assert.ts";
import { knownCommit, learnCommit } from "./campaign.ts";
import type { Message, Vote } from "./message.ts";
import { candidate } from "./role/candidate.ts";
import { follower } from "./role/follower.ts";
import { leader } from "./role/leader.ts";
import { preCandidate } from "./role/pre-candidate.ts";
import type { ProposalOutcome, Role } from "./role/role.ts";
import type { RaftState, RoleName } from "./state.ts";
import { send } from "./state.ts";
import { becomeFollower } from "./transitions.ts";

const roles: Readonly<Record<RoleName, Role>> = { follower, "pre-candidate": preCandidate, candidate, leader };

export function tick(state: RaftState): void {
  roles[state.role].tick(state);
}

export function step(state: RaftState, message: Message): ProposalOutcome | undefined {
  assert(message.to === state.id, `a message for ${message.to} was delivered to ${state.id}`);
  if (message.term > state.term && !enterTerm(state, message)) return undefined;
  if (message.term < state.term && message.term !== 0) {
    answerOldTerm(state, message);
    return undefined;
  }
  if (message.type === "vote" || message.type === "pre-vote") {
    learnCommit(state, message);
    considerVote(state, message);
    return undefined;
  }
  if (message.type === "vote-response" || message.type === "pre-vote-response") learnCommit(state, message);
  return roles[state.role].step(state, message);
}

/** False when the message is to be ignored. */
function enterTerm(state: RaftState, message: Message): boolean {
  switch (message.type) {
    case "vote":
    case "pre-vote": {
      const hasLease =
        state.config.checkQuorum && state.leader !== undefined && state.electionElapsed < state.config.electionTicks;
      if (hasLease && !message.transfer) return false;
      if (message.type === "vote") becomeFollower(state, message.term, undefined);
      return true;
    }
    case "pre-vote-response":
      // A grant carries the term that was asked for, which has not begun.
      if (message.reject) becomeFollower(state, message.term, undefined);
      return true;
    case "append":
    case "heartbeat":
    case "snapshot":
      becomeFollower(state, message.term, message.from);
      return true;
    case "append-response":
    case "vote-response":
    case "heartbeat-response":
    case "timeout-now":
    case "read-index-response":
    case "propose":
    case "read-index":
    case "transfer-leader":
      becomeFollower(state, message.term, undefined);
      return true;
  }
}

/** A node that was away with a higher term must be able to come back: its leader hears of that term and steps down. */
function answerOldTerm(state: RaftState, message: Message): void {
  const { config } = state;
  if ((config.checkQuorum || config.preVote) && (message.type === "heartbeat" || message.type === "append")) {
    send(state, { type: "append-response", to: message.from, index: 0, reject: false, hintIndex: 0, hintTerm: 0 });
  } else if (message.type === "pre-vote") {
    send(state, { type: "pre-vote-response", to: message.from, reject: true, known: knownCommit(state) });
  }
}

function considerVote(state: RaftState, message: Vote): void {
  const free = state.vote === undefined && state.leader === undefined;
  const mayVote = state.vote === message.from || free || (message.type === "pre-vote" && message.term > state.term);
  const type = message.type === "vote" ? "vote-response" : "pre-vote-response";
  if (!mayVote || !state.log.isUpToDate(message.lastIndex, message.lastTerm)) {
    send(state, { type, to: message.from, term: state.term, reject: true, known: knownCommit(state) });
    return;
  }
  send(state, { type, to: message.from, term: message.term, reject: false, known: knownCommit(state) });
  if (message.type === "pre-vote") return;
  state.electionElapsed = 0;
  state.vote = message.from;
}
