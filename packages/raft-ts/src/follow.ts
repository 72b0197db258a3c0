// What every node does with what a leader sends: appends, heartbeats and snapshots.
import type { Snapshot } from "./entry.ts";
import { restoreGroup } from "./membership/restore.ts";
import type { Append, Heartbeat, InstallSnapshot } from "./message.ts";
import type { RaftState } from "./state.ts";
import { send } from "./state.ts";
import { becomeFollower } from "./transitions.ts";

export function handleAppend(state: RaftState, message: Append): void {
  const { log } = state;
  const respond = { type: "append-response", to: message.from, reject: false, hintIndex: 0, hintTerm: 0 } as const;
  const lastNew =
    message.prevIndex < log.committed
      ? log.committed
      : log.maybeAppend(message.prevIndex, message.prevTerm, message.commit, message.entries);
  if (lastNew !== undefined && message.unanswered === true) return;
  if (lastNew !== undefined) return send(state, { ...respond, index: lastNew });
  const hint = log.findConflictByTerm(Math.min(message.prevIndex, log.lastIndex()), message.prevTerm);
  send(state, { ...respond, index: message.prevIndex, reject: true, hintIndex: hint.index, hintTerm: hint.term });
}

export function handleHeartbeat(state: RaftState, message: Heartbeat): void {
  state.log.commitTo(message.commit);
  send(state, { type: "heartbeat-response", to: message.from, context: message.context });
}

export function handleSnapshot(state: RaftState, message: InstallSnapshot): void {
  restore(state, message.snapshot);
  const index = state.log.unstable.snapshot ? state.log.lastIndex() : state.log.committed;
  send(state, { type: "append-response", to: message.from, index, reject: false, hintIndex: 0, hintTerm: 0 });
}

function restore(state: RaftState, snapshot: Snapshot): boolean {
  const { log } = state;
  if (snapshot.index <= log.committed) return false;
  if (state.role !== "follower") {
    becomeFollower(state, state.term + 1, undefined);
    return false;
  }
  const { voters, outgoing, learners } = snapshot.membership;
  if (![...voters, ...outgoing, ...learners].includes(state.id)) return false;
  if (log.matches(snapshot.index, snapshot.term)) {
    log.commitTo(snapshot.index);
    return false;
  }
  log.restore(snapshot);
  const limits = { maxMessages: state.config.maxInflightMessages, maxBytes: state.config.maxInflightBytes };
  state.group = restoreGroup(snapshot.membership, new Map(), log.lastIndex(), limits);
  return true;
}
