// All services of the client port, as one list.
import {
  authService,
  clusterService,
  electionService,
  healthService,
  implement,
  kvService,
  leaseService,
  lockService,
  maintenanceService,
  watchService,
} from "@coxswain/etcd-api";
import type { Implementation } from "@coxswain/etcd-api";
import { admitted } from "./access.ts";
import {
  serveAuthChange,
  serveAuthStatus,
  serveAuthenticate,
  serveRoleGet,
  serveRoleList,
  serveUserAdd,
  serveUserChangePassword,
  serveUserGet,
  serveUserList,
} from "./auth.ts";
import { serveCompact } from "./compact.ts";
import { serveDeleteRange } from "./delete-range.ts";
import { serveCampaign, serveLeader, serveObserve, serveProclaim, serveResign } from "./election.ts";
import { gates, streamed, withLeader } from "./gate.ts";
import {
  serveLeaseGrant,
  serveLeaseKeepAlive,
  serveLeaseLeases,
  serveLeaseRevoke,
  serveLeaseTimeToLive,
} from "./lease.ts";
import { serveLock, serveUnlock } from "./lock.ts";
import { serveAlarm, serveDefragment, serveDowngrade, serveHash, serveHashKV, serveMoveLeader } from "./maintenance.ts";
import { serveMemberAdd, serveMemberList, serveMemberPromote, serveMemberRemove, serveMemberUpdate } from "./member.ts";
import type { Served } from "./ports.ts";
import { servePut } from "./put.ts";
import { serveRange, serveRangeStream } from "./range.ts";
import { serveSnapshot } from "./snapshot.ts";
import { serveHealth, watchHealth } from "./health.ts";
import { serveStatus } from "./status.ts";
import { serveTxn } from "./txn.ts";
import { serveWatch } from "./watch.ts";

/** Every method with what its caller must be; `anyone` where the permission is asked of keys, or where etcd lets everybody. */
export function services(served: Served): readonly Implementation[] {
  const { anyone, user, root } = gates(served);
  return [
    implement(kvService, {
      range: anyone(serveRange, (request) => request.serializable),
      rangeStream: (request, call) => streamed(served, call, (known) => serveRangeStream(known, request, call)),
      put: anyone(servePut),
      deleteRange: anyone(serveDeleteRange),
      txn: anyone(serveTxn),
      compact: root(serveCompact),
    }),
    implement(watchService, {
      watch: (requests, call) => withLeader(served, call, () => serveWatch(served, requests, call)),
    }),
    implement(leaseService, {
      leaseGrant: user(serveLeaseGrant),
      leaseRevoke: user(serveLeaseRevoke),
      leaseKeepAlive: (requests, call) => withLeader(served, call, () => serveLeaseKeepAlive(served, requests, call)),
      leaseTimeToLive: user(serveLeaseTimeToLive),
      leaseLeases: user(serveLeaseLeases),
    }),
    implement(clusterService, {
      memberList: user(serveMemberList),
      memberAdd: root(serveMemberAdd),
      memberRemove: root(serveMemberRemove),
      memberUpdate: root(serveMemberUpdate),
      memberPromote: root(serveMemberPromote),
    }),
    implement(maintenanceService, {
      status: root(serveStatus, () => true),
      alarm: (request, call) => (request.action === "GET" ? user : root)(serveAlarm)(request, call),
      defragment: root(serveDefragment),
      hash: root(serveHash),
      hashKV: root(serveHashKV),
      // The one stream that a learner serves.
      snapshot: (_request, call) =>
        admitted(served, call, "root", (known) => serveSnapshot(known, call)) as Promise<void>,
      moveLeader: root(serveMoveLeader),
      downgrade: root(serveDowngrade),
    }),
    implement(authService, {
      authEnable: anyone((known, request) => serveAuthChange<"authEnable">(known, { kind: "authEnable", request })),
      authDisable: anyone((known, request) => serveAuthChange<"authDisable">(known, { kind: "authDisable", request })),
      authStatus: anyone(serveAuthStatus),
      // Who authenticates has nothing to show yet; an old token with it is not looked at.
      authenticate: (request) => serveAuthenticate(served, request),
      userAdd: anyone(serveUserAdd),
      userGet: anyone(serveUserGet),
      userList: anyone(serveUserList),
      userDelete: anyone((known, request) => serveAuthChange<"userDelete">(known, { kind: "userDelete", request })),
      userChangePassword: anyone(serveUserChangePassword),
      userGrantRole: anyone((known, request) =>
        serveAuthChange<"userGrantRole">(known, { kind: "userGrantRole", request }),
      ),
      userRevokeRole: anyone((known, request) =>
        serveAuthChange<"userRevokeRole">(known, { kind: "userRevokeRole", request }),
      ),
      roleAdd: anyone((known, request) => serveAuthChange<"roleAdd">(known, { kind: "roleAdd", request })),
      roleGet: anyone(serveRoleGet),
      roleList: anyone(serveRoleList),
      roleDelete: anyone((known, request) => serveAuthChange<"roleDelete">(known, { kind: "roleDelete", request })),
      roleGrantPermission: anyone((known, request) =>
        serveAuthChange<"roleGrantPermission">(known, { kind: "roleGrantPermission", request }),
      ),
      roleRevokePermission: anyone((known, request) =>
        serveAuthChange<"roleRevokePermission">(known, { kind: "roleRevokePermission", request }),
      ),
    }),
    implement(lockService, { lock: anyone(serveLock), unlock: anyone(serveUnlock) }),
    implement(electionService, {
      campaign: anyone(serveCampaign),
      proclaim: anyone(serveProclaim),
      leader: anyone(serveLeader),
      observe: (request, call) => streamed(served, call, (known) => serveObserve(known, request, call)),
      resign: anyone(serveResign),
    }),
    implement(healthService, {
      check: (request) => serveHealth(served, request),
      watch: (request, call) => watchHealth(served, request, call),
    }),
  ];
}
