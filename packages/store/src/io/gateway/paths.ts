// Where etcd's gateway has each method: POST and JSON, under /v3/. KV.RangeStream is for gRPC alone, there as here.
import { methodPath } from "@coxswain/etcd-api";

const services: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "etcdserverpb.KV": {
    range: ["kv/range"],
    put: ["kv/put"],
    deleteRange: ["kv/deleterange"],
    txn: ["kv/txn"],
    compact: ["kv/compaction"],
  },
  "etcdserverpb.Watch": { watch: ["watch"] },
  "etcdserverpb.Lease": {
    leaseGrant: ["lease/grant"],
    leaseRevoke: ["lease/revoke", "kv/lease/revoke"],
    leaseKeepAlive: ["lease/keepalive"],
    leaseTimeToLive: ["lease/timetolive", "kv/lease/timetolive"],
    leaseLeases: ["lease/leases", "kv/lease/leases"],
  },
  "etcdserverpb.Cluster": {
    memberAdd: ["cluster/member/add"],
    memberRemove: ["cluster/member/remove"],
    memberUpdate: ["cluster/member/update"],
    memberList: ["cluster/member/list"],
    memberPromote: ["cluster/member/promote"],
  },
  "etcdserverpb.Maintenance": {
    alarm: ["maintenance/alarm"],
    status: ["maintenance/status"],
    defragment: ["maintenance/defragment"],
    hash: ["maintenance/hash"],
    hashKV: ["maintenance/hashkv"],
    snapshot: ["maintenance/snapshot"],
    moveLeader: ["maintenance/transfer-leadership"],
    downgrade: ["maintenance/downgrade"],
  },
  "etcdserverpb.Auth": {
    authEnable: ["auth/enable"],
    authDisable: ["auth/disable"],
    authStatus: ["auth/status"],
    authenticate: ["auth/authenticate"],
    userAdd: ["auth/user/add"],
    userGet: ["auth/user/get"],
    userList: ["auth/user/list"],
    userDelete: ["auth/user/delete"],
    userChangePassword: ["auth/user/changepw"],
    userGrantRole: ["auth/user/grant"],
    userRevokeRole: ["auth/user/revoke"],
    roleAdd: ["auth/role/add"],
    roleGet: ["auth/role/get"],
    roleList: ["auth/role/list"],
    roleDelete: ["auth/role/delete"],
    roleGrantPermission: ["auth/role/grant"],
    roleRevokePermission: ["auth/role/revoke"],
  },
  "v3lockpb.Lock": { lock: ["lock/lock"], unlock: ["lock/unlock"] },
  "v3electionpb.Election": {
    campaign: ["election/campaign"],
    proclaim: ["election/proclaim"],
    leader: ["election/leader"],
    observe: ["election/observe"],
    resign: ["election/resign"],
  },
};

/** The gRPC path of a method by its gateway path: "/v3/kv/range" is "/etcdserverpb.KV/Range". */
export const gatewayPaths: ReadonlyMap<string, string> = new Map(
  Object.entries(services).flatMap(([name, methods]) =>
    Object.entries(methods).flatMap(([method, paths]) =>
      paths.map((path): [string, string] => [`/v3/${path}`, methodPath({ name }, method)]),
    ),
  ),
);
