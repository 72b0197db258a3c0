// What the services need of the member they serve. Everything that changes something goes through `propose`; everything that is read
// comes from `mvcc`, after `linearize` where the reader wants to see the newest.
import type { Clock } from "@coxswain/clock";
import type { Mvcc } from "@coxswain/mvcc";
import type { ResponseHeader } from "@coxswain/etcd-api";
import type { MembershipChange, Status } from "raft-ts";
import type { Alarms } from "../../core/alarms.ts";
import type { CommandInit, CommandKind } from "../../core/command.ts";
import type { Members } from "../../core/membership.ts";
import type { AnswerOf } from "../../core/outcome.ts";

export interface Served {
  /** The state as applied here. Another object after a snapshot was installed: ask for it each time. */
  mvcc(): Mvcc;
  members(): Members;
  alarms(): Alarms;
  status(): Status;
  clusterId(): bigint;
  propose<K extends CommandKind>(command: Extract<CommandInit, { kind: K }>): Promise<AnswerOf<K>>;
  proposeMembership(
    changes: MembershipChange["changes"],
    command: Extract<CommandInit, { kind: "member" }>,
  ): Promise<AnswerOf<"member">>;
  /** Resolves when the state here is at least as new as the cluster's at the time of the call. */
  linearize(): Promise<void>;
  /** Throws etcd's error when so many bytes more do not fit. */
  admit(addedBytes: number): void;
  header(revision?: number): ResponseHeader;
  nowMs(): number;
  /** Runs while nothing is applied. */
  exclusive<T>(job: () => Promise<T>): Promise<T>;
  size(): Promise<{ readonly total: number; readonly inUse: number; readonly quota: number }>;
  defragment(): Promise<void>;
  transferLeader(to: bigint): Promise<void>;
  /** Resolves when nothing that compaction made unreachable is left. */
  swept(): Promise<void>;
  /** Lets watches that are behind catch up. */
  pumpWatches(): void;
  /** Calls when the state was replaced as a whole; the result takes the call back. */
  onReplaced(tell: () => void): () => void;
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
