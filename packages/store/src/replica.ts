// The ready loop: the only place where log, network and state machine meet. In this order, always:
//
//   ready ─► append (write-ahead log, one sync) ─► send what promised durability ─► apply ─► advance
//              │ meanwhile: send what may overtake the disk (also what comes up during the sync), apply what was durable before
//
// What arrives during a sync makes up the next batch: that is the group commit. It knows neither keys nor gRPC.
import { nextTick } from "node:process";
import type { Clock, Timer } from "@coxswain/clock";
import type {
  Entry,
  HardState,
  Message,
  MembershipChange,
  MemoryStorage,
  ProposalOutcome,
  RaftNode,
  Ready,
  Snapshot,
  Status,
} from "raft-ts";
import { initialHardState } from "raft-ts";
import { StoreError } from "./errors.ts";
import type { PeerTransport } from "./io/peer/peer.ts";
import type { Wal } from "./io/wal/wal.ts";

/** The state machine behind the log. Synchronous: an entry is applied when `apply` returns. */
export interface StateMachine {
  /** Applies one committed entry; the same on every member. */
  apply(entry: Entry): void;
  /** After a batch of entries. */
  applied(): void;
  /** Replaces the state by the copy that came with this snapshot. */
  install(snapshot: Snapshot): Promise<void>;
  /** Resolves with what is then durable, so that the log before it can go; undefined when that is not worth it now. */
  checkpoint(): Promise<{ readonly index: number; readonly term: number } | undefined>;
  /** Work waits that wants to run while nothing is applied; `checkpoint` does it. */
  hasJobs(): boolean;
}

export interface ReplicaPorts {
  readonly node: RaftNode;
  readonly storage: MemoryStorage;
  readonly wal: Wal;
  readonly machine: StateMachine;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  /** The disk failed or an invariant broke: nothing may go on. */
  readonly die: (reason: string, cause: unknown) => void;
  readonly onLeadership: (status: Status) => void;
}

export interface ReplicaConfig {
  /** Drawn anew at every start; tells this run's reads from an earlier one's. */
  readonly boot: number;
  readonly tickMs: number;
  /** Entries kept in memory behind a checkpoint for followers that lag a little. */
  readonly catchUpEntries: number;
  /** A read that finds no leader, or no answer, for this long is refused. */
  readonly leaderWaitMs: number;
  readonly readTimeoutMs: number;
}

export interface Replica {
  run(): Promise<void>;
  stop(): Promise<void>;
  step(message: Message): void;
  propose(data: Uint8Array): ProposalOutcome;
  proposeMembership(change: MembershipChange): ProposalOutcome;
  /** Resolves when the state here is at least as new as the cluster's at the time of the call. */
  readIndex(): Promise<void>;
  status(): Status;
  /** Lets the loop look again, after something was done to the node directly. */
  wake(): void;
}

export function createReplica(config: ReplicaConfig, ports: ReplicaPorts): Replica {
  return new ReadyLoop(config, ports);
}

/** Of entries kept in memory behind a checkpoint. */
const mostCatchUpBytes = 16 * 1024 * 1024;

interface ReadRound {
  readonly context: string;
  readonly sinceMs: number;
  readonly waiters: PromiseWithResolvers<void>[];
  index: number | undefined;
}

/** Says nothing but what is committed. */
const isNews = (message: Message): boolean => message.type === "append" && message.entries.length === 0;

class ReadyLoop implements Replica {
  readonly #config: ReplicaConfig;
  readonly #ports: ReplicaPorts;
  #wake: PromiseWithResolvers<void> | undefined;
  #stopped = false;
  /** A ready is being worked on. */
  #acting = false;
  #installing = false;
  #sending = false;
  #running: Promise<void> | undefined;
  #ticker: Timer | undefined;
  /** The newest known and the newest written; a commit index alone is not worth a write. */
  #hardState: HardState = initialHardState;
  #applied: number;
  #nextRead: ReadRound | undefined;
  #rounds: ReadRound[] = [];
  #roundNumber = 0;

  constructor(config: ReplicaConfig, ports: ReplicaPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#hardState = ports.storage.initialState().hardState;
    this.#applied = ports.node.status().applied;
  }

  run(): Promise<void> {
    this.#running ??= this.#loop().catch((cause: unknown) => {
      this.#stopped = true;
      this.#failReads(cause);
      this.#ports.die("the member cannot go on", cause);
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ticker?.cancel();
    this.wake();
    await this.#running;
    this.#failReads(new StoreError("stopped", "the member is stopping"));
  }

  step(message: Message): void {
    if (this.#stopped) return;
    this.#ports.node.step(message);
    this.wake();
  }

  propose(data: Uint8Array): ProposalOutcome {
    const outcome = this.#ports.node.propose(data);
    this.wake();
    return outcome;
  }

  proposeMembership(change: MembershipChange): ProposalOutcome {
    const outcome = this.#ports.node.proposeMembership(change);
    this.wake();
    return outcome;
  }

  readIndex(): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    // All reads that arrive before the next round begins share it.
    this.#nextRead ??= {
      context: `${this.#ports.node.status().id.toString(16)}-${this.#config.boot}-${++this.#roundNumber}`,
      sinceMs: this.#ports.clock.monotonic(),
      waiters: [],
      index: undefined,
    };
    this.#nextRead.waiters.push(waiter);
    this.#beginRead();
    return waiter.promise;
  }

  status(): Status {
    return this.#ports.node.status();
  }

  wake(): void {
    if (this.#wake) this.#wake.resolve();
    else this.#sendSoon();
  }

  /** The loop waits for the disk: what need not wait with it goes at the end of this turn. */
  #sendSoon(): void {
    if (!this.#acting || this.#sending) return;
    this.#sending = true;
    nextTick(() => {
      this.#sending = false;
      if (!this.#acting) return;
      this.#ports.transport.send(this.#ports.node.takeMessages());
      // A read need not wait for the disk either, but for the state to be whole.
      if (this.#installing) return;
      this.#noteReads(this.#ports.node.takeReadStates());
      this.#serveReads();
      this.#beginRead();
    });
  }

  async #loop(): Promise<void> {
    const { node } = this.#ports;
    while (!this.#stopped) {
      if (!node.hasReady()) {
        if (this.#ports.machine.hasJobs()) {
          await this.#checkpoint();
          continue;
        }
        this.#armTicker();
        this.#wake = Promise.withResolvers();
        await this.#wake.promise;
        this.#wake = undefined;
        continue;
      }
      const ready = node.ready();
      this.#acting = true;
      await this.#act(ready);
      this.#acting = false;
      node.advance(ready);
      this.#serveReads();
      this.#beginRead();
      await this.#checkpoint();
    }
  }

  async #act(ready: Ready): Promise<void> {
    const { storage, wal, machine, transport } = this.#ports;
    // What followers are to put on their disks goes first; what was committed can be told after it is answered here.
    const news = ready.committed.length > 0 && ready.messages.every(isNews);
    if (!news) transport.send(ready.messages);
    if (ready.softState) this.#ports.onLeadership(this.#ports.node.status());
    if (ready.snapshot) {
      this.#installing = true;
      await machine.install(ready.snapshot);
      await wal.mark({ index: ready.snapshot.index, term: ready.snapshot.term, membership: ready.snapshot.membership });
      storage.applySnapshot(ready.snapshot);
      this.#applied = ready.snapshot.index;
      this.#installing = false;
    }
    if (ready.hardState) this.#hardState = ready.hardState;
    const saving = ready.mustSync ? wal.save(this.#hardState, ready.entries) : undefined;
    const durable = ready.committed.findIndex(
      (entry) => entry.index > storage.lastIndex() || entry.kind === "membership",
    );
    const now = durable < 0 ? ready.committed : ready.committed.slice(0, durable);
    try {
      this.#apply(now);
    } finally {
      await saving;
    }
    storage.append(ready.entries);
    storage.setHardState(this.#hardState);
    transport.send(ready.messagesAfterSync);
    this.#apply(ready.committed.slice(now.length));
    this.#noteReads(ready.readStates);
    if (news) this.#sendAfterAnswers(ready.messages);
  }

  /** Answers leave in a tick of their own, behind the promises that the applied entries keep; these go behind it. */
  #sendAfterAnswers(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    nextTick(() =>
      nextTick(() => {
        if (!this.#stopped) this.#ports.transport.send(messages);
      }),
    );
  }

  #noteReads(reads: Ready["readStates"]): void {
    for (const { context, index } of reads)
      for (const round of this.#rounds) if (round.context === context) round.index = index;
  }

  #apply(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) {
      this.#ports.machine.apply(entry);
      this.#applied = entry.index;
    }
    this.#ports.machine.applied();
  }

  async #checkpoint(): Promise<void> {
    const { machine, storage, wal, node } = this.#ports;
    const durable = await machine.checkpoint();
    if (!durable) return;
    const { membership } = node.status();
    await wal.mark({ ...durable, membership });
    storage.createSnapshot(durable.index, membership, new Uint8Array(0));
    storage.compact(this.#forgetUpTo(durable.index));
    await wal.release(durable.index);
  }

  /** What a follower may still need is kept, but not more than a snapshot would be worth. */
  #forgetUpTo(index: number): number {
    const { storage } = this.#ports;
    const oldest = Math.max(storage.firstIndex(), index - this.#config.catchUpEntries + 1);
    const recent = oldest > index ? [] : storage.entries(oldest, index + 1, Number.POSITIVE_INFINITY);
    if (recent === "compacted") return index - this.#config.catchUpEntries;
    let bytes = 0;
    const tooOld = recent.findLastIndex((entry) => (bytes += entry.data.length) > mostCatchUpBytes);
    return oldest + tooOld;
  }

  /** One round at a time; with more members than one it costs a round trip, alone nothing. */
  #beginRead(): void {
    const round = this.#nextRead;
    if (!round || this.#rounds.length > 0 || this.#ports.node.leader === undefined) return;
    this.#nextRead = undefined;
    this.#rounds.push(round);
    this.#ports.node.readIndex(round.context);
    this.wake();
  }

  #serveReads(): void {
    const due = this.#rounds.filter((round) => round.index !== undefined && round.index <= this.#applied);
    if (due.length === 0) return;
    this.#rounds = this.#rounds.filter((round) => !due.includes(round));
    for (const round of due) for (const waiter of round.waiters) waiter.resolve();
  }

  #failReads(cause: unknown): void {
    const rounds = [...this.#rounds, ...(this.#nextRead ? [this.#nextRead] : [])];
    this.#rounds = [];
    this.#nextRead = undefined;
    for (const round of rounds) for (const waiter of round.waiters) waiter.reject(cause);
  }

  /** A member that is alone and leads needs no ticks at all. */
  #armTicker(): void {
    if (this.#ticker || this.#stopped) return;
    const { membership, role } = this.#ports.node.status();
    const members = membership.voters.length + membership.outgoing.length + membership.learners.length;
    if (members <= 1 && role === "leader") return;
    this.#ticker = this.#ports.clock.setTimeout(() => {
      this.#ticker = undefined;
      this.#ports.node.tick();
      this.#retryReads();
      this.wake();
      this.#armTicker();
    }, this.#config.tickMs);
  }

  /** A read request may be lost with a leader or on the way: ask again, under the same context, with every tick. */
  #retryReads(): void {
    if (this.#rounds.length === 0 && !this.#nextRead) return;
    const nowMs = this.#ports.clock.monotonic();
    const leaderless = this.#ports.node.leader === undefined;
    const waitMs = leaderless ? this.#config.leaderWaitMs : this.#config.readTimeoutMs;
    const late = [...this.#rounds, ...(this.#nextRead ? [this.#nextRead] : [])].filter(
      (round) => nowMs - round.sinceMs > waitMs,
    );
    const error =
      late.length === 0
        ? undefined
        : leaderless
          ? new StoreError("no-leader", "no leader was found in time")
          : new StoreError("read-timeout", "no majority confirmed the read in time");
    for (const round of late) for (const waiter of round.waiters) waiter.reject(error);
    this.#rounds = this.#rounds.filter((round) => !late.includes(round));
    if (this.#nextRead && late.includes(this.#nextRead)) this.#nextRead = undefined;
    for (const round of this.#rounds) if (round.index === undefined) this.#ports.node.readIndex(round.context);
    this.#beginRead();
  }
}
