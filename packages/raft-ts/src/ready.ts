// What the application must do next, as a value. The order is the contract:
//
//   1. make `snapshot`, then `entries` and `hardState` durable (one sync; needed only if `mustSync`)
//   2. send `messagesAfterSync`; `messages` may leave before or while the disk works
//   3. install `snapshot`, apply `committed` in order (from the first membership entry on only after the sync),
//      serve `readStates` once their index is applied
//   4. `advance(ready)`
//
// Meanwhile the node may be stepped, ticked and asked for more; `takeMessages` and `takeReadStates`
// give what need not wait for this ready's disk.
import type { Entry, HardState, NodeId, Snapshot } from "./entry.ts";
import type { Message } from "./message.ts";
import { sendBroadcast } from "./replicate.ts";
import type { RaftState, ReadState, RoleName } from "./state.ts";
import { hardStateOf } from "./state.ts";

export interface SoftState {
  readonly leader: NodeId | undefined;
  readonly role: RoleName;
}

export interface Ready {
  /** Present when it changed. Not to be stored. */
  readonly softState: SoftState | undefined;
  /** Present when it changed. */
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  /** Committed, to be applied in this order, each exactly once. */
  readonly committed: readonly Entry[];
  readonly messages: readonly Message[];
  readonly messagesAfterSync: readonly Message[];
  readonly readStates: readonly ReadState[];
  /**
   * False when only the commit index moved: losing that costs nothing. But before a membership takes effect, that it is committed must
   * be on disk: a node that forgot it could win an election among the members of old.
   */
  readonly mustSync: boolean;
}

export interface Previous {
  softState: SoftState;
  hardState: HardState;
}

export function hasReady(state: RaftState, previous: Previous): boolean {
  return (
    state.broadcastDue ||
    state.outbox.length > 0 ||
    state.outboxAfterSync.length > 0 ||
    state.readStates.length > 0 ||
    state.log.unstable.hasNextEntries() ||
    state.log.unstable.nextSnapshot() !== undefined ||
    state.log.hasNextCommitted() ||
    state.leader !== previous.softState.leader ||
    state.role !== previous.softState.role ||
    hardStateChanged(hardStateOf(state), previous.hardState)
  );
}

/** Takes everything out of the node; `selfAcknowledgements` come back to it when the disk has done its part. */
export function takeReady(
  state: RaftState,
  previous: Previous,
): { ready: Ready; selfAcknowledgements: readonly Message[] } {
  sendBroadcast(state);
  const softState: SoftState = { leader: state.leader, role: state.role };
  const hardState = hardStateOf(state);
  const softChanged = softState.leader !== previous.softState.leader || softState.role !== previous.softState.role;
  const hardChanged = hardStateChanged(hardState, previous.hardState);
  const entries = state.log.unstable.nextEntries();
  const snapshot = state.log.unstable.nextSnapshot();
  const committed = state.log.nextCommitted(state.config.maxCommittedBytesPerReady);
  const changesMembership = committed.some((entry) => entry.kind === "membership");
  const ready: Ready = {
    softState: softChanged ? softState : undefined,
    hardState: hardChanged || changesMembership ? hardState : undefined,
    entries,
    snapshot,
    committed,
    messages: state.outbox,
    messagesAfterSync: state.outboxAfterSync.filter((message) => message.to !== state.id),
    readStates: state.readStates,
    mustSync:
      changesMembership ||
      entries.length > 0 ||
      snapshot !== undefined ||
      hardState.term !== previous.hardState.term ||
      hardState.vote !== previous.hardState.vote,
  };
  const selfAcknowledgements = state.outboxAfterSync.filter((message) => message.to === state.id);
  state.log.unstable.acceptInProgress();
  state.outbox = [];
  state.outboxAfterSync = [];
  state.readStates = [];
  return { ready, selfAcknowledgements };
}

function hardStateChanged(a: HardState, b: HardState): boolean {
  return a.term !== b.term || a.vote !== b.vote || a.commit !== b.commit;
}
