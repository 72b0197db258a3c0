// The door of etcd-api. Three things are behind it: etcd's messages and services as values, a gRPC server to serve them
// with, and the typed client.
export { createEtcdClient } from "./client/client.ts";
export type { EtcdClient, EtcdClientConfig, RequestOptions, UnaryClient } from "./client/client.ts";
export { TransportError } from "./client/channel.ts";
export type { ClientTls } from "./client/channel.ts";
export { CompactedError } from "./client/watcher.ts";
export type { WatchBatch, WatchOptions } from "./client/watcher.ts";

export { createGrpcServer } from "./grpc/listener.ts";
export type { GrpcServer, GrpcServerOptions } from "./grpc/listener.ts";
export { implement } from "./grpc/handlers.ts";
export type { Call, Handler, Handlers, Implementation, Peer, StreamCall } from "./grpc/handlers.ts";
export { GrpcError, statusCodes } from "./grpc/status.ts";
export type { StatusCode } from "./grpc/status.ts";
export type { Timers } from "./grpc/timers.ts";

export {
  authService,
  clusterService,
  electionService,
  healthService,
  kvService,
  leaseService,
  lockService,
  maintenanceService,
  methodPath,
  watchService,
} from "./services.ts";
export type { HealthCheckRequest, HealthCheckResponse, Method, Streaming } from "./services.ts";

export { decode, encode } from "./wire/message.ts";
export type { Field, Init, Message, Shape, TypeOf } from "./wire/message.ts";
export { JsonError, fromJson, protoName, toJson } from "./wire/json.ts";
export type { JsonValue } from "./wire/json.ts";
export { WireError } from "./wire/reader.ts";

export {
  compactionRequest,
  compactionResponse,
  deleteRangeRequest,
  deleteRangeResponse,
  keyValue,
  putRequest,
  putResponse,
  rangeRequest,
  rangeResponse,
  rangeStreamResponse,
  txnRequest,
  txnResponse,
} from "./messages/kv.ts";
export type {
  CompactionRequest,
  CompactionResponse,
  Compare,
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  RangeStreamResponse,
  RequestOp,
  ResponseHeader,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "./messages/kv.ts";
export {
  leaseGrantRequest,
  leaseKeepAliveRequest,
  leaseKeepAliveResponse,
  leaseRevokeRequest,
} from "./messages/lease.ts";
export type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesRequest,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseStatus,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from "./messages/lease.ts";
export type {
  CampaignRequest,
  CampaignResponse,
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
  LockRequest,
  LockResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
  UnlockRequest,
  UnlockResponse,
} from "./messages/concurrency.ts";
export { watchRequest, watchResponse } from "./messages/watch.ts";
export type { Event, WatchCancelRequest, WatchCreateRequest, WatchRequest, WatchResponse } from "./messages/watch.ts";
export { member, memberAddRequest, memberListResponse } from "./messages/cluster.ts";
export { alarmMember, alarmRequest, hashKVRequest, hashKVResponse } from "./messages/maintenance.ts";
export { memberPromoteRequest, memberPromoteResponse } from "./messages/cluster.ts";
export type {
  Member,
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberListResponse,
  MemberPromoteRequest,
  MemberPromoteResponse,
  MemberRemoveRequest,
  MemberRemoveResponse,
  MemberUpdateRequest,
  MemberUpdateResponse,
} from "./messages/cluster.ts";
export type {
  AlarmMember,
  AlarmRequest,
  AlarmResponse,
  DefragmentRequest,
  DefragmentResponse,
  DowngradeRequest,
  DowngradeResponse,
  HashKVRequest,
  HashKVResponse,
  HashRequest,
  HashResponse,
  MoveLeaderRequest,
  MoveLeaderResponse,
  SnapshotRequest,
  SnapshotResponse,
  StatusRequest,
  StatusResponse,
} from "./messages/maintenance.ts";
export {
  authDisableRequest,
  authEnableRequest,
  authRole,
  authRoleAddRequest,
  authRoleDeleteRequest,
  authRoleGrantPermissionRequest,
  authRoleRevokePermissionRequest,
  authUser,
  authUserAddRequest,
  authUserChangePasswordRequest,
  authUserDeleteRequest,
  authUserGrantRoleRequest,
  authUserRevokeRoleRequest,
  internalAuthenticateRequest,
} from "./messages/auth.ts";
export type {
  AuthAnswer,
  AuthDisableRequest,
  AuthEnableRequest,
  AuthenticateRequest,
  AuthenticateResponse,
  AuthRole,
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionRequest,
  AuthRoleListResponse,
  AuthRoleRevokePermissionRequest,
  AuthStatusResponse,
  AuthUser,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserGrantRoleRequest,
  AuthUserListResponse,
  AuthUserRevokeRoleRequest,
  InternalAuthenticateRequest,
  Permission,
} from "./messages/auth.ts";
