// Maintenance.Status: what this member knows of itself and its leader.
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
