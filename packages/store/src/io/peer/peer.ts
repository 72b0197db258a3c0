// The door to the other members. The transport may lose, delay, repeat and reorder what it carries; Raft is made for that. But it never
// repeats a `propose`: nothing behind it would notice that a request was done twice.
import type { Message, Snapshot } from "raft-ts";

export interface PeerTransport {
  /** Begins to accept connections from peers. */
  start(receiver: PeerReceiver, signal: AbortSignal): Promise<void>;
  /** Sends, or forgets: never waits, never fails. A full queue drops the newest. */
  send(messages: readonly Message[]): void;
  /** Whom to reach where; members that are not named are disconnected. */
  setPeers(peers: ReadonlyMap<bigint, readonly string[]>): void;
  stop(): Promise<void>;
}

export interface PeerReceiver {
  step(message: Message): void;
  /** The connection to a peer broke: its process may be dead. */
  unreachable(id: bigint): void;
  snapshotDelivered(id: bigint, delivered: boolean): void;
  /** What a snapshot message stands for, as a consistent copy of the whole backend. */
  copyBackend(): Promise<BackendCopy>;
  /** A received copy; resolves when it may be installed. */
  receiveBackend(snapshot: Snapshot, pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>): Promise<void>;
  /** For a joining member: who is in the cluster, as encoded member list. */
  describeCluster(): Uint8Array;
}

export interface BackendCopy {
  readonly snapshot: Snapshot;
  readonly pairs: AsyncIterable<readonly [Uint8Array, Uint8Array]>;
}
