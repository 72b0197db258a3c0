// All services of the client port, as one list.
import {
  clusterService,
  healthService,
  implement,
  kvService,
  leaseService,
  maintenanceService,
  watchService,
} from "@coxswain/etcd-api";
import type { Implementation } from "@coxswain/etcd-api";
import { serveCompact } from "./compact.ts";
import { serveDeleteRange } from "./delete-range.ts";
import {
  serveLeaseGrant,
  serveLeaseKeepAlive,
  serveLeaseLeases,
  serveLeaseRevoke,
  serveLeaseTimeToLive,
} from "./lease.ts";
import { serveAlarm, serveDefragment, serveDowngrade, serveHash, serveHashKV, serveMoveLeader } from "./maintenance.ts";
import { serveMemberAdd, serveMemberList, serveMemberPromote, serveMemberRemove, serveMemberUpdate } from "./member.ts";
import type { Served } from "./ports.ts";
import { servePut } from "./put.ts";
import { serveRange, serveRangeStream } from "./range.ts";
import { serveSnapshot } from "./snapshot.ts";
import { serveHealth, serveStatus } from "./status.ts";
import { serveTxn } from "./txn.ts";
import { serveWatch } from "./watch.ts";

export function services(served: Served): readonly Implementation[] {
  return [
    implement(kvService, {
      range: (request) => serveRange(served, request),
      rangeStream: (request, call) => serveRangeStream(served, request, call),
      put: (request) => servePut(served, request),
      deleteRange: (request) => serveDeleteRange(served, request),
      txn: (request) => serveTxn(served, request),
      compact: (request) => serveCompact(served, request),
    }),
    implement(watchService, { watch: (requests, call) => serveWatch(served, requests, call) }),
    implement(leaseService, {
      leaseGrant: (request) => serveLeaseGrant(served, request),
      leaseRevoke: (request) => serveLeaseRevoke(served, request),
      leaseKeepAlive: (requests, call) => serveLeaseKeepAlive(served, requests, call),
      leaseTimeToLive: (request) => serveLeaseTimeToLive(served, request),
      leaseLeases: () => serveLeaseLeases(served),
    }),
    implement(clusterService, {
      memberList: (request) => serveMemberList(served, request),
      memberAdd: (request) => serveMemberAdd(served, request),
      memberRemove: (request) => serveMemberRemove(served, request),
      memberUpdate: (request) => serveMemberUpdate(served, request),
      memberPromote: (request) => serveMemberPromote(served, request),
    }),
    implement(maintenanceService, {
      status: () => serveStatus(served),
      alarm: (request) => serveAlarm(served, request),
      defragment: () => serveDefragment(served),
      hash: () => serveHash(served),
      hashKV: (request) => serveHashKV(served, request),
      snapshot: (_request, call) => serveSnapshot(served, call),
      moveLeader: (request) => serveMoveLeader(served, request),
      downgrade: (request) => serveDowngrade(served, request),
    }),
    implement(healthService, { check: () => serveHealth(served) }),
  ];
}
