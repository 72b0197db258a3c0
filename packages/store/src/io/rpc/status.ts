// Maintenance.Status, and the health that probes and load balancers ask for.
import type { Init, StatusResponse } from "@coxswain/etcd-api";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export async function serveStatus(served: Served): Promise<Init<StatusResponse>> {
  const status = served.status();
  const { total, inUse, quota } = await served.size();
  const errors = status.leader === undefined ? [etcdError("noLeader").details] : [];
  for (const { memberId, alarm } of served.alarms()) errors.push(`memberID:${memberId} alarm:${alarm} `);
  return {
    header: served.header(),
    version: served.version,
    storageVersion: served.version,
    dbSize: total,
    dbSizeInUse: inUse,
    dbSizeQuota: quota,
    leader: status.leader ?? 0n,
    raftIndex: status.commit,
    raftAppliedIndex: status.applied,
    raftTerm: status.term,
    isLearner: status.membership.learners.includes(status.id),
    errors,
  };
}

/** What keeps this member from serving, in words; empty when nothing does. With `serializable`, reads of the local state are enough. */
export async function healthProblems(served: Served, serializable: boolean): Promise<readonly string[]> {
  const alarms = served.alarms().map(({ alarm }) => `ALARM ${alarm}`);
  if (alarms.length > 0) return alarms;
  if (serializable) return [];
  if (served.status().leader === undefined) return ["RAFT NO LEADER"];
  return served.linearize().then(
    () => [],
    (error: unknown) => [`QGET ERROR:${error instanceof Error ? error.message : String(error)}`],
  );
}
