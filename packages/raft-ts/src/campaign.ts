// Standing for election.
import { voterIds, voteResult } from "./quorum/joint.ts";
import type { KnownCommit, Vote, VoteResponse } from "./message.ts";
import type { RaftState } from "./state.ts";
import { isPromotable, send } from "./state.ts";
import { becomeCandidate, becomeFollower, becomePreCandidate } from "./transitions.ts";

export type CampaignKind = "pre-election" | "election" | "transfer";

/** What a timeout or the application asks for; nothing happens where it would be unsafe or pointless. */
export function startElection(state: RaftState, transfer: boolean = false): void {
  if (state.role === "leader" || !isPromotable(state) || hasUnappliedChange(state)) return;
  campaign(state, transfer ? "transfer" : state.config.preVote ? "pre-election" : "election");
}

export function campaign(state: RaftState, kind: CampaignKind): void {
  const asking = kind === "pre-election";
  if (asking) becomePreCandidate(state);
  else becomeCandidate(state);
  const term = asking ? state.term + 1 : state.term;
  const lastIndex = state.log.lastIndex();
  const lastTerm = state.log.lastTerm();
  for (const to of voterIds(state.group.voters)) {
    // The own vote counts once it is on disk, like everybody's.
    if (to === state.id)
      send(state, {
        type: asking ? "pre-vote-response" : "vote-response",
        to,
        term,
        reject: false,
        known: knownCommit(state),
      });
    else
      send(state, {
        type: asking ? "pre-vote" : "vote",
        to,
        term,
        lastIndex,
        lastTerm,
        transfer: kind === "transfer",
        known: knownCommit(state),
      });
  }
}

export function tally(state: RaftState): "won" | "lost" | "pending" {
  return voteResult(state.group.voters, state.votes);
}

export function knownCommit(state: RaftState): KnownCommit {
  const term = state.log.term(state.log.committed);
  return typeof term === "number" ? { index: state.log.committed, term } : { index: 0, term: 0 };
}

/** Elections tell what is committed. A candidate that learns of a change of members must apply it before it goes on. */
export function learnCommit(state: RaftState, message: Vote | VoteResponse): void {
  if (state.role === "leader" || !state.log.maybeCommit(message.known.index, message.known.term)) return;
  if (state.role !== "follower" && hasUnappliedChange(state)) becomeFollower(state, state.term, undefined);
}

/** A committed change that is not applied could mean that this node no longer knows who the voters are. */
function hasUnappliedChange(state: RaftState): boolean {
  const { log } = state;
  for (let index = log.applied + 1; index <= log.committed;) {
    const entries = log.slice(index, log.committed + 1, 1024 * 1024);
    if (entries === "compacted" || entries.length === 0) return false;
    if (entries.some((entry) => entry.kind === "membership")) return true;
    index += entries.length;
  }
  return false;
}
