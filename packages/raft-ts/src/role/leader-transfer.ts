// Handing leadership to a voter of one's choice (thesis, 3.10): bring its log up to date, then tell it to stand at once.
import type { NodeId } from "../entry.ts";
import { sendAppend } from "../replicate.ts";
import type { RaftState } from "../state.ts";
import { send } from "../state.ts";

export function startTransfer(state: RaftState, transferee: NodeId): void {
  const progress = state.group.progress.get(transferee);
  if (!progress || progress.isLearner || transferee === state.id || transferee === state.transferee) return;
  state.transferee = transferee;
  state.electionElapsed = 0;
  if (progress.match === state.log.lastIndex()) send(state, { type: "timeout-now", to: transferee });
  else {
    progress.paused = false;
    sendAppend(state, transferee);
  }
}
