// What a leader learns from its followers' answers.
import { isPaused, becomeProbe, becomeReplicate, maybeDecrease, maybeUpdate } from "../progress/progress.ts";
import type { AppendResponse, HeartbeatResponse } from "../message.ts";
import { broadcastAppend, maybeCommit, maybeSendAppend, sendAppend } from "../replicate.ts";
import type { RaftState } from "../state.ts";
import { send } from "../state.ts";
import { confirmReads, releaseEarlyReads } from "./leader-reads.ts";

export function handleAppendResponse(state: RaftState, message: AppendResponse): void {
  const progress = state.group.progress.get(message.from);
  if (!progress) return;
  progress.recentActive = true;
  if (message.reject) {
    // Skip what cannot match: entries of ours with a term above the hint are not in the follower's log at or before it.
    const probe =
      message.hintTerm > 0
        ? state.log.findConflictByTerm(message.hintIndex, message.hintTerm).index
        : message.hintIndex;
    if (!maybeDecrease(progress, message.index, probe)) return;
    if (progress.state === "replicate") becomeProbe(progress);
    sendAppend(state, message.from);
    return;
  }
  const wasPaused = isPaused(progress);
  const news = maybeUpdate(progress, message.index);
  if (!news && !(progress.state === "probe" && progress.match === message.index)) return;
  if (progress.state === "probe") becomeReplicate(progress);
  else if (progress.state === "replicate") {
    progress.inflights.freeTo(message.index);
    progress.paused = progress.inflights.full();
  } else if (progress.match >= progress.pendingSnapshot || progress.match + 1 >= state.log.firstIndex()) {
    becomeProbe(progress);
    becomeReplicate(progress);
  }
  if (maybeCommit(state)) {
    releaseEarlyReads(state);
    broadcastAppend(state);
  } else if (wasPaused && message.from !== state.id) {
    maybeSendAppend(state, message.from, state.broadcastDue ? undefined : "answered");
  }
  if (message.from === state.id) return;
  while (maybeSendAppend(state, message.from));
  if (state.transferee === message.from && progress.match === state.log.lastIndex())
    send(state, { type: "timeout-now", to: message.from });
}

export function handleHeartbeatResponse(state: RaftState, message: HeartbeatResponse): void {
  const progress = state.group.progress.get(message.from);
  if (!progress) return;
  progress.recentActive = true;
  progress.paused = false;
  // A follower that answers but does not have everything may have missed an append: say it again.
  if (progress.match < state.log.lastIndex() || progress.state === "probe") sendAppend(state, message.from);
  confirmReads(state, message);
}
