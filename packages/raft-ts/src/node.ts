// One member of a Raft group as a synchronous state machine with five verbs: step, tick, propose, ready, advance. It has no clock,
// no network, no disk and no randomness of its own, and never waits: the same calls in the same order give the same results.
import { assert } from "./assert.ts";
import { startElection } from "./campaign.ts";
import type { RaftConfig } from "./config.ts";
import type { Index, Membership, NodeId, ProposedEntry, Term } from "./entry.ts";
import { changeMembership, encodeMembershipChange } from "./membership/change.ts";
import type { ChangeOutcome, MembershipChange } from "./membership/change.ts";
import { restoreGroup } from "./membership/restore.ts";
import type { Message } from "./message.ts";
import { becomeProbe } from "./progress/progress.ts";
import { hasReady, takeReady } from "./ready.ts";
import type { Previous, Ready } from "./ready.ts";
import { broadcastAppend, maybeCommit, maybeSendAppend, sendBroadcast } from "./replicate.ts";
import { releaseEarlyReads } from "./role/leader-reads.ts";
import type { ProposalOutcome } from "./role/role.ts";
import type { RaftState, ReadState, RoleName } from "./state.ts";
import { createState, hardStateOf } from "./state.ts";
import { step, tick } from "./step.ts";
import { releaseUncommitted } from "./transitions.ts";

export interface RaftNode {
  /** What is asked for with every request; the rest is in `status`. */
  readonly term: Term;
  readonly commit: Index;
  readonly leader: NodeId | undefined;
  /** Takes in a message from another member. */
  step(message: Message): void;
  /** Lets one unit of time pass. */
  tick(): void;
  /** Asks for an entry to be committed. Being applied is the only proof that it was. */
  propose(data: Uint8Array): ProposalOutcome;
  proposeMembership(change: MembershipChange): ProposalOutcome;
  /** Asks for an index up to which a linearizable read must see; answered in `Ready.readStates` under the same context, or never. */
  readIndex(context: string): void;
  /** To be called for every applied membership entry; undefined when the application refuses the change. */
  applyMembership(change: MembershipChange | undefined): ChangeOutcome;
  hasReady(): boolean;
  /** What is to be done now. The next one only after `advance`. */
  ready(): Ready;
  /** What may be sent at once, while a ready is being worked on; the next ready has the rest. */
  takeMessages(): readonly Message[];
  /** Reads that were confirmed meanwhile; likewise. */
  takeReadStates(): readonly ReadState[];
  /** All that the ready asked for is done. */
  advance(ready: Ready): void;
  campaign(): void;
  /** A follower that has reason to think its leader dead no longer refuses others on its behalf. Not with lease reads: they trust it. */
  forgetLeader(): void;
  transferLeader(to: NodeId): void;
  /** The transport could not deliver: fall back to probing. */
  reportUnreachable(id: NodeId): void;
  /** To be called once for every snapshot message: until then the follower is sent nothing else. */
  reportSnapshot(id: NodeId, delivered: boolean): void;
  status(): Status;
}

export interface Status {
  readonly id: NodeId;
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly commit: Index;
  readonly applied: Index;
  readonly lastIndex: Index;
  readonly role: RoleName;
  readonly leader: NodeId | undefined;
  readonly transferee: NodeId | undefined;
  readonly membership: Membership;
  /** Only a leader knows. */
  readonly progress: ReadonlyMap<NodeId, FollowerStatus>;
}

export interface FollowerStatus {
  readonly match: Index;
  readonly next: Index;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly isLearner: boolean;
  readonly recentActive: boolean;
}

export function createRaftNode(config: RaftConfig): RaftNode {
  assert(config.id !== 0n, "expected a node id above 0, found 0");
  assert(config.electionTicks > config.heartbeatTicks, "expected an election timeout above the heartbeat interval");
  assert(config.readMode === "quorum" || config.checkQuorum, "lease reads need checkQuorum");
  const state = createState(config);
  const previous: Previous = { softState: { leader: undefined, role: "follower" }, hardState: hardStateOf(state) };
  let outstanding: { ready: Ready; selfAcknowledgements: readonly Message[] } | undefined;

  const propose = (entries: readonly ProposedEntry[]): ProposalOutcome =>
    step(state, { type: "propose", from: state.id, to: state.id, term: 0, entries }) ?? "no-leader";

  return {
    get term() {
      return state.term;
    },
    get commit() {
      return state.log.committed;
    },
    get leader() {
      return state.leader;
    },
    step: (message) => void step(state, message),
    tick: () => tick(state),
    propose: (data) => propose([{ kind: "normal", data }]),
    proposeMembership: (change) => propose([{ kind: "membership", data: encodeMembershipChange(change) }]),
    readIndex: (context) => void step(state, { type: "read-index", from: state.id, to: state.id, term: 0, context }),
    applyMembership: (change) => applyMembership(state, change),
    campaign: () => startElection(state),
    forgetLeader() {
      if (state.role === "follower" && state.config.readMode === "quorum") state.leader = undefined;
    },
    transferLeader: (transferee) =>
      void step(state, { type: "transfer-leader", from: state.id, to: state.id, term: 0, transferee }),
    hasReady: () => outstanding === undefined && hasReady(state, previous),
    ready() {
      assert(outstanding === undefined, "the last ready was not advanced");
      outstanding = takeReady(state, previous);
      const { ready } = outstanding;
      if (ready.softState) previous.softState = ready.softState;
      if (ready.hardState) previous.hardState = ready.hardState;
      return ready;
    },
    takeMessages() {
      sendBroadcast(state);
      return state.outbox.splice(0);
    },
    takeReadStates: () => state.readStates.splice(0),
    advance(ready) {
      assert(outstanding?.ready === ready, "expected to advance the last ready");
      const { selfAcknowledgements } = outstanding;
      outstanding = undefined;
      if (ready.snapshot) {
        state.log.unstable.stableSnapshotTo(ready.snapshot.index);
        state.log.appliedTo(Math.max(state.log.applied, ready.snapshot.index));
      }
      const last = ready.entries.at(-1);
      if (last) state.log.unstable.stableTo(last.index, last.term);
      applied(state, ready);
      for (const message of selfAcknowledgements) step(state, message);
    },
    reportUnreachable(id) {
      const progress = state.group.progress.get(id);
      if (state.role === "leader" && progress?.state === "replicate") becomeProbe(progress);
    },
    reportSnapshot(id, delivered) {
      const progress = state.group.progress.get(id);
      if (state.role !== "leader" || progress?.state !== "snapshot") return;
      if (!delivered) progress.pendingSnapshot = 0;
      becomeProbe(progress);
      // Wait for the follower's own word, or for the next heartbeat, before sending again.
      progress.paused = true;
    },
    status: () => statusOf(state),
  };
}

function applied(state: RaftState, ready: Ready): void {
  const last = ready.committed.at(-1);
  if (!last) return;
  state.log.appliedTo(Math.max(state.log.applied, last.index));
  releaseUncommitted(state, ready.committed);
  const { membership } = state.group;
  if (membership.autoLeave && state.role === "leader" && state.log.applied >= state.pendingChangeIndex) {
    const data = encodeMembershipChange({ transition: "auto", changes: [], context: new Uint8Array(0) });
    step(state, { type: "propose", from: state.id, to: state.id, term: 0, entries: [{ kind: "membership", data }] });
  }
}

function applyMembership(state: RaftState, change: MembershipChange | undefined): ChangeOutcome {
  if (!change) return { refused: "refused by the application" };
  const outcome = changeMembership(state.group.membership, change);
  if ("refused" in outcome) return outcome;
  const limits = { maxMessages: state.config.maxInflightMessages, maxBytes: state.config.maxInflightBytes };
  state.group = restoreGroup(outcome.membership, state.group.progress, state.log.lastIndex(), limits);
  if (state.role !== "leader" || outcome.membership.voters.length === 0) return outcome;
  // A smaller group may need fewer acknowledgements; a new member wants to hear where it stands.
  if (maybeCommit(state)) {
    releaseEarlyReads(state);
    broadcastAppend(state);
  } else for (const id of state.group.progress.keys()) if (id !== state.id) maybeSendAppend(state, id);
  if (state.transferee !== undefined && !outcome.membership.voters.includes(state.transferee))
    state.transferee = undefined;
  return outcome;
}

function statusOf(state: RaftState): Status {
  const progress = state.role === "leader" ? state.group.progress : new Map<NodeId, never>();
  return {
    id: state.id,
    term: state.term,
    vote: state.vote,
    commit: state.log.committed,
    applied: state.log.applied,
    lastIndex: state.log.lastIndex(),
    role: state.role,
    leader: state.leader,
    transferee: state.transferee,
    membership: state.group.membership,
    progress: new Map(
      Array.from(progress, ([id, { match, next, state: kind, isLearner, recentActive }]) => [
        id,
        { match, next, state: kind, isLearner, recentActive },
      ]),
    ),
  };
}
