// The door to the other members. The transport may lose, delay, repeat and reorder what it carries; Raft is made for that. But it never
// repeats a `propose`: nothing behind it would notice that a request was done twice.
import type { Message, Snapshot } from "raft-ts";
import type { PeerTraffic } from "./traffic.ts";

export interface PeerTransport {
  /** Begins to accept connections from peers. */
  start(receiver: PeerReceiver, signal: AbortSignal): Promise<void>;
  /** Sends, or forgets: never waits, never fails. A full queue drops the newest. */
  send(messages: readonly Message[]): void;
  /** Whom to reach where; members that are not named are disconnected, and answered only over connections of their own. */
  setPeers(peers: ReadonlyMap<bigint, readonly string[]>): void;
  /** Whether a connection to that member stands, as far as is known. */
  connected(id: bigint): boolean;
  /** Asks a member something outside Raft. Rejects with `PeerRefusal` when it says no, else when it cannot be asked in time. */
  ask(to: bigint, question: PeerQuestion, payload: Uint8Array): Promise<Uint8Array>;
  /** Bytes to and from each member since the start, where the transport counts them. */
  traffic?(): ReadonlyMap<bigint, PeerTraffic>;
  /** Calls with the time between a heartbeat and its answer, where the transport measures it. */
  onRoundTrip?(tell: (to: bigint, ms: number) => void): void;
  stop(): Promise<void>;
}

/** What members ask each other outside Raft, and how: in etcd's messages (io/rpc/peer-questions.ts). */
export const peerQuestions = ["promote", "hash", "renew"] as const;
export type PeerQuestion = (typeof peerQuestions)[number];

/** The other member's no, with a name from the table of etcd's errors, or a sentence. */
export class PeerRefusal extends Error {
  override readonly name = "PeerRefusal";
}

/** What a member that was removed is told whenever it calls. */
export const removedReason = "the member has been permanently removed from the cluster";

export interface PeerReceiver {
  step(message: Message): void;
  /** The connection to a peer broke: its process may be dead. */
  unreachable(id: bigint): void;
  snapshotDelivered(id: bigint, delivered: boolean): void;
  /** What a snapshot message stands for, as a consistent copy of the whole backend. */
  copyBackend(): Promise<BackendCopy>;
  /** A received copy; resolves when it may be installed. */
  receiveBackend(snapshot: Snapshot, pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>): Promise<void>;
  /** Whether this member was in the cluster and is not any more. */
  wasRemoved(id: bigint): boolean;
  /** The others say that this member was removed. */
  removed(): void;
  /** Answers another member; rejects with `PeerRefusal`. */
  answer(question: PeerQuestion, payload: Uint8Array): Promise<Uint8Array>;
  /** For a joining member: who is in the cluster, as encoded member list. */
  describeCluster(): Uint8Array;
}

export interface BackendCopy {
  readonly snapshot: Snapshot;
  readonly pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>;
}
