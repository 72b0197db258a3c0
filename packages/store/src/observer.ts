// Brings the metrics up to date when somebody asks for them: gauges are read then, and counters get what was counted since.
import type { CommandKind } from "./core/command.ts";
import type { Served } from "./io/rpc/ports.ts";
import type { RunningMember } from "./member.ts";
import type { StoreMetrics } from "./metrics.ts";

export interface Observed {
  readonly memberId: bigint;
  readonly member: RunningMember;
  readonly served: Served;
  readonly metrics: StoreMetrics;
  readonly version: string;
}

export function createObserver({ memberId, member, served, metrics, version }: Observed): () => Promise<void> {
  metrics.version.set(1, { server_version: version });
  metrics.clusterVersion.set(1, { cluster_version: version.replace(/\.\d+$/, "") });
  metrics.id.set(1, { server_id: memberId.toString(16) });
  member.onFlush((durationMs) => metrics.backendCommit.observe(durationMs / 1000));
  const seen = new Map<object, number>();
  const count = (counter: StoreMetrics["puts"], total: number): void => {
    counter.inc({}, total - (seen.get(counter) ?? 0));
    seen.set(counter, total);
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
    count(metrics.puts, applied("put"));
    count(metrics.deletes, applied("deleteRange"));
    count(metrics.txns, applied("txn"));
    count(metrics.leasesGranted, applied("leaseGrant"));
    count(metrics.leasesRevoked, applied("leaseRevoke"));
    metrics.dbSize.set(total);
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
