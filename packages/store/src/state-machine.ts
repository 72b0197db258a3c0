// The replicated state behind the log: decodes an entry, applies it, notes the applied index beside it in the same batch, and tells
// whoever waits. Also decides when the backend is flushed, and when so much is durable that the log before it can go.
import { openMvcc } from "@coxswain/mvcc";
import type { Mvcc } from "@coxswain/mvcc";
import type { Clock, Timer } from "@coxswain/clock";
import { decodeMembershipChange, emptyMembership } from "raft-ts";
import type { ChangeOutcome, Entry, Membership, MembershipChange, Snapshot } from "raft-ts";
import { applyCommand } from "./core/apply.ts";
import type { AppliedState } from "./core/apply.ts";
import { SimpleTokens } from "./core/auth/simple-tokens.ts";
import { decodeAuth, encodeAuth, initialAuth } from "./core/auth/state.ts";
import type { AuthState } from "./core/auth/state.ts";
import { decodeCommand } from "./core/command.ts";
import type { Command, CommandKind, Origin } from "./core/command.ts";
import { changeMembers, refuseChange } from "./core/membership.ts";
import type { Members } from "./core/membership.ts";
import type { Outcome } from "./core/outcome.ts";
import type { StoreBackend } from "./io/backend/level-backend.ts";
import {
  decodeAlarms,
  encodeAlarms,
  readApplied,
  readMembers,
  saveApplied,
  saveMembers,
} from "./io/backend/own-records.ts";
import { decodeMembership, encodeMembership } from "./io/wal/record.ts";
import type { ClusterFacts } from "./io/snapshot/etcd-buckets.ts";
import type { StateMachine } from "./replica.ts";

export interface MachineConfig {
  readonly minLeaseTtlSeconds: number;
  /** Checkpoint after this many entries … */
  readonly entriesPerCheckpoint: number;
  /** … or this much log. */
  readonly bytesPerCheckpoint: number;
  /** How long a simple token lives after its last use. */
  readonly tokenTtlMs: number;
}

export interface MachinePorts {
  readonly backend: StoreBackend;
  readonly clock: Clock;
  readonly leads: () => boolean;
  readonly applyMembership: (change: MembershipChange | undefined) => ChangeOutcome;
  readonly settle: (origin: Origin, outcome: Outcome) => void;
  /** Something that watchers, leases or members depend on has changed. */
  readonly onApplied: (what: {
    readonly members: boolean;
    readonly compacted: boolean;
    readonly leases: boolean;
  }) => void;
  /** The first entry of this term was applied. */
  readonly onTerm: (term: number) => void;
  /** The whole state was replaced: nothing that was read from it before may go on. */
  readonly onReplaced: () => void;
  /** The spooled copy of the backend that came with a snapshot. */
  readonly openCopy: (snapshot: Snapshot) => AsyncIterable<readonly [Uint8Array, Uint8Array]>;
  readonly die: (reason: string, cause: unknown) => void;
  /** A batch went to the backend; how long it took. */
  readonly onFlush?: (durationMs: number) => void;
}

const flushAfterMs = 100;
const flushAfterBytes = 1024 * 1024;
/** The ready loop waits for the backend beyond this. */
const mostPendingBytes = 16 * 1024 * 1024;
const jobsPerTurn = 1;
/** etcd's own bound for the word. */
const slowApplyMs = 100;

export class Machine implements StateMachine, AppliedState {
  readonly #config: MachineConfig;
  readonly #ports: MachinePorts;
  mvcc: Mvcc;
  members: Members = new Map();
  alarms: AppliedState["alarms"] = [];
  removed: ReadonlySet<bigint> = new Set();
  auth: AuthState = initialAuth;
  readonly tokens: SimpleTokens;
  /** How many commands of each kind were applied here since the start. */
  readonly appliedByKind = new Map<CommandKind, number>();
  /** How many commands took longer than 100 ms to apply. */
  slowApplies = 0;
  appliedIndex = 0;
  appliedTerm = 0;
  membership: Membership = emptyMembership;
  #installing = false;
  #entriesSince = 0;
  #bytesSince = 0;
  #timer: Timer | undefined;
  #jobs: (() => Promise<void>)[] = [];
  #changed = { members: false, compacted: false, leases: false };

  private constructor(config: MachineConfig, ports: MachinePorts, mvcc: Mvcc) {
    this.#config = config;
    this.#ports = ports;
    this.mvcc = mvcc;
    this.tokens = new SimpleTokens(config.tokenTtlMs);
  }

  static async open(config: MachineConfig, ports: MachinePorts): Promise<Machine> {
    const mvcc = await openMvcc(ports.backend, config);
    await ports.backend.verify();
    const machine = new Machine(config, ports, mvcc);
    machine.#restore();
    return machine;
  }

  apply(entry: Entry): void {
    if (entry.kind === "membership") this.#applyMembership(entry);
    else if (entry.data.length > 0) this.#applyCommand(entry);
    const newTerm = entry.term > this.appliedTerm;
    this.appliedIndex = entry.index;
    this.appliedTerm = entry.term;
    if (newTerm) this.#ports.onTerm(entry.term);
    this.#entriesSince++;
    this.#bytesSince += entry.data.length;
  }

  applied(): void {
    saveApplied(this.#ports.backend, this.appliedIndex, this.appliedTerm);
    if (this.#ports.backend.pendingBytes() > flushAfterBytes) this.#flush();
    else this.#timer ??= this.#ports.clock.setTimeout(() => this.#flush(), flushAfterMs);
    const changed = this.#changed;
    this.#changed = { members: false, compacted: false, leases: false };
    this.#ports.onApplied(changed);
  }

  async install(snapshot: Snapshot): Promise<void> {
    this.#installing = true;
    await this.#ports.backend.replace(this.#ports.openCopy(snapshot));
    this.mvcc = await openMvcc(this.#ports.backend, this.#config, this.mvcc);
    this.#restore();
    this.#installing = false;
    this.#ports.onReplaced();
  }

  /** False while a snapshot is being installed: the index says what was, the backend what will be. */
  get readable(): boolean {
    return !this.#installing;
  }

  async checkpoint(): Promise<{ index: number; term: number } | undefined> {
    for (const job of this.#jobs.splice(0, jobsPerTurn)) await job();
    const { backend } = this.#ports;
    if (backend.pendingBytes() > mostPendingBytes) await backend.flush();
    if (this.#entriesSince < this.#config.entriesPerCheckpoint && this.#bytesSince < this.#config.bytesPerCheckpoint)
      return undefined;
    this.#entriesSince = 0;
    this.#bytesSince = 0;
    await backend.sync();
    return { index: this.appliedIndex, term: this.appliedTerm };
  }

  hasJobs(): boolean {
    return this.#jobs.length > 0;
  }

  /** Runs between two batches, while nothing is applied. The caller wakes the loop. */
  exclusive<T>(job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(() => job().then(resolve, reject));
    });
  }

  /** What a file of etcd's says about the cluster, beside the keys. */
  clusterFacts(storageVersion: string): ClusterFacts {
    const { appliedIndex, appliedTerm, membership, members, removed, alarms, auth } = this;
    return { appliedIndex, appliedTerm, membership, members, removed, alarms, auth, storageVersion };
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#ports.backend.close();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { backend, clock, onFlush, die } = this.#ports;
    const startMs = clock.monotonic();
    backend.flush().then(
      () => onFlush?.(clock.monotonic() - startMs),
      (cause: unknown) => die("the backend could not be written", cause),
    );
  }

  #applyCommand(entry: Entry): void {
    const { origin, command, caller } = decodeCommand(entry.data);
    const nowMs = this.#ports.clock.monotonic();
    const { auth } = this;
    const outcome = applyCommand(this, command, nowMs, this.#ports.leads(), { index: entry.index, caller });
    this.appliedByKind.set(command.kind, (this.appliedByKind.get(command.kind) ?? 0) + 1);
    this.#note(command);
    if (this.auth !== auth) this.#ports.backend.putOwn("auth", encodeAuth(this.auth));
    if (this.#ports.clock.monotonic() - nowMs > slowApplyMs) this.slowApplies++;
    this.#ports.settle(origin, outcome);
  }

  #note(command: Command): void {
    switch (command.kind) {
      case "alarm":
        this.#ports.backend.putOwn("alarms", encodeAlarms(this.alarms));
        return;
      case "publish":
      case "member":
        this.#saveMembers();
        return;
      case "compact":
        this.#changed.compacted = true;
        return;
      case "leaseGrant":
      case "leaseRenew":
      case "leaseRevoke":
        this.#changed.leases = true;
        return;
      case "put":
      case "deleteRange":
      case "txn":
      case "leaseCheckpoint":
        return;
      default:
        // What changes users and roles is seen by their state having been replaced.
        return;
    }
  }

  #applyMembership(entry: Entry): void {
    const change = decodeMembershipChange(entry.data);
    const known = change.context.length > 0 ? decodeCommand(change.context) : undefined;
    const context = known?.command.kind === "member" ? known.command.request : undefined;
    const refused = context ? refuseChange(this.members, this.removed, change, context) : undefined;
    const outcome = this.#ports.applyMembership(refused ? undefined : change);
    if ("membership" in outcome) {
      this.membership = outcome.membership;
      this.#ports.backend.putOwn("membership", encodeMembership(outcome.membership));
      if (context) {
        this.members = changeMembers(this.members, change, context);
        if (change.changes[0]?.type === "remove") this.removed = new Set([...this.removed, context.id]);
      }
      this.#saveMembers();
    }
    if (known)
      this.#ports.settle(
        known.origin,
        "refused" in outcome ? { refused: refused ?? "unhealthy" } : { answer: { members: this.members } },
      );
  }

  #saveMembers(): void {
    this.#changed.members = true;
    saveMembers(this.#ports.backend, this.members, this.removed);
  }

  #restore(): void {
    const { backend } = this.#ports;
    ({ index: this.appliedIndex, term: this.appliedTerm } = readApplied(backend) ?? { index: 0, term: 0 });
    const membership = backend.getOwn("membership");
    this.membership = membership ? decodeMembership(Buffer.from(membership)) : emptyMembership;
    this.members = readMembers(backend.getOwn("members"));
    this.removed = new Set(readMembers(backend.getOwn("removed")).keys());
    this.alarms = decodeAlarms(backend.getOwn("alarms"));
    this.auth = decodeAuth(backend.getOwn("auth"));
  }
}
