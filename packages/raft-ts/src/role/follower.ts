// Follows a leader, forwards what is meant for it, and stands for election when it falls silent.
import { startElection } from "../campaign.ts";
import { handleAppend, handleHeartbeat, handleSnapshot } from "../follow.ts";
import type { Message } from "../message.ts";
import type { RaftState } from "../state.ts";
import { isPromotable, send } from "../state.ts";
import type { ProposalOutcome, Role } from "./role.ts";

export const follower: Role = { step, tick };

function tick(state: RaftState): void {
  state.electionElapsed++;
  if (!isPromotable(state) || state.electionElapsed < state.electionTimeout) return;
  state.electionElapsed = 0;
  startElection(state);
}

function step(state: RaftState, message: Message): ProposalOutcome | undefined {
  switch (message.type) {
    case "append":
      followLeader(state, message.from);
      handleAppend(state, message);
      return undefined;
    case "heartbeat":
      followLeader(state, message.from);
      handleHeartbeat(state, message);
      return undefined;
    case "snapshot":
      followLeader(state, message.from);
      handleSnapshot(state, message);
      return undefined;
    case "propose":
      // What another forwarded was meant for a leader; passing it on could bring it there twice, or too late.
      if (state.leader === undefined || message.from !== state.id) return "no-leader";
      send(state, { type: "propose", to: state.leader, entries: message.entries });
      return "forwarded";
    case "transfer-leader":
      if (state.leader !== undefined)
        send(state, { type: "transfer-leader", to: state.leader, transferee: message.transferee });
      return undefined;
    case "timeout-now":
      // The leader asked for it: no pre-vote, and nobody may insist on the old leader's lease.
      startElection(state, true);
      return undefined;
    case "read-index":
      if (state.leader !== undefined) send(state, { type: "read-index", to: state.leader, context: message.context });
      return undefined;
    case "read-index-response":
      state.readStates.push({ context: message.context, index: message.index });
      return undefined;
    case "append-response":
    case "heartbeat-response":
    case "vote":
    case "pre-vote":
    case "vote-response":
    case "pre-vote-response":
      return undefined;
  }
}

function followLeader(state: RaftState, leader: bigint): void {
  state.electionElapsed = 0;
  state.leader = leader;
}
