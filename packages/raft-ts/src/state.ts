// The whole state of one node, as one record that the roles work on. No behaviour but looking things up and putting a message
// into the outbox.
import type { RaftConfig } from "./config.ts";
import type { HardState, Index, NodeId, Term } from "./entry.ts";
import { Log } from "./log/log.ts";
import { restoreGroup } from "./membership/restore.ts";
import type { Group } from "./membership/restore.ts";
import type { Draft, Message, ReadIndex } from "./message.ts";
import { createReadQueue } from "./read-index.ts";
import type { ReadQueue } from "./read-index.ts";

export type RoleName = "follower" | "pre-candidate" | "candidate" | "leader";

/** A read that may be served as soon as the application has applied `index`. */
export interface ReadState {
  readonly context: string;
  readonly index: Index;
}

export interface RaftState {
  readonly id: NodeId;
  readonly config: RaftConfig;
  readonly log: Log;
  group: Group;
  role: RoleName;
  term: Term;
  vote: NodeId | undefined;
  leader: NodeId | undefined;
  /** Answers of the running election. */
  votes: Map<NodeId, boolean>;
  /** The voter to which leadership is being handed; proposals are refused meanwhile. */
  transferee: NodeId | undefined;
  /** Only one membership change may be under way: no second one before the entry at this index is applied. */
  pendingChangeIndex: Index;
  uncommittedBytes: number;
  electionElapsed: number;
  heartbeatElapsed: number;
  /** In [electionTicks, 2 × electionTicks), drawn again with every change of role. */
  electionTimeout: number;
  reads: ReadQueue;
  /** Reads that arrived before the leader had committed an entry of its own term. */
  earlyReads: ReadIndex[];
  readStates: ReadState[];
  /** Everyone is due an append: made when the node is asked what to do, so that one carries all that was proposed meanwhile. */
  broadcastDue: boolean;
  /** May be sent at once. */
  outbox: Message[];
  /** Must not be sent before the entries and the hard state of the same `Ready` are on disk. May be addressed to this node. */
  outboxAfterSync: Message[];
}

export function createState(config: RaftConfig): RaftState {
  const { hardState, membership } = config.storage.initialState();
  const log = new Log(config.storage);
  const limits = { maxMessages: config.maxInflightMessages, maxBytes: config.maxInflightBytes };
  const state: RaftState = {
    id: config.id,
    config,
    log,
    group: restoreGroup(membership, new Map(), log.lastIndex(), limits),
    role: "follower",
    term: hardState.term,
    vote: hardState.vote,
    leader: undefined,
    votes: new Map(),
    transferee: undefined,
    pendingChangeIndex: 0,
    uncommittedBytes: 0,
    electionElapsed: 0,
    heartbeatElapsed: 0,
    electionTimeout: config.electionTicks + config.randomInt(config.electionTicks),
    reads: createReadQueue(),
    earlyReads: [],
    readStates: [],
    broadcastDue: false,
    outbox: [],
    outboxAfterSync: [],
  };
  log.commitTo(Math.max(hardState.commit, log.committed));
  log.applied = Math.max(log.applied, Math.min(config.applied, log.committed));
  return state;
}

export function hardStateOf(state: RaftState): HardState {
  return { term: state.term, vote: state.vote, commit: state.log.committed };
}

/** May this node stand for election? Learners, strangers and nodes with a snapshot still to install may not. */
export function isPromotable(state: RaftState): boolean {
  const progress = state.group.progress.get(state.id);
  return progress !== undefined && !progress.isLearner && state.log.unstable.snapshot === undefined;
}

export function isOnlyVoter(state: RaftState): boolean {
  const { incoming, outgoing } = state.group.voters;
  return incoming.size === 1 && outgoing.size === 0 && incoming.has(state.id);
}

/**
 * Answers to appends and votes, and the request for votes itself, promise that something is durable, so they wait for the disk;
 * everything else may overtake it. (A candidate whose vote for itself was lost in a crash could vote twice in one term.)
 */
export function send(state: RaftState, draft: Draft): void {
  const message = { ...draft, from: state.id, term: draft.term ?? termOf(draft.type, state.term) } as Message;
  if (!afterSync.has(message.type)) {
    const before = state.outbox.at(-1);
    const joined = before === undefined ? undefined : joinProposals(before, message);
    if (joined !== undefined) state.outbox.pop();
    state.outbox.push(joined ?? message);
    return;
  }
  const last = state.outboxAfterSync.at(-1);
  if (last !== undefined && says(message, last)) state.outboxAfterSync.pop();
  state.outboxAfterSync.push(message);
}

/** Proposals on their way to the same leader travel together. */
function joinProposals(first: Message, second: Message): Message | undefined {
  if (first.type !== "propose" || second.type !== "propose" || first.to !== second.to || first.term !== second.term)
    return undefined;
  if (first.entries.length >= mostProposalsTogether) return undefined;
  return { ...first, entries: [...first.entries, ...second.entries] };
}
const mostProposalsTogether = 64;

/** An acknowledgement of more says all that one of less did. */
function says(more: Message, less: Message): boolean {
  return (
    more.type === "append-response" &&
    less.type === "append-response" &&
    !more.reject &&
    !less.reject &&
    more.to === less.to &&
    more.term === less.term &&
    more.index >= less.index
  );
}

const afterSync: ReadonlySet<Message["type"]> = new Set([
  "append-response",
  "vote",
  "vote-response",
  "pre-vote-response",
]);

function termOf(type: Message["type"], term: Term): Term {
  return type === "read-index" || type === "transfer-leader" ? 0 : term;
}
