// The Maintenance service, without Status (status.ts) and Snapshot (snapshot.ts).
import type {
  AlarmRequest,
  AlarmResponse,
  DefragmentResponse,
  DowngradeRequest,
  DowngradeResponse,
  HashKVRequest,
  HashKVResponse,
  HashResponse,
  Init,
  MoveLeaderRequest,
  MoveLeaderResponse,
} from "@coxswain/etcd-api";
import { refusalName } from "../../core/outcome.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export async function serveAlarm(served: Served, request: AlarmRequest): Promise<Init<AlarmResponse>> {
  const { revision, alarms } = await served.propose<"alarm">({ kind: "alarm", request });
  return { header: served.header(revision), alarms };
}

export async function serveDefragment(served: Served): Promise<Init<DefragmentResponse>> {
  await served.defragment();
  return { header: served.header() };
}

export async function serveHashKV(served: Served, request: HashKVRequest): Promise<Init<HashKVResponse>> {
  const answer = await served.hash(request.revision);
  if ("refused" in answer) throw etcdError(refusalName(answer.refused));
  return {
    header: served.header(answer.revision),
    hash: answer.hash,
    // etcd's way of saying that nothing was ever compacted.
    compactRevision: answer.compactRevision === 0 ? -1 : answer.compactRevision,
    hashRevision: answer.hashRevision,
  };
}

/** Of the keyspace as it is now. etcd hashes its whole file; the numbers of different programs are not comparable. */
export async function serveHash(served: Served): Promise<Init<HashResponse>> {
  const { header, hash } = await serveHashKV(served, { revision: 0 });
  return { header, hash };
}

export async function serveMoveLeader(served: Served, request: MoveLeaderRequest): Promise<Init<MoveLeaderResponse>> {
  const status = served.status();
  if (status.role !== "leader") throw etcdError("notLeader");
  if (!status.membership.voters.includes(request.targetId)) throw etcdError("badLeaderTransferee");
  await served.transferLeader(request.targetId);
  return { header: served.header() };
}

/** There is no older version to go back to. */
export function serveDowngrade(_served: Served, { action, version }: DowngradeRequest): Init<DowngradeResponse> {
  if (action === "CANCEL") throw etcdError("noInflightDowngrade");
  if (action === "UNRECOGNIZED") throw etcdError("unknownMethod");
  throw etcdError(/^\d+\.\d+(\.\d+)?$/.test(version) ? "invalidDowngradeTarget" : "wrongDowngradeFormat");
}
