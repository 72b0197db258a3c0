// Requests on their way through the log: gives each a number, hands it to Raft, and wakes its owner when the entry with that number was
// applied here. Being applied is the only proof; when time runs out nobody knows, and the client is told so. A proposal that is known to
// be lost with its leader is made again: raft-ts says when that is certain (`Propose` in its message.ts), so nothing is done twice.
import type { Clock, Random, Timer } from "@coxswain/clock";
import type { GrpcError } from "@coxswain/etcd-api";
import type { Caller } from "./core/auth/permissions.ts";
import { encodeCommand } from "./core/command.ts";
import type { CommandInit, CommandKind, Origin } from "./core/command.ts";
import type { AnswerOf, Outcome } from "./core/outcome.ts";
import { etcdError } from "./io/rpc/errors.ts";
import type { MembershipChange, ProposalOutcome } from "raft-ts";

export interface ProposalsConfig {
  readonly memberId: bigint;
  readonly maxRequestBytes: number;
  /** etcd: five seconds and two election timeouts. */
  readonly timeoutMs: number;
  /** How long a request waits for a leader before it is refused. */
  readonly leaderWaitMs: number;
}

export interface ProposalsPorts {
  readonly propose: (data: Uint8Array) => ProposalOutcome;
  readonly proposeMembership: (change: MembershipChange) => ProposalOutcome;
  readonly term: () => number;
  readonly leads: () => boolean;
  /** Entries that are committed but not applied: with many, new requests are refused. */
  readonly backlog: () => number;
  /** No leader has spoken for an election timeout. */
  readonly leaderIsSilent: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
}

interface Waiting {
  readonly sinceMs: number;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: GrpcError) => void;
  readonly send: () => ProposalOutcome;
  /** Only this member as the leader of this term may decide it: never made again, never handed on. */
  readonly inThisTerm: boolean;
  /** The term in which it was put into Raft's hands; undefined while it waits for a leader. */
  sentTerm: number | undefined;
  /** When the connection broke over which it was sent to the leader: it may have been lost with it. */
  doubtfulSinceMs: number | undefined;
}

type ExpiryName = "noLeader" | "timeout" | "timeoutLeaderLost" | "timeoutConnectionLost";

/** etcd refuses beyond this gap between commit and apply. */
const mostUnapplied = 5000;

export class Proposals {
  readonly #config: ProposalsConfig;
  readonly #ports: ProposalsPorts;
  readonly #boot: number;
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #timer: Timer | undefined;

  constructor(config: ProposalsConfig, ports: ProposalsPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#boot = ports.random.int(2 ** 32);
  }

  /** How many were given up: no leader, no time, no room. */
  failed = 0;

  get pending(): number {
    return this.#waiting.size;
  }

  /** Resolves with what the command did; rejects with etcd's error when it was refused or its fate is unknown. */
  async propose<K extends CommandKind>(
    command: Extract<CommandInit, { kind: K }>,
    caller?: Caller,
    options: { readonly inThisTerm?: boolean } = {},
  ): Promise<AnswerOf<K>> {
    const origin = this.#nextOrigin();
    const data = encodeCommand(origin, command, caller);
    if (data.length > this.#config.maxRequestBytes) throw etcdError("requestTooLarge");
    return (await this.#enter(origin, () => this.#ports.propose(data), options.inThisTerm)) as AnswerOf<K>;
  }

  async proposeMembership(
    changes: MembershipChange["changes"],
    command: Extract<CommandInit, { kind: "member" }>,
  ): Promise<AnswerOf<"member">> {
    const origin = this.#nextOrigin();
    const change: MembershipChange = { transition: "auto", changes, context: encodeCommand(origin, command) };
    return (await this.#enter(origin, () => this.#ports.proposeMembership(change))) as AnswerOf<"member">;
  }

  /** An entry was applied. */
  settle(origin: Origin, outcome: Outcome): void {
    if (origin.member !== this.#config.memberId || origin.boot !== this.#boot) return;
    const waiting = this.#waiting.get(origin.sequence);
    this.#waiting.delete(origin.sequence);
    waiting?.settle(outcome);
    if (this.#waiting.size === 0) this.#idle?.resolve();
  }

  /** Resolves when nothing waits any more, or after so long. */
  async drained(mostMs: number): Promise<void> {
    if (this.#waiting.size === 0) return;
    const idle = (this.#idle ??= Promise.withResolvers());
    const timer = this.#ports.clock.setTimeout(idle.resolve, mostMs);
    await idle.promise;
    timer.cancel();
    this.#idle = undefined;
  }

  /** There is a leader: what waited for one goes now. */
  leaderFound(): void {
    for (const [sequence, waiting] of this.#waiting) if (waiting.sentTerm === undefined) this.#try(sequence, waiting);
  }

  /** The first entry of this term was applied: what was proposed before and is not applied is lost, and goes again. */
  termBegan(term: number): void {
    for (const [sequence, waiting] of this.#waiting) {
      if (waiting.sentTerm === undefined || waiting.sentTerm >= term) continue;
      if (waiting.inThisTerm) this.#refuse(sequence, waiting, "leaderChanged");
      else this.#try(sequence, waiting);
    }
  }

  /** The connection to the leader broke: what was sent over it may not have arrived. A new term makes it again, time gives it up. */
  connectionLost(): void {
    const nowMs = this.#ports.clock.monotonic();
    for (const waiting of this.#waiting.values()) if (waiting.sentTerm !== undefined) waiting.doubtfulSinceMs ??= nowMs;
  }

  /** The state was replaced: whether what was under way is in it, nobody knows. */
  forget(): void {
    for (const [sequence, waiting] of this.#waiting)
      if (waiting.sentTerm !== undefined) this.#expire(sequence, waiting, "timeoutLeaderLost");
  }

  failAll(name: "stopped" | "leaderChanged"): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.fail(etcdError(name));
  }

  #nextOrigin(): Origin {
    return { member: this.#config.memberId, boot: this.#boot, sequence: ++this.#sequence };
  }

  #enter(origin: Origin, send: () => ProposalOutcome, inThisTerm = false): Promise<unknown> {
    if (this.#ports.backlog() > mostUnapplied) throw etcdError("tooManyRequests");
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        sinceMs: this.#ports.clock.monotonic(),
        settle: (outcome) => ("refused" in outcome ? reject(etcdError(outcome.refused)) : resolve(outcome.answer)),
        fail: (error) => {
          this.failed++;
          reject(error);
        },
        send,
        inThisTerm,
        sentTerm: undefined,
        doubtfulSinceMs: undefined,
      };
      this.#waiting.set(origin.sequence, waiting);
      this.#armTimer();
      this.#try(origin.sequence, waiting);
    });
  }

  #try(sequence: number, waiting: Waiting): void {
    // A follower would hand it to the leader: it must not even be tried there.
    if (waiting.inThisTerm && !this.#ports.leads()) return this.#refuse(sequence, waiting, "leaderChanged");
    const outcome = waiting.send();
    switch (outcome) {
      case "accepted":
      case "forwarded":
        waiting.sentTerm = this.#ports.term();
        waiting.doubtfulSinceMs = undefined;
        return;
      case "no-leader":
      case "transferring":
      case "change-pending":
        // Waits for a leader, but not long.
        waiting.sentTerm = undefined;
        if (waiting.inThisTerm) this.#refuse(sequence, waiting, "leaderChanged");
        return;
      case "too-much-uncommitted":
        return this.#refuse(sequence, waiting, "tooManyRequests");
      case "not-a-member":
        return this.#refuse(sequence, waiting, "stopped");
    }
  }

  #refuse(sequence: number, waiting: Waiting, name: "leaderChanged" | "tooManyRequests" | "stopped"): void {
    this.#waiting.delete(sequence);
    waiting.fail(etcdError(name));
  }

  /** One coarse timer for all: a request may wait so much longer than it should. */
  #armTimer(): void {
    this.#timer ??= this.#ports.clock.setTimeout(() => {
      this.#timer = undefined;
      const nowMs = this.#ports.clock.monotonic();
      const silent = this.#ports.leaderIsSilent();
      for (const [sequence, waiting] of this.#waiting) {
        if (waiting.sentTerm === undefined) this.#try(sequence, waiting);
        const reason = this.#giveUp(waiting, nowMs, silent);
        if (reason && this.#waiting.has(sequence)) this.#expire(sequence, waiting, reason);
      }
      if (this.#waiting.size > 0) this.#armTimer();
    }, 250);
  }

  /** A leader that is busy gets its time; one that is gone or silent does not: others could do the work, and the client may ask them. */
  #giveUp(waiting: Waiting, nowMs: number, silent: boolean): ExpiryName | undefined {
    const { leaderWaitMs, timeoutMs } = this.#config;
    const waitedMs = nowMs - waiting.sinceMs;
    if (waiting.sentTerm === undefined) return waitedMs >= leaderWaitMs ? "noLeader" : undefined;
    if (waiting.doubtfulSinceMs !== undefined && nowMs - waiting.doubtfulSinceMs >= leaderWaitMs)
      return "timeoutConnectionLost";
    if (silent && waitedMs >= leaderWaitMs) return "timeoutLeaderLost";
    return waitedMs >= timeoutMs ? "timeout" : undefined;
  }

  #expire(sequence: number, waiting: Waiting, name: ExpiryName): void {
    this.#waiting.delete(sequence);
    waiting.fail(etcdError(name));
  }
}
