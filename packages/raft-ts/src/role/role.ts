// What a role is: what it does with a message that has passed the check of terms, and what it does when time passes.
import type { Message } from "../message.ts";
import type { RaftState } from "../state.ts";

/** What became of a proposal. Only "accepted" and "forwarded" may lead to a committed entry. */
export type ProposalOutcome =
  "accepted" | "forwarded" | "no-leader" | "transferring" | "change-pending" | "too-much-uncommitted" | "not-a-member";

export interface Role {
  /** The outcome only says something for proposals. */
  step(state: RaftState, message: Message): ProposalOutcome | undefined;
  tick(state: RaftState): void;
}
