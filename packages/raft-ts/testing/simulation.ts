// A whole group in one process, driven by a seed: a network that drops, duplicates, reorders, delays and cuts, disks that lose what was
// not synced, crashes between any two effects, membership changes, compaction. It checks the paper's five safety properties after every
// step, and that reads are never stale. Same seed, same run.
import {
  createMemoryStorage,
  createRaftNode,
  decodeMembershipChange,
  defaultLimits,
  emptyMembership,
  initialHardState,
} from "../src/index.ts";
import type { Entry, Message, NodeId, RaftNode, Ready, Snapshot, Term } from "../src/index.ts";
import { digestOf, snapshotOf, text } from "./host.ts";
import type { Committed, Disk, Host } from "./host.ts";

export interface Faults {
  readonly drop: number;
  readonly duplicate: number;
  readonly crash: number;
  readonly partition: number;
  readonly membership: number;
  readonly compact: number;
  readonly transfer: number;
  /** A follower takes its leader for dead. */
  readonly forget: number;
  /** A ready is not finished in the step that began it. */
  readonly slowDisk: number;
}

export const allFaults: Faults = {
  drop: 0.05,
  duplicate: 0.03,
  crash: 0.01,
  partition: 0.005,
  membership: 0.005,
  compact: 0.01,
  transfer: 0.003,
  forget: 0.01,
  slowDisk: 0.3,
};
const noFaults: Faults = {
  drop: 0,
  duplicate: 0,
  crash: 0,
  partition: 0,
  membership: 0,
  compact: 0,
  transfer: 0,
  forget: 0,
  slowDisk: 0,
};

export class SafetyViolation extends Error {
  override readonly name = "SafetyViolation";
}

/** Uniform in [0, 1). */
export type RandomSource = () => number;

export class Simulation {
  readonly #random: RandomSource;
  readonly #hosts = new Map<NodeId, Host>();
  #inFlight: Message[] = [];
  readonly #cut = new Set<string>();
  readonly #leaders = new Map<Term, NodeId>();
  readonly #committed = new Map<number, Committed>();
  #maxCommitted = 0;
  readonly #reads = new Map<string, number>();
  #counter = 0;
  readonly #poolIds: readonly NodeId[];
  readonly #answerCommits: boolean;
  steps = 0;

  constructor(random: RandomSource, voters: number, answerCommits = true, spare: number = 2) {
    this.#random = random;
    this.#answerCommits = answerCommits;
    const ids = Array.from({ length: voters + spare }, (_, position) => BigInt(position + 1));
    this.#poolIds = ids;
    const membership = { ...emptyMembership, voters: ids.slice(0, voters) };
    const snapshot: Snapshot = { index: 1, term: 1, membership, data: Buffer.from("start") };
    const nothing: Snapshot = { index: 0, term: 0, membership: emptyMembership, data: new Uint8Array(0) };
    this.#committed.set(1, { term: 1, text: "", digest: "start" });
    this.#maxCommitted = 1;
    for (const [position, id] of ids.entries()) {
      const begun = position < voters;
      const disk: Disk = {
        hardState: begun ? { term: 1, vote: undefined, commit: 1 } : initialHardState,
        entries: [],
        snapshot: begun ? snapshot : nothing,
      };
      this.#hosts.set(id, this.#boot(id, disk));
    }
  }

  /** Runs that many random steps, then checks that without faults the group gets on. */
  run(steps: number, faults: Faults = allFaults): void {
    for (let step = 0; step < steps; step++) this.step(faults);
    this.#settle();
  }

  step(faults: Faults): void {
    this.steps++;
    const host = this.#pick([...this.#hosts.values()]);
    if (this.#chance(faults.crash)) this.#crash(host);
    if (this.#chance(faults.partition)) this.#repartition();
    if (!host.node) {
      if (this.#chance(0.2)) this.#restart(host);
      return;
    }
    const dice = this.#random();
    if (dice < 0.25) host.node.tick();
    else if (dice < 0.65) this.#deliver(faults);
    else if (dice < 0.72) host.node.propose(Buffer.from(`v${++this.#counter}`));
    else if (dice < 0.75) this.#read(host);
    else if (this.#chance(faults.membership)) this.#changeMembership(host.node);
    else if (this.#chance(faults.transfer)) host.node.transferLeader(this.#pick(this.#poolIds));
    else if (this.#chance(faults.forget)) host.node.forgetLeader();
    else if (this.#chance(faults.compact)) this.#compact(host);
    else this.#process(host, faults);
    this.#check(host);
  }

  /** Faults stop; a proposal must get through on every voter. */
  #settle(): void {
    this.#cut.clear();
    for (const host of this.#hosts.values()) if (!host.node) this.#restart(host);
    for (let round = 0; round < 400; round++) {
      for (const host of this.#hosts.values()) {
        host.node?.tick();
        for (let turn = 0; turn < 20 && (host.outstanding || host.node?.hasReady()); turn++)
          this.#process(host, noFaults);
      }
      const now = this.#inFlight;
      this.#inFlight = [];
      for (const message of now) this.#hand(message);
      for (const host of this.#hosts.values()) {
        for (let turn = 0; turn < 20 && (host.outstanding || host.node?.hasReady()); turn++)
          this.#process(host, noFaults);
        this.#check(host);
      }
      const leader = [...this.#hosts.values()].find(
        (host) => host.node?.status().role === "leader" && host.node.status().term === this.#highestTerm(),
      );
      if (round > 30 && round % 30 === 0) leader?.node?.propose(Buffer.from(`final ${round}`));
      if (leader && round > 300 && this.#agreed(leader)) return;
    }
    const states = [...this.#hosts.values()].map(
      (host) => `${host.id}: ${host.node?.status().role} term ${host.node?.status().term} applied ${host.applied}`,
    );
    throw new SafetyViolation(`no progress after the faults stopped; ${states.join("; ")}`);
  }

  #agreed(leader: Host): boolean {
    const { membership, lastIndex } = leader.node?.status() ?? { membership: emptyMembership, lastIndex: -1 };
    return [...membership.voters, ...membership.learners].every((id) => this.#hosts.get(id)?.applied === lastIndex);
  }

  #highestTerm(): Term {
    return Math.max(...[...this.#hosts.values()].map((host) => host.node?.status().term ?? 0));
  }

  #boot(id: NodeId, disk: Disk): Host {
    const storage = createMemoryStorage();
    if (disk.snapshot.index > 0) storage.applySnapshot(disk.snapshot);
    storage.append(disk.entries);
    storage.setHardState({ ...disk.hardState, commit: Math.max(disk.hardState.commit, disk.snapshot.index) });
    const node = createRaftNode({
      ...defaultLimits,
      id,
      storage,
      applied: disk.snapshot.index,
      randomInt: (most) => Math.floor(this.#random() * most),
      answerCommits: this.#answerCommits,
      maxBytesPerMessage: 200,
      maxInflightMessages: 4,
    });
    return {
      id,
      disk,
      node,
      outstanding: undefined,
      storage,
      applied: disk.snapshot.index,
      appliedTerm: disk.snapshot.term,
      membership: disk.snapshot.membership,
      digest: text(disk.snapshot.data),
      lastIndexAsLeader: undefined,
    };
  }

  /** What was not synced is gone; what was sent may still arrive. */
  #crash(host: Host): void {
    host.node = undefined;
    host.outstanding = undefined;
    host.lastIndexAsLeader = undefined;
  }

  #restart(host: Host): void {
    this.#hosts.set(host.id, this.#boot(host.id, host.disk));
  }

  #process(host: Host, faults: Faults): void {
    const { node } = host;
    if (!node) return;
    if (!host.outstanding) {
      if (!node.hasReady()) return;
      host.outstanding = node.ready();
      this.#sendEarly(host, host.outstanding.messages);
      // The disk may take its time: others come in between.
      if (this.#chance(faults.slowDisk)) return;
    } else {
      this.#sendEarly(host, node.takeMessages());
      this.#checkReads(host, node.takeReadStates());
    }
    const ready = host.outstanding;
    host.outstanding = undefined;
    if (this.#chance(faults.crash)) return this.#crash(host);
    this.#sync(host, ready);
    if (this.#chance(faults.crash)) return this.#crash(host);
    this.#send(ready.messagesAfterSync);
    if (ready.snapshot) {
      host.applied = ready.snapshot.index;
      host.appliedTerm = ready.snapshot.term;
      host.digest = text(ready.snapshot.data);
      host.membership = ready.snapshot.membership;
      this.#checkDigest(host);
    }
    for (const entry of ready.committed) this.#apply(host, node, entry);
    if (this.#chance(faults.crash)) return this.#crash(host);
    this.#checkReads(host, ready.readStates);
    node.advance(ready);
  }

  #checkReads(host: Host, reads: Ready["readStates"]): void {
    for (const { context, index } of reads) {
      const atLeast = this.#reads.get(context);
      if (atLeast !== undefined && index < atLeast)
        throw new SafetyViolation(`stale read on ${host.id}: index ${index}, but ${atLeast} was committed before it`);
    }
  }

  #sendEarly(host: Host, messages: readonly Message[]): void {
    this.#send(
      messages.map((message) => (message.type === "snapshot" ? { ...message, snapshot: snapshotOf(host) } : message)),
    );
  }

  #sync(host: Host, ready: Ready): void {
    const { disk, storage } = host;
    if (ready.snapshot) {
      disk.snapshot = ready.snapshot;
      disk.entries = [];
      storage.applySnapshot(ready.snapshot);
    }
    const first = ready.entries[0];
    if (first) disk.entries = [...disk.entries.filter((entry) => entry.index < first.index), ...ready.entries];
    // A commit index alone is not worth a sync: a crash may lose it.
    if (ready.hardState && (ready.mustSync || this.#chance(0.5))) disk.hardState = ready.hardState;
    storage.append(ready.entries);
    if (ready.hardState) storage.setHardState(ready.hardState);
  }

  #apply(host: Host, node: RaftNode, entry: Entry): void {
    if (entry.index !== host.applied + 1)
      throw new SafetyViolation(`${host.id} applied ${entry.index} after ${host.applied}`);
    if (entry.kind === "membership") {
      const outcome = node.applyMembership(decodeMembershipChange(entry.data));
      if ("membership" in outcome) host.membership = outcome.membership;
    }
    host.applied = entry.index;
    host.appliedTerm = entry.term;
    const content = `${entry.kind} ${text(entry.data)}`;
    host.digest = digestOf(host.digest, entry.term, content);
    const known = this.#committed.get(entry.index);
    if (known && (known.term !== entry.term || known.text !== content)) {
      throw new SafetyViolation(
        `state machine safety: ${host.id} applied ${entry.term}/${entry.index} ${content}, elsewhere it was ${known.term} ${known.text}`,
      );
    }
    if (!known) this.#committed.set(entry.index, { term: entry.term, text: content, digest: host.digest });
    this.#maxCommitted = Math.max(this.#maxCommitted, entry.index);
    this.#checkDigest(host);
  }

  #checkDigest(host: Host): void {
    const known = this.#committed.get(host.applied);
    if (known && known.digest !== host.digest)
      throw new SafetyViolation(`${host.id} has another history at ${host.applied}`);
  }

  #check(host: Host): void {
    const status = host.node?.status();
    if (!status || status.role !== "leader") {
      host.lastIndexAsLeader = undefined;
      return;
    }
    const known = this.#leaders.get(status.term);
    if (known !== undefined && known !== host.id)
      throw new SafetyViolation(`election safety: ${known} and ${host.id} led term ${status.term}`);
    if (known === undefined) {
      this.#leaders.set(status.term, host.id);
      this.#checkCompleteness(host, status.term);
    }
    const before = host.lastIndexAsLeader;
    if (before && before.term === status.term && status.lastIndex < before.lastIndex)
      throw new SafetyViolation(`leader append-only: ${host.id} went back to ${status.lastIndex}`);
    host.lastIndexAsLeader = { term: status.term, lastIndex: status.lastIndex };
  }

  /** Everything committed in earlier terms is in a new leader's log. */
  #checkCompleteness(host: Host, term: Term): void {
    for (const [index, entry] of this.#committed) {
      if (entry.term >= term || index < host.storage.firstIndex() || index <= host.disk.snapshot.index) continue;
      const own = host.storage.term(index);
      if (own !== entry.term)
        throw new SafetyViolation(
          `leader completeness: ${host.id} leads term ${term} without ${entry.term}/${index} (${own})`,
        );
    }
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) this.#inFlight.push(message);
    // A slow network forgets what is too much.
    if (this.#inFlight.length > 500)
      for (const lost of this.#inFlight.splice(0, this.#inFlight.length - 500)) this.#lose(lost);
  }

  /** The transport owes a word about every snapshot. */
  #lose(message: Message): void {
    if (message.type === "snapshot") this.#hosts.get(message.from)?.node?.reportSnapshot(message.to, false);
  }

  #deliver(faults: Faults): void {
    if (this.#inFlight.length === 0) return;
    // Mostly in order, sometimes anything.
    const position = this.#chance(0.7) ? 0 : Math.floor(this.#random() * this.#inFlight.length);
    const [message] = this.#inFlight.splice(position, 1);
    if (!message) return;
    if (this.#chance(faults.drop)) return this.#lose(message);
    if (this.#chance(faults.duplicate)) this.#inFlight.push(message);
    this.#hand(message);
  }

  #hand(message: Message): void {
    if (this.#cut.has(`${message.from}-${message.to}`)) return this.#lose(message);
    const host = this.#hosts.get(message.to);
    host?.node?.step(message);
    if (message.type === "snapshot")
      this.#hosts.get(message.from)?.node?.reportSnapshot(message.to, host?.node !== undefined);
    if (host) this.#check(host);
  }

  #read(host: Host): void {
    const context = `read ${++this.#counter}`;
    this.#reads.set(context, this.#maxCommitted);
    host.node?.readIndex(context);
  }

  /** Symmetric, one-way, or healed. */
  #repartition(): void {
    this.#cut.clear();
    if (this.#chance(0.5)) return;
    const left = new Set(this.#poolIds.filter(() => this.#chance(0.5)));
    const oneWay = this.#chance(0.3);
    for (const a of this.#poolIds) {
      for (const b of this.#poolIds) {
        if (left.has(a) && !left.has(b)) {
          this.#cut.add(`${a}-${b}`);
          if (!oneWay) this.#cut.add(`${b}-${a}`);
        }
      }
    }
  }

  #changeMembership(node: RaftNode): void {
    const types = ["add-voter", "add-learner", "remove"] as const;
    const count = this.#chance(0.5) ? 1 : 2;
    const changes = Array.from({ length: count }, () => ({ type: this.#pick(types), id: this.#pick(this.#poolIds) }));
    node.proposeMembership({
      transition: this.#chance(0.7) ? "auto" : "joint-implicit",
      changes,
      context: new Uint8Array(0),
    });
  }

  #compact(host: Host): void {
    if (host.applied <= host.disk.snapshot.index) return;
    const snapshot = snapshotOf(host);
    if (!host.storage.createSnapshot(snapshot.index, snapshot.membership, snapshot.data)) return;
    host.disk.snapshot = snapshot;
    host.disk.entries = host.disk.entries.filter((entry) => entry.index > snapshot.index);
    host.storage.compact(snapshot.index);
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random() < probability;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }
}
