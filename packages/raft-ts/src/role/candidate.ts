// Has voted for itself in a new term and waits for the others' votes.
import { broadcastAppend } from "../replicate.ts";
import { becomeLeader } from "../transitions.ts";
import { stepCandidate, tickCandidate } from "./pre-candidate.ts";
import type { Role } from "./role.ts";

export const candidate: Role = {
  tick: tickCandidate,
  step: (state, message) =>
    stepCandidate(state, message, "vote-response", () => {
      becomeLeader(state);
      broadcastAppend(state);
    }),
};
