// One member while it runs: the log, the state machine, the requests under way and the duties of a leader, wired together. It has no
// ports to clients; `store.ts` puts those around it. This is what a simulation runs.
import { encode, memberListResponse } from "@coxswain/etcd-api";
import type { ResponseHeader } from "@coxswain/etcd-api";
import { createRaftNode, defaultLimits } from "raft-ts";
import type { RaftNode, Status } from "raft-ts";
import type { StoreConfig } from "./config.ts";
import type { OpenedData } from "./data-dir.ts";
import { rootName } from "./core/auth/state.ts";
import { StoreError } from "./errors.ts";
import { AutoCompactor, LeaseKeeper } from "./leader-duties.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { PeerRefusal, removedReason } from "./io/peer/peer.ts";
import type { PeerReceiver, PeerTransport } from "./io/peer/peer.ts";
import { etcdError } from "./io/rpc/errors.ts";
import { Proposals } from "./proposals.ts";
import { createReplica } from "./replica.ts";
import type { Replica } from "./replica.ts";
import { SpaceKeeper } from "./space.ts";
import { Machine } from "./state-machine.ts";
import { Succession } from "./succession.ts";
import { Sweeper } from "./sweeper.ts";
import type { StorePorts } from "./system-ports.ts";

export interface RunningMember {
  readonly machine: Machine;
  readonly replica: Replica;
  readonly proposals: Proposals;
  readonly sweeper: Sweeper;
  readonly space: SpaceKeeper;
  readonly receiver: PeerReceiver;
  readonly leaderChanges: () => number;
  /** How many leases have run out while this member led. */
  readonly leasesExpired: () => number;
  readonly leaderWatch: LeaderWatch;
  /** Calls with the time that each batch took on its way to the backend. */
  onFlush(tell: (durationMs: number) => void): void;
  linearize(): Promise<void>;
  /** See `LeaseKeeper.end`. */
  endLease(id: bigint): Promise<void>;
  header(revision?: number): ResponseHeader;
  /** Who answers other members' questions from now on. */
  answerWith(answer: PeerReceiver["answer"]): void;
  transferLeader(to: bigint): Promise<void>;
  /** Before a stop: lets another lead, if this one does and another can. */
  handOver(): Promise<void>;
  run(): Promise<void>;
  stop(): Promise<void>;
}

/** Beyond five seconds and two election timeouts nobody waits for an answer. */
const requestTimeoutMs = 5000;
/** How long a leader that has handed over waits for its own requests to come back. */
const handOverMs = 500;
/** With the coarse timer of proposals nothing waits for a leader longer than two seconds. */
const leaderWaitMs = 1500;

export async function createMember(
  config: StoreConfig,
  data: OpenedData,
  transport: PeerTransport,
  ports: StorePorts,
): Promise<RunningMember> {
  const { clock, random, log } = ports;
  const { memberId, clusterId } = data.identity;
  const boot = random.int(2 ** 31);
  let leading = false;
  let leader: bigint | undefined;
  let leaderChanges = 0;
  /** When the leader spoke last. */
  let heardMs = clock.monotonic();
  let stopped = false;
  let leaving = false;
  let answerer: PeerReceiver["answer"] | undefined;
  const leaderWaiters = new Set<() => void>();
  let flushListener: ((durationMs: number) => void) | undefined;
  const leaderWatch = new LeaderWatch(3 * config.electionMs, clock);

  const node: RaftNode = createRaftNode({
    ...defaultLimits,
    answerCommits: false,
    id: memberId,
    storage: data.storage,
    applied: data.applied,
    electionTicks: Math.max(2, Math.round(config.electionMs / config.heartbeatMs)),
    randomInt: (most) => random.int(most),
  });
  const die = (reason: string, cause: unknown): void => {
    if (!stopped) ports.die(reason, cause);
  };
  const proposals: Proposals = new Proposals(
    {
      memberId,
      maxRequestBytes: config.maxRequestBytes,
      timeoutMs: requestTimeoutMs + 2 * config.electionMs,
      leaderWaitMs,
    },
    {
      propose: (bytes) => replica.propose(bytes),
      proposeMembership: (change) => replica.proposeMembership(change),
      term: () => node.term,
      leads: () => node.status().role === "leader",
      backlog: () => node.commit - machine.appliedIndex,
      leaderIsSilent: () => !leading && clock.monotonic() - heardMs > config.electionMs,
      clock,
      random,
    },
  );
  const machine: Machine = await Machine.open(
    {
      minLeaseTtlSeconds: Math.ceil((3 * config.electionMs) / 2 / 1000),
      entriesPerCheckpoint: config.snapshotCount,
      bytesPerCheckpoint: 16 * 1024 * 1024,
      tokenTtlMs: config.auth.tokenTtlMs,
    },
    {
      backend: data.backend,
      clock,
      leads: () => leading,
      applyMembership: (change) => node.applyMembership(change),
      settle: (origin, outcome) => proposals.settle(origin, outcome),
      onApplied: (what) => {
        if (what.members) connectPeers();
        if (what.members && machine.removed.has(memberId)) leaveCluster();
        if (what.compacted) sweeper.start();
        if (what.leases && leading) leases.look();
        sweeper.pumpWatches();
      },
      onTerm: (term) => proposals.termBegan(term),
      onReplaced: () => {
        proposals.forget();
        connectPeers();
        sweeper.start();
        sweeper.pumpWatches();
      },
      openCopy: (snapshot) => data.spool.open(snapshot),
      die,
      onFlush: (durationMs) => flushListener?.(durationMs),
    },
  );
  const sweeper = new Sweeper({
    mvcc: () => machine.mvcc,
    readable: () => machine.readable,
    clock,
    onSwept: () => space.reclaim(),
  });
  const space = new SpaceKeeper(config.quotaBytes, {
    backend: data.backend,
    clock,
    log,
    memberId,
    alarms: () => machine.alarms,
    propose: (command) => proposals.propose<"alarm">(command),
  });

  /** What was decided about this member is applied here or told by the others; it has no further use. */
  const leaveCluster = (): void => {
    if (stopped || leaving) return;
    leaving = true;
    log.error(
      { dataDir: config.dataDir },
      `${removedReason}; its data directory is of no use any more and must be removed before it is added again`,
    );
    // A moment for the others to hear that the change is committed.
    clock.setTimeout(() => ports.end(removedReason), 2 * config.heartbeatMs);
  };
  const connectPeers = (): void =>
    transport.setPeers(
      new Map(Array.from(machine.members.values(), (each): [bigint, readonly string[]] => [each.id, each.peerURLs])),
    );
  const onLeadership = (status: Status): void => {
    leading = status.role === "leader";
    if (status.leader !== leader) {
      leader = status.leader;
      if (leader !== undefined) {
        leaderChanges++;
        heardMs = clock.monotonic();
      }
      leaderWatch.leaderIs(leader);
      log.info({ leader: leader?.toString(16), term: status.term, role: status.role }, "the leader changed");
    }
    if (leading) machine.mvcc.leases.promote(clock.monotonic(), config.electionMs);
    else machine.mvcc.leases.demote();
    leases.look();
    if (leader === undefined) return;
    proposals.leaderFound();
    for (const found of leaderWaiters) found();
  };
  const replica = createReplica(
    {
      boot,
      tickMs: config.heartbeatMs,
      catchUpEntries: config.catchUpEntries,
      leaderWaitMs,
      readTimeoutMs: requestTimeoutMs + 2 * config.electionMs,
    },
    { node, storage: data.storage, wal: data.wal, machine, transport, clock, die, onLeadership },
  );
  const leases = new LeaseKeeper(
    () => (leading && !stopped ? machine.mvcc.leases : undefined),
    () => (machine.auth.enabled ? { name: rootName, revision: machine.auth.revision } : undefined),
    proposals,
    ports,
    log,
  );
  const compactor = new AutoCompactor(
    config,
    () => machine.mvcc,
    () => leading && !stopped,
    proposals,
    ports,
    log,
  );

  const linearize = (): Promise<void> =>
    replica.readIndex().catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      throw etcdError(error.code === "no-leader" ? "noLeader" : error.code === "stopped" ? "stopped" : "timeout");
    });
  const header = (revision: number = machine.mvcc.revision): ResponseHeader => ({
    clusterId,
    memberId,
    revision,
    raftTerm: node.term,
  });

  const receiver: PeerReceiver = {
    step: (message) => {
      if (message.from === node.leader) heardMs = clock.monotonic();
      succession.heard(message);
      replica.step(message);
    },
    unreachable: (id) => {
      node.reportUnreachable(id);
      if (id === node.leader) proposals.connectionLost();
      succession.disconnected(id);
    },
    snapshotDelivered: (id, delivered) => {
      node.reportSnapshot(id, delivered);
      replica.wake();
    },
    copyBackend: () => {
      const copying = machine.exclusive(async () => ({
        snapshot: {
          index: machine.appliedIndex,
          term: machine.appliedTerm,
          membership: machine.membership,
          data: new Uint8Array(0),
        },
        pairs: await data.backend.copy(),
      }));
      replica.wake();
      return copying;
    },
    receiveBackend: (snapshot, pairs) => data.spool.receive(snapshot, pairs, data.storage.firstIndex() - 1),
    wasRemoved: (id) => machine.removed.has(id),
    removed: () => leaveCluster(),
    answer: (question, payload) =>
      answerer ? answerer(question, payload) : Promise.reject(new PeerRefusal("stopped")),
    describeCluster: () => encode(memberListResponse, { header: header(), members: [...machine.members.values()] }),
  };
  const succession = new Succession({ node, wake: () => replica.wake(), clock, random });

  const transferLeader = (to: bigint): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        if (leader !== to) return;
        leaderWaiters.delete(done);
        timer.cancel();
        resolve();
      };
      const timer = clock.setTimeout(() => {
        leaderWaiters.delete(done);
        reject(etcdError("timeout"));
      }, 3 * config.electionMs);
      leaderWaiters.add(done);
      node.transferLeader(to);
      replica.wake();
    });

  connectPeers();
  return {
    machine,
    replica,
    proposals,
    sweeper,
    space,
    receiver,
    leaderChanges: () => leaderChanges,
    leasesExpired: () => leases.ended,
    leaderWatch,
    onFlush: (tell) => (flushListener = tell),
    linearize,
    endLease: (id) => leases.end(id),
    header,
    answerWith: (answer) => void (answerer = answer),
    transferLeader,
    async handOver() {
      const { role, membership, progress } = node.status();
      if (role !== "leader" || stopped) return;
      const heir = membership.voters
        .filter((id) => id !== memberId && transport.connected(id) && progress.get(id)?.recentActive === true)
        .sort((a, b) => (progress.get(b)?.match ?? 0) - (progress.get(a)?.match ?? 0))[0];
      if (heir === undefined) return;
      await transferLeader(heir).catch((err: unknown) => log.warn({ err }, "could not hand over the leadership"));
      await proposals.drained(handOverMs);
    },
    async run() {
      // Compaction may have been interrupted; an unfinished sweep goes on.
      sweeper.start();
      space.reclaim();
      compactor.start();
      if (node.status().membership.voters.length === 1 && node.status().membership.voters[0] === memberId)
        node.campaign();
      const running = replica.run();
      await Promise.race([
        running,
        new Promise<void>((resolve) => (leader !== undefined ? resolve() : leaderWaiters.add(resolve))),
      ]);
    },
    async stop() {
      stopped = true;
      succession.stop();
      leases.stop();
      compactor.stop();
      sweeper.stop();
      space.stop();
      leaderWatch.stop();
      proposals.failAll("stopped");
      await replica.stop();
    },
  };
}
