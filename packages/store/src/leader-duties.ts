// What a leader owes besides the log: leases that run out, and automatic compaction. Decisions are in core; this keeps the timers.
import type { Timer } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { Mvcc } from "@coxswain/mvcc";
import type { StoreConfig } from "./config.ts";
import type { Caller } from "./core/auth/permissions.ts";
import { planAutoCompaction, sampleIntervalMs } from "./core/auto-compaction.ts";
import type { RevisionSample } from "./core/auto-compaction.ts";
import { planExpiry } from "./core/expiry.ts";
import type { Proposals } from "./proposals.ts";
import type { Machine } from "./state-machine.ts";
import type { StorePorts } from "./system-ports.ts";

const retryMs = 500;

/** The leader's duty to leases: revoke what has run out, tell the others what is left. */
export class LeaseKeeper {
  readonly #leases: () => Machine["mvcc"]["leases"] | undefined;
  readonly #root: () => Caller | undefined;
  readonly #proposals: Proposals;
  readonly #ports: Pick<StorePorts, "clock">;
  readonly #log: Logger;
  readonly #underWay = new Map<bigint, Promise<unknown>>();
  /** How many leases have run out here. */
  ended = 0;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  /** `root`: on whose behalf a lease is revoked that has run out, whatever keys it holds. */
  constructor(
    leases: () => Machine["mvcc"]["leases"] | undefined,
    root: () => Caller | undefined,
    proposals: Proposals,
    ports: Pick<StorePorts, "clock">,
    log: Logger,
  ) {
    this.#leases = leases;
    this.#root = root;
    this.#proposals = proposals;
    this.#ports = ports;
    this.#log = log;
  }

  look(): void {
    const leases = this.#leases();
    const nowMs = this.#ports.clock.monotonic();
    if (!leases) return this.stop();
    const plan = planExpiry(leases, new Set(this.#underWay.keys()), nowMs);
    for (const id of plan.revoke) this.#own(this.#revoke(id));
    for (const { id, remainingTtlSeconds } of plan.checkpoint) {
      this.#own(
        this.#proposals.propose<"leaseCheckpoint">({
          kind: "leaseCheckpoint",
          request: { id, ttl: remainingTtlSeconds },
        }),
      );
    }
    if (plan.wakeAtMs !== undefined) this.#wakeAt(plan.wakeAtMs, nowMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wakeAt(dueMs: number, nowMs: number): void {
    if (this.#timer && this.#dueMs <= dueMs) return;
    this.stop();
    this.#dueMs = dueMs;
    this.#timer = this.#ports.clock.setTimeout(() => {
      this.#timer = undefined;
      this.look();
    }, dueMs - nowMs);
  }

  /** Resolves when a lease whose time is over is gone. Rejects where that cannot be said, such as on a leader that was one. */
  async end(id: bigint): Promise<void> {
    if (this.#leases()?.has(id) !== true) return;
    await (this.#underWay.get(id) ?? this.#revoke(id));
  }

  /**
   * In this leader's term or not at all: under the next one the lease may have been renewed since, and it must not be lost to a
   * decision of the one before.
   */
  #revoke(id: bigint): Promise<unknown> {
    const command = { kind: "leaseRevoke", request: { id } } as const;
    const revoking = this.#proposals
      .propose<"leaseRevoke">(command, this.#root(), { inThisTerm: true })
      .then(() => void this.ended++)
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, revoking);
    return revoking;
  }

  /** A failure is made up for by the next look. Not at once: a leader that is no member any more is refused without delay, every time. */
  #own(proposal: Promise<unknown>): void {
    proposal.catch((err: unknown) => {
      this.#log.debug({ err }, "a lease could not be looked after now");
      const nowMs = this.#ports.clock.monotonic();
      if (this.#leases()) this.#wakeAt(nowMs + retryMs, nowMs);
    });
  }
}

/** etcd's --auto-compaction-*. Every member watches the revisions go by, so that a new leader goes on where the last one was. */
export class AutoCompactor {
  readonly #config: StoreConfig;
  readonly #mvcc: () => Pick<Mvcc, "revision" | "compactRevision">;
  readonly #leads: () => boolean;
  readonly #proposals: Proposals;
  readonly #ports: StorePorts;
  readonly #log: Logger;
  #samples: readonly RevisionSample[] = [];
  #timer: Timer | undefined;

  constructor(
    config: StoreConfig,
    mvcc: () => Pick<Mvcc, "revision" | "compactRevision">,
    leads: () => boolean,
    proposals: Proposals,
    ports: StorePorts,
    log: Logger,
  ) {
    this.#config = config;
    this.#mvcc = mvcc;
    this.#leads = leads;
    this.#proposals = proposals;
    this.#ports = ports;
    this.#log = log;
  }

  start(): void {
    const policy = this.#config.autoCompaction;
    if (!policy) return;
    this.#timer = this.#ports.clock.setTimeout(() => {
      const nowMs = this.#ports.clock.monotonic();
      const { revision, compactRevision } = this.#mvcc();
      const plan = planAutoCompaction(policy, [...this.#samples, { atMs: nowMs, revision }], nowMs);
      this.#samples = plan.samples;
      if (plan.compactAt !== undefined && plan.compactAt > compactRevision && this.#leads())
        this.#compact(plan.compactAt);
      this.start();
    }, sampleIntervalMs(policy));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #compact(revision: number): void {
    this.#proposals.propose<"compact">({ kind: "compact", request: { revision, physical: false } }).then(
      () => this.#log.info({ revision }, "compacted"),
      (err: unknown) => this.#log.debug({ err, revision }, "the automatic compaction was refused"),
    );
  }
}
