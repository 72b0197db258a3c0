// Brings the metrics up to date when somebody asks for them: gauges are read then, and counters get what was counted since.
import type { CommandKind } from "./core/command.ts";
import type { PeerTransport } from "./io/peer/peer.ts";
import type { Served } from "./io/rpc/ports.ts";
import type { RunningMember } from "./member.ts";
import type { StoreMetrics } from "./metrics.ts";

export interface Observed {
  readonly memberId: bigint;
  readonly member: RunningMember;
  readonly served: Served;
  readonly transport: PeerTransport;
  readonly metrics: StoreMetrics;
  readonly version: string;
}

export function createObserver({
  memberId,
  member,
  served,
  transport,
  metrics,
  version,
}: Observed): () => Promise<void> {
  metrics.version.set(1, { server_version: version });
  metrics.clusterVersion.set(1, { cluster_version: version.replace(/\.\d+$/, "") });
  metrics.id.set(1, { server_id: memberId.toString(16) });
  member.onFlush((durationMs) => metrics.backendCommit.observe(durationMs / 1000));
  transport.onRoundTrip?.((to, ms) => metrics.peerRoundTrip.observe(ms / 1000, { To: to.toString(16) }));
  const seen = new Map<object, number>();
  const count = (counter: StoreMetrics["puts"], total: number): void => {
    counter.inc({}, total - (seen.get(counter) ?? 0));
    seen.set(counter, total);
  };
  const bytesSeen = new Map<string, number>();
  const grown = (key: string, total: number): number => {
    const by = total - (bytesSeen.get(key) ?? 0);
    bytesSeen.set(key, total);
    return by;
  };
  const lookAtPeers = (): void => {
    for (const [id, { sentBytes, receivedBytes, dropped }] of transport.traffic?.() ?? []) {
      const peer = id.toString(16);
      metrics.peerSent.inc({ To: peer }, grown(`to ${peer}`, sentBytes));
      if (dropped > 0) metrics.peerSendFailures.inc({ To: peer }, grown(`dropped ${peer}`, dropped));
      metrics.peerReceived.inc({ From: peer }, grown(`from ${peer}`, receivedBytes));
    }
    for (const id of served.members().keys())
      if (id !== memberId)
        metrics.activePeers.set(transport.connected(id) ? 1 : 0, {
          Local: memberId.toString(16),
          Remote: id.toString(16),
        });
  };
  const applied = (kind: CommandKind): number => member.machine.appliedByKind.get(kind) ?? 0;
  return async () => {
    const status = served.status();
    const { mvcc } = member.machine;
    const { total, inUse, quota } = await served.size();
    metrics.hasLeader.set(status.leader === undefined ? 0 : 1);
    metrics.isLeader.set(status.role === "leader" ? 1 : 0);
    metrics.isLearner.set(served.isLearner() ? 1 : 0);
    count(metrics.leaderChanges, member.leaderChanges());
    metrics.committed.set(status.commit);
    metrics.applied.set(status.applied);
    metrics.pending.set(member.proposals.pending);
    count(metrics.failed, member.proposals.failed);
    for (const puts of [metrics.puts, metrics.debuggingPuts]) count(puts, applied("put"));
    for (const deletes of [metrics.deletes, metrics.debuggingDeletes]) count(deletes, applied("deleteRange"));
    for (const txns of [metrics.txns, metrics.debuggingTxns]) count(txns, applied("txn"));
    count(metrics.slowApplies, member.machine.slowApplies);
    count(metrics.leasesExpired, member.leasesExpired());
    metrics.installing.set(member.machine.readable ? 0 : 1);
    count(metrics.leasesGranted, applied("leaseGrant"));
    count(metrics.leasesRevoked, applied("leaseRevoke"));
    lookAtPeers();
    for (const size of [metrics.dbSize, metrics.debuggingDbSize]) size.set(total);
    metrics.dbInUse.set(inUse);
    metrics.quota.set(quota);
    metrics.keys.set(mvcc.keyCount);
    metrics.watchers.set(mvcc.watches.count);
    metrics.slowWatchers.set(mvcc.watches.behind);
    metrics.revision.set(mvcc.revision);
    metrics.authRevision.set(served.auth().revision);
    metrics.compactRevision.set(mvcc.compactRevision);
  };
}
