// The Lease service. Time is kept by the leader alone: a member that does not lead asks it for a renewal, as etcd's do.
import type {
  Init,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
  StreamCall,
} from "@coxswain/etcd-api";
import {
  GrpcError,
  decode,
  encode,
  leaseKeepAliveRequest,
  leaseKeepAliveResponse,
  statusCodes,
} from "@coxswain/etcd-api";
import { onBehalfOfCaller, permitLease } from "./access.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export async function serveLeaseGrant(served: Served, request: LeaseGrantRequest): Promise<Init<LeaseGrantResponse>> {
  served.admit(64);
  // The id travels in the proposal: every member must make the same lease.
  const id = request.id === 0n ? served.newLeaseId() : request.id;
  const answer = await served.propose<"leaseGrant">({ kind: "leaseGrant", request: { id, ttl: request.ttl } });
  return { header: served.header(answer.revision), id, ttl: answer.ttlSeconds };
}

export async function serveLeaseRevoke(
  served: Served,
  request: LeaseRevokeRequest,
): Promise<Init<LeaseRevokeResponse>> {
  const { revision } = await served.propose<"leaseRevoke">({ kind: "leaseRevoke", request });
  return { header: served.header(revision) };
}

export async function serveLeaseKeepAlive(
  served: Served,
  requests: AsyncIterable<LeaseKeepAliveRequest>,
  call: StreamCall<LeaseKeepAliveResponse>,
): Promise<void> {
  for await (const { id } of requests) {
    const ttl = await renew(await onBehalfOfCaller(served, call), id);
    if (!call.send({ header: served.header(), id, ttl })) await call.drained();
  }
}

/** As long as etcd looks for a leader that renews. */
const renewalMs = 5000;
const lookAgainMs = 50;

/** The time to live; 0 when the lease is gone, which is an answer and not an error here. Renewing twice does no harm. */
async function renew(served: Served, id: bigint): Promise<number> {
  permitLease(served, id, "write");
  const deadlineMs = served.nowMs() + renewalMs;
  for (;;) {
    try {
      const { role, leader } = served.status();
      if (role === "leader") return await renewHere(served, id);
      if (leader === undefined) throw etcdError("noLeader");
      const answer = await served.askPeer(leader, "renew", encode(leaseKeepAliveRequest, { id }));
      return decode(leaseKeepAliveResponse, answer).ttl;
    } catch (error) {
      const elsewhere =
        error instanceof GrpcError &&
        (error.code === statusCodes.unavailable || error.details === etcdError("notLeader").details);
      if (!elsewhere || served.nowMs() >= deadlineMs) throw error;
      await served.clock.sleep(lookAgainMs);
    }
  }
}

/**
 * On the leader. A lease whose time is over is not renewed, and is only said to be gone when it is, with its keys: nobody may hear
 * "gone" and then still find them.
 */
export async function renewHere(served: Served, id: bigint): Promise<number> {
  // Only a leader that still is one may promise time.
  await served.linearize();
  if (served.status().role !== "leader") throw etcdError("notLeader");
  const renewed = served.mvcc().leases.renew(id, served.nowMs());
  if ("refused" in renewed) {
    await served.endLease(id);
    return 0;
  }
  if (renewed.checkpoint) await served.propose<"leaseCheckpoint">({ kind: "leaseCheckpoint", request: { id, ttl: 0 } });
  return renewed.ttlSeconds;
}

export async function serveLeaseTimeToLive(
  served: Served,
  request: LeaseTimeToLiveRequest,
): Promise<Init<LeaseTimeToLiveResponse>> {
  await served.linearize();
  if (request.keys) permitLease(served, request.id, "read");
  const info = served.mvcc().leases.info(request.id, served.nowMs());
  if ("refused" in info) return { header: served.header(), id: request.id, ttl: -1 };
  return {
    header: served.header(),
    id: request.id,
    ttl: info.remainingTtlSeconds,
    grantedTTL: info.grantedTtlSeconds,
    keys: request.keys ? info.keys : [],
  };
}

export async function serveLeaseLeases(served: Served): Promise<Init<LeaseLeasesResponse>> {
  await served.linearize();
  const ids = served.mvcc().leases.ids();
  for (const id of ids) permitLease(served, id, "read");
  return { header: served.header(), leases: ids.map((id) => ({ id })) };
}
