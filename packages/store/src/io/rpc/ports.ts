// What the services need of the member they serve. Everything that changes something goes through `propose`; everything that is read
// comes from `mvcc`, after `linearize` where the reader wants to see the newest.
import type { Clock } from "@coxswain/clock";
import type { Mvcc } from "@coxswain/mvcc";
import type { Call, ResponseHeader } from "@coxswain/etcd-api";
import type { MembershipChange, Status } from "raft-ts";
import type { Alarms } from "../../core/alarms.ts";
import type { Caller } from "../../core/auth/permissions.ts";
import type { AuthState } from "../../core/auth/state.ts";
import type { CommandInit, CommandKind } from "../../core/command.ts";
import type { Members } from "../../core/membership.ts";
import type { PeerQuestion } from "../peer/peer.ts";
import type { DatabaseFile } from "../bbolt/writer.ts";
import type { AnswerOf } from "../../core/outcome.ts";
import type { Passwords } from "../auth/passwords.ts";

/** Finds out who calls, and gives out tokens. */
export interface Identity {
  /** The bearer of the call's token or certificate; rejects with etcd's error when the token is not good. */
  callerOf(call: Pick<Call, "metadata" | "peer">): Promise<Caller | undefined>;
  /** What goes into the log for a user whose password was right: a new word, or nothing where tokens are signed. */
  newWord(): string;
  /** The token itself, from what came out of the log. */
  tokenFor(name: string, applied: { readonly token: string; readonly authRevision: number }): Promise<string>;
  readonly passwords: Passwords;
}

export interface Served {
  /** The state as applied here. Another object after a snapshot was installed: ask for it each time. Throws while one is. */
  mvcc(): Mvcc;
  members(): Members;
  alarms(): Alarms;
  status(): Status;
  clusterId(): bigint;
  /** Whether this member has no vote yet; then it serves what is stale by agreement, and little else. */
  isLearner(): boolean;
  /** Calls when there has been no leader for a while; the result takes the call back. */
  onLeaderLost(tell: () => void): () => void;
  /** Calls whenever the health may have changed; the result takes the call back. */
  onLeaderChange(tell: () => void): () => void;
  /** Users, roles and permissions as applied here. */
  auth(): AuthState;
  readonly identity: Identity;
  /** On whose behalf this request is served; undefined without one, or while nobody is asked who they are. */
  readonly caller?: Caller | undefined;
  propose<K extends CommandKind>(command: Extract<CommandInit, { kind: K }>, caller?: Caller): Promise<AnswerOf<K>>;
  proposeMembership(
    changes: MembershipChange["changes"],
    command: Extract<CommandInit, { kind: "member" }>,
  ): Promise<AnswerOf<"member">>;
  /** Resolves when the state here is at least as new as the cluster's at the time of the call. */
  linearize(): Promise<void>;
  /** Whether a connection to that member stands. */
  connected(id: bigint): boolean;
  /** Asks another member something that only it knows; throws etcd's error where it refuses. See io/rpc/peer-questions.ts. */
  askPeer(to: bigint, question: PeerQuestion, payload: Uint8Array): Promise<Uint8Array>;
  /** Resolves when a lease whose time is over is gone, with its keys. Only on the leader; rejects when it no longer is. */
  endLease(id: bigint): Promise<void>;
  /** Throws etcd's error when so many bytes more do not fit. */
  admit(addedBytes: number): void;
  header(revision?: number): ResponseHeader;
  nowMs(): number;
  /** Runs while nothing is applied. */
  exclusive<T>(job: () => Promise<T>): Promise<T>;
  /** The hash of the keyspace as of a revision (0: now). Writing goes on meanwhile. */
  hash(revision: number): ReturnType<Mvcc["hash"]>;
  /** The state of this moment as a file of etcd's; to be closed. */
  etcdFile(): Promise<{ readonly file: DatabaseFile; readonly close: () => Promise<void> }>;
  size(): Promise<{ readonly total: number; readonly inUse: number; readonly quota: number }>;
  defragment(): Promise<void>;
  transferLeader(to: bigint): Promise<void>;
  /** Resolves when nothing that compaction made unreachable is left. */
  swept(): Promise<void>;
  /** Lets watches that are behind catch up. */
  pumpWatches(): void;
  newMemberId(peerUrls: readonly string[]): bigint;
  newLeaseId(): bigint;
  readonly version: string;
  readonly limits: {
    readonly maxTxnOps: number;
    readonly maxRequestBytes: number;
    readonly progressIntervalMs: number;
  };
  readonly clock: Clock;
}
