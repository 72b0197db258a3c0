// etcd's services as values: which methods there are, what they take and answer, and how they stream. Server and client
// are both typed from these tables. The wire name of a method is its property's name with a capital letter.
import { enumeration, message, string } from "./wire/message.ts";
import type { Message, TypeOf } from "./wire/message.ts";
import * as auth from "./messages/auth.ts";
import * as cluster from "./messages/cluster.ts";
import * as concurrency from "./messages/concurrency.ts";
import * as kv from "./messages/kv.ts";
import * as lease from "./messages/lease.ts";
import * as maintenance from "./messages/maintenance.ts";
import * as watch from "./messages/watch.ts";

/** `unary`: one in, one out. `server`: one in, many out. `bidi`: many in, many out. */
export type Streaming = "unary" | "server" | "bidi";

export interface Method<Q, R, S extends Streaming> {
  readonly streaming: S;
  readonly request: Message<Q>;
  readonly response: Message<R>;
}
export type Methods = Readonly<Record<string, Method<never, never, Streaming>>>;

export interface Service<M> {
  /** With its package, as in the path of a call: "etcdserverpb.KV". */
  readonly name: string;
  readonly methods: M;
}

/** The path of a method's calls: "/etcdserverpb.KV/Range". */
export function methodPath(service: { readonly name: string }, method: string): string {
  return `/${service.name}/${method.charAt(0).toUpperCase()}${method.slice(1)}`;
}

function unary<Q, R>(request: Message<Q>, response: Message<R>): Method<Q, R, "unary"> {
  return { streaming: "unary", request, response };
}
function server<Q, R>(request: Message<Q>, response: Message<R>): Method<Q, R, "server"> {
  return { streaming: "server", request, response };
}
function bidi<Q, R>(request: Message<Q>, response: Message<R>): Method<Q, R, "bidi"> {
  return { streaming: "bidi", request, response };
}

export const kvService = {
  name: "etcdserverpb.KV",
  methods: {
    range: unary(kv.rangeRequest, kv.rangeResponse),
    rangeStream: server(kv.rangeRequest, kv.rangeStreamResponse),
    put: unary(kv.putRequest, kv.putResponse),
    deleteRange: unary(kv.deleteRangeRequest, kv.deleteRangeResponse),
    txn: unary(kv.txnRequest, kv.txnResponse),
    compact: unary(kv.compactionRequest, kv.compactionResponse),
  },
} as const;

export const watchService = {
  name: "etcdserverpb.Watch",
  methods: { watch: bidi(watch.watchRequest, watch.watchResponse) },
} as const;

export const leaseService = {
  name: "etcdserverpb.Lease",
  methods: {
    leaseGrant: unary(lease.leaseGrantRequest, lease.leaseGrantResponse),
    leaseRevoke: unary(lease.leaseRevokeRequest, lease.leaseRevokeResponse),
    leaseKeepAlive: bidi(lease.leaseKeepAliveRequest, lease.leaseKeepAliveResponse),
    leaseTimeToLive: unary(lease.leaseTimeToLiveRequest, lease.leaseTimeToLiveResponse),
    leaseLeases: unary(lease.leaseLeasesRequest, lease.leaseLeasesResponse),
  },
} as const;

export const clusterService = {
  name: "etcdserverpb.Cluster",
  methods: {
    memberAdd: unary(cluster.memberAddRequest, cluster.memberAddResponse),
    memberRemove: unary(cluster.memberRemoveRequest, cluster.memberRemoveResponse),
    memberUpdate: unary(cluster.memberUpdateRequest, cluster.memberUpdateResponse),
    memberList: unary(cluster.memberListRequest, cluster.memberListResponse),
    memberPromote: unary(cluster.memberPromoteRequest, cluster.memberPromoteResponse),
  },
} as const;

export const maintenanceService = {
  name: "etcdserverpb.Maintenance",
  methods: {
    alarm: unary(maintenance.alarmRequest, maintenance.alarmResponse),
    status: unary(maintenance.statusRequest, maintenance.statusResponse),
    defragment: unary(maintenance.defragmentRequest, maintenance.defragmentResponse),
    hash: unary(maintenance.hashRequest, maintenance.hashResponse),
    hashKV: unary(maintenance.hashKVRequest, maintenance.hashKVResponse),
    snapshot: server(maintenance.snapshotRequest, maintenance.snapshotResponse),
    moveLeader: unary(maintenance.moveLeaderRequest, maintenance.moveLeaderResponse),
    downgrade: unary(maintenance.downgradeRequest, maintenance.downgradeResponse),
  },
} as const;

export const authService = {
  name: "etcdserverpb.Auth",
  methods: {
    authEnable: unary(auth.authEnableRequest, auth.authAnswer),
    authDisable: unary(auth.authDisableRequest, auth.authAnswer),
    authStatus: unary(auth.authStatusRequest, auth.authStatusResponse),
    authenticate: unary(auth.authenticateRequest, auth.authenticateResponse),
    userAdd: unary(auth.authUserAddRequest, auth.authAnswer),
    userGet: unary(auth.authUserGetRequest, auth.authUserGetResponse),
    userList: unary(auth.authUserListRequest, auth.authUserListResponse),
    userDelete: unary(auth.authUserDeleteRequest, auth.authAnswer),
    userChangePassword: unary(auth.authUserChangePasswordRequest, auth.authAnswer),
    userGrantRole: unary(auth.authUserGrantRoleRequest, auth.authAnswer),
    userRevokeRole: unary(auth.authUserRevokeRoleRequest, auth.authAnswer),
    roleAdd: unary(auth.authRoleAddRequest, auth.authAnswer),
    roleGet: unary(auth.authRoleGetRequest, auth.authRoleGetResponse),
    roleList: unary(auth.authRoleListRequest, auth.authRoleListResponse),
    roleDelete: unary(auth.authRoleDeleteRequest, auth.authAnswer),
    roleGrantPermission: unary(auth.authRoleGrantPermissionRequest, auth.authAnswer),
    roleRevokePermission: unary(auth.authRoleRevokePermissionRequest, auth.authAnswer),
  },
} as const;

export const lockService = {
  name: "v3lockpb.Lock",
  methods: {
    lock: unary(concurrency.lockRequest, concurrency.lockResponse),
    unlock: unary(concurrency.unlockRequest, concurrency.unlockResponse),
  },
} as const;

export const electionService = {
  name: "v3electionpb.Election",
  methods: {
    campaign: unary(concurrency.campaignRequest, concurrency.campaignResponse),
    proclaim: unary(concurrency.proclaimRequest, concurrency.proclaimResponse),
    leader: unary(concurrency.leaderRequest, concurrency.leaderResponse),
    observe: server(concurrency.leaderRequest, concurrency.leaderResponse),
    resign: unary(concurrency.resignRequest, concurrency.resignResponse),
  },
} as const;

export const healthCheckRequest = message("HealthCheckRequest", { service: string(1) });
export type HealthCheckRequest = TypeOf<typeof healthCheckRequest>;
export const healthCheckResponse = message("HealthCheckResponse", {
  status: enumeration(1, ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]),
});
export type HealthCheckResponse = TypeOf<typeof healthCheckResponse>;

export const healthService = {
  name: "grpc.health.v1.Health",
  methods: {
    check: unary(healthCheckRequest, healthCheckResponse),
    watch: server(healthCheckRequest, healthCheckResponse),
  },
} as const;
