// The assembly: opens the data, runs the member, and puts its ports around it. Only wiring.
import type { Component } from "@coxswain/daemon";
import { StartError, listenFailure } from "@coxswain/daemon";
import { decode, encode, hashKVRequest, hashKVResponse } from "@coxswain/etcd-api";
import type { Member } from "@coxswain/etcd-api";
import { openCertificates } from "./certificates.ts";
import type { Certificates } from "./certificates.ts";
import { createClientPort } from "./client-port.ts";
import type { ClientPort } from "./client-port.ts";
import type { StoreConfig } from "./config.ts";
import { CorruptionWatch } from "./corruption.ts";
import { openData } from "./data-dir.ts";
import type { OpenedData } from "./data-dir.ts";
import { createIdentity } from "./io/auth/identity.ts";
import { openJwtTokens } from "./io/auth/jwt.ts";
import { createPasswords } from "./io/auth/passwords.ts";
import type { Passwords } from "./io/auth/passwords.ts";
import { layOutDatabase } from "./io/bbolt/writer.ts";
import { memberId } from "./io/peer/identity.ts";
import type { PeerTransport } from "./io/peer/peer.ts";
import { etcdError } from "./io/rpc/errors.ts";
import { serveHashKV } from "./io/rpc/maintenance.ts";
import { answerPeer, peerFailure } from "./io/rpc/peer-questions.ts";
import type { Identity, Served } from "./io/rpc/ports.ts";
import { etcdBucketsOf } from "./io/snapshot/etcd-buckets.ts";
import { measured } from "./measured.ts";
import { createMember } from "./member.ts";
import type { RunningMember } from "./member.ts";
import type { Wal } from "./io/wal/wal.ts";
import { createObserver } from "./observer.ts";
import { metricTable } from "./metrics.ts";
import type { StoreMetrics } from "./metrics.ts";
import type { StorePorts } from "./system-ports.ts";

/** The version of etcd whose API this is: clients decide by it what they may use. */
export const apiVersion = "3.6.0";

export function createStore(config: StoreConfig, ports: StorePorts): Component {
  const parts: {
    data?: OpenedData;
    transport?: PeerTransport;
    member?: RunningMember;
    passwords?: Passwords;
    corruption?: CorruptionWatch;
    clientPort?: ClientPort;
    certificates: readonly (Certificates | undefined)[];
  } = { certificates: [] };
  let ready = false;
  /** Until everything that must be stopped is known. */
  let assembling: Promise<void> = Promise.resolve();
  const stop = async (): Promise<void> => {
    ready = false;
    await assembling;
    const { data, transport, member, clientPort } = parts;
    parts.corruption?.stop();
    // First of all, so that writes go on elsewhere while this member ends.
    await member?.handOver();
    for (const certificates of parts.certificates) certificates?.stop();
    await clientPort?.close(500);
    await parts.passwords?.close();
    await member?.stop();
    await transport?.stop();
    if (!data) return;
    delete parts.data;
    await data.wal.close();
    if (member) await member.machine.close();
    else await data.backend.close();
  };
  return {
    async start(signal) {
      const assembled = Promise.withResolvers<void>();
      assembling = assembled.promise;
      // However the start ends, a stop does not wait for more.
      using _ended = { [Symbol.dispose]: () => assembled.resolve() };
      if (config.unused.length > 0) ports.log.warn({ flags: config.unused }, "these flags change nothing here");
      const peerTls = config.peerTls && (await openCertificates(config.peerTls, ports));
      const clientTls = config.clientTls && (await openCertificates(config.clientTls, ports));
      parts.certificates = [peerTls, clientTls];
      const metrics = ports.metrics.create(metricTable);
      const opened = await openData(config, { ...ports, askCluster: (urls) => ports.askCluster(urls, peerTls) });
      const data = { ...opened, wal: timed(opened.wal, metrics, ports) };
      parts.data = data;
      const { identity } = data;
      ports.log.info(
        {
          member: identity.memberId.toString(16),
          cluster: identity.clusterId.toString(16),
          history: data.history,
          applied: data.applied,
        },
        "opened the data directory",
      );
      if (data.repaired) ports.log.warn(data.repaired, "dropped an unfinished batch at the end of the log");
      const transport = ports.createTransport({ ...identity, listen: config.listenPeerUrls, tls: peerTls });
      parts.transport = transport;
      const member = await createMember(config, data, transport, ports);
      parts.member = member;
      await transport.start(member.receiver, signal).catch((error: unknown) => {
        throw new StartError(listenFailure(error as NodeJS.ErrnoException, "the peer port", 0), { cause: error });
      });
      const passwords = createPasswords(config.auth.bcryptCost);
      parts.passwords = passwords;
      const { machine } = member;
      const callers = createIdentity({
        auth: () => machine.auth,
        tokens: machine.tokens,
        appliedIndex: () => machine.appliedIndex,
        linearize: member.linearize,
        jwt: config.auth.token.kind === "jwt" ? await openJwtTokens(config.auth.token) : undefined,
        passwords,
        certificates: config.clientTls?.namesUsers === true,
        clock: ports.clock,
        random: ports.random,
      });
      const served = measured(serve(config, data, member, transport, callers, ports), metrics);
      member.answerWith((question, payload) => answerPeer(served, question, payload));
      const observe = createObserver({
        memberId: data.identity.memberId,
        member,
        served,
        transport,
        metrics,
        version: apiVersion,
      });
      const clientPort = createClientPort(config, served, metrics, observe, clientTls, ports);
      parts.clientPort = clientPort;
      const corruption = corruptionWatch(data, member, served, transport, ports);
      parts.corruption = corruption;
      const found = member.run();
      assembled.resolve();
      if (config.corruptCheck.initial) await corruption.checkOnce(config.name);
      corruption.start(config.corruptCheck.intervalMs);
      await clientPort.listen();
      await Promise.race([found, aborted(signal)]);
      await publish(config, data, member, ports, signal);
      ready = true;
    },
    ready: () => (ready && parts.member?.replica.status().leader !== undefined ? [] : ["a leader"]),
    stop,
  };
}

function timed(wal: Wal, metrics: StoreMetrics, ports: StorePorts): Wal {
  return {
    async save(hardState, entries) {
      const startMs = ports.clock.monotonic();
      await wal.save(hardState, entries);
      metrics.walFsync.observe((ports.clock.monotonic() - startMs) / 1000);
    },
    mark: (marker) => wal.mark(marker),
    release: (index) => wal.release(index),
    close: () => wal.close(),
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** Tells the cluster this member's name and client URLs, until it is heard. */
async function publish(
  config: StoreConfig,
  data: OpenedData,
  member: RunningMember,
  ports: StorePorts,
  signal: AbortSignal,
): Promise<void> {
  const { memberId: id } = data.identity;
  const same = (known: Member | undefined): boolean =>
    known?.name === config.name && known.clientURLs.join() === config.advertiseClientUrls.join();
  while (!same(member.machine.members.get(id))) {
    if (!member.machine.members.has(id)) ports.log.warn({}, "this member is not in the cluster's member list (yet)");
    await member.proposals
      .propose<"publish">({
        kind: "publish",
        request: { id, name: config.name, clientURLs: config.advertiseClientUrls },
      })
      .catch((err: unknown) => ports.log.warn({ err }, "could not publish the member's name yet"));
    if (!same(member.machine.members.get(id))) await ports.clock.sleep(1000, signal);
  }
}

function serve(
  config: StoreConfig,
  data: OpenedData,
  member: RunningMember,
  transport: PeerTransport,
  callers: Identity,
  ports: StorePorts,
): Served {
  const { machine, replica, proposals, sweeper, space } = member;
  const size = async (): Promise<{ total: number; inUse: number; quota: number }> => {
    const total = await space.refresh();
    return { total, inUse: Math.min(total, data.backend.liveBytes()), quota: space.quotaBytes };
  };
  const served: Served = {
    mvcc: () => {
      // A client that is told this tries again, here or elsewhere.
      if (!machine.readable) throw etcdError("leaderChanged");
      return machine.mvcc;
    },
    members: () => machine.members,
    alarms: () => machine.alarms,
    status: () => replica.status(),
    clusterId: () => data.identity.clusterId,
    isLearner: () => machine.membership.learners.includes(data.identity.memberId),
    onLeaderLost: (tell) => member.leaderWatch.onLost(tell),
    onLeaderChange: (tell) => member.leaderWatch.onChange(tell),
    auth: () => machine.auth,
    identity: callers,
    propose: (command, caller) => proposals.propose(command, caller),
    proposeMembership: (changes, command) => proposals.proposeMembership(changes, command),
    linearize: member.linearize,
    endLease: member.endLease,
    admit: (addedBytes) => space.admit(addedBytes),
    header: member.header,
    nowMs: () => ports.clock.monotonic(),
    exclusive: (job) => {
      const done = machine.exclusive(job);
      replica.wake();
      return done;
    },
    hash: async (revision) => {
      const { view, hashing } = await served.exclusive(async () => {
        const view = await data.backend.view();
        return { view, hashing: machine.mvcc.hash(revision, view.pages("key")) };
      });
      return hashing.finally(() => view.close());
    },
    connected: (id) => transport.connected(id),
    askPeer: (to, question, payload) =>
      transport.ask(to, question, payload).catch((error: unknown) => {
        throw peerFailure(error);
      }),
    etcdFile: async () => {
      const { view, facts } = await served.exclusive(async () => ({
        view: await data.backend.view(),
        facts: machine.clusterFacts(apiVersion),
      }));
      const file = await layOutDatabase(await etcdBucketsOf(view, facts));
      return { file, close: () => view.close() };
    },
    size,
    defragment: () => data.backend.compact(),
    transferLeader: member.transferLeader,
    swept: () => sweeper.swept(),
    pumpWatches: () => sweeper.pumpWatches(),
    newMemberId: (peerUrls) => memberId(peerUrls, config.initial.token, ports.clock.now()),
    newLeaseId: () => Buffer.from(ports.random.bytes(8)).readBigUInt64BE() & 0x7fff_ffff_ffff_ffffn || 1n,
    version: apiVersion,
    limits: {
      maxTxnOps: config.maxTxnOps,
      maxRequestBytes: config.maxRequestBytes,
      progressIntervalMs: config.progressIntervalMs,
    },
    clock: ports.clock,
  };
  return served;
}

function corruptionWatch(
  data: OpenedData,
  member: RunningMember,
  served: Served,
  transport: PeerTransport,
  ports: StorePorts,
): CorruptionWatch {
  const { memberId } = data.identity;
  return new CorruptionWatch({
    memberId,
    ownHash: async (revision) => {
      const { header, hash = 0, compactRevision = 0, hashRevision = 0 } = await serveHashKV(served, { revision });
      return { hash, compactRevision, revision: hashRevision || (header?.revision ?? 0) };
    },
    others: () => [...member.machine.members.keys()].filter((id) => id !== memberId),
    askHash: async (id, revision) => {
      const answer = decode(hashKVResponse, await transport.ask(id, "hash", encode(hashKVRequest, { revision })));
      return { hash: answer.hash, compactRevision: answer.compactRevision, revision: answer.hashRevision };
    },
    leads: () => served.status().role === "leader",
    raise: (id) =>
      served.propose<"alarm">({ kind: "alarm", request: { action: "ACTIVATE", memberId: id, alarm: "CORRUPT" } }),
    clock: ports.clock,
    log: ports.log,
  });
}
