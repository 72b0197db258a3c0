// etcd's errors, word for word (api/v3rpc/rpctypes/error.go of etcd 3.6): clients compare code and text.
import { GrpcError, statusCodes } from "@coxswain/etcd-api";

const table = {
  emptyKey: [statusCodes.invalidArgument, "etcdserver: key is not provided"],
  keyNotFound: [statusCodes.invalidArgument, "etcdserver: key not found"],
  valueProvided: [statusCodes.invalidArgument, "etcdserver: value is provided"],
  leaseProvided: [statusCodes.invalidArgument, "etcdserver: lease is provided"],
  tooManyOps: [statusCodes.invalidArgument, "etcdserver: too many operations in txn request"],
  duplicateKey: [statusCodes.invalidArgument, "etcdserver: duplicate key given in txn request"],
  invalidSortOption: [statusCodes.invalidArgument, "etcdserver: invalid sort option"],
  compacted: [statusCodes.outOfRange, "etcdserver: mvcc: required revision has been compacted"],
  futureRev: [statusCodes.outOfRange, "etcdserver: mvcc: required revision is a future revision"],
  noSpace: [statusCodes.resourceExhausted, "etcdserver: mvcc: database space exceeded"],
  corrupt: [statusCodes.dataLoss, "etcdserver: corrupt cluster"],
  leaseNotFound: [statusCodes.notFound, "etcdserver: requested lease not found"],
  leaseExist: [statusCodes.failedPrecondition, "etcdserver: lease already exists"],
  leaseTtlTooLarge: [statusCodes.outOfRange, "etcdserver: too large lease TTL"],
  memberExist: [statusCodes.failedPrecondition, "etcdserver: member ID already exist"],
  peerUrlExist: [statusCodes.failedPrecondition, "etcdserver: Peer URLs already exists"],
  memberNotEnoughStarted: [
    statusCodes.failedPrecondition,
    "etcdserver: re-configuration failed due to not enough started members",
  ],
  memberBadUrls: [statusCodes.invalidArgument, "etcdserver: given member URLs are invalid"],
  memberNotFound: [statusCodes.notFound, "etcdserver: member not found"],
  memberNotLearner: [statusCodes.failedPrecondition, "etcdserver: can only promote a learner member"],
  learnerNotReady: [
    statusCodes.failedPrecondition,
    "etcdserver: can only promote a learner member which is in sync with leader",
  ],
  tooManyLearners: [statusCodes.failedPrecondition, "etcdserver: too many learner members in cluster"],
  learnerRefuses: [statusCodes.unavailable, "etcdserver: rpc not supported for learner"],
  requestTooLarge: [statusCodes.invalidArgument, "etcdserver: request is too large"],
  tooManyRequests: [statusCodes.resourceExhausted, "etcdserver: too many requests"],
  noLeader: [statusCodes.unavailable, "etcdserver: no leader"],
  notLeader: [statusCodes.failedPrecondition, "etcdserver: not leader"],
  leaderChanged: [statusCodes.unavailable, "etcdserver: leader changed"],
  stopped: [statusCodes.unavailable, "etcdserver: server stopped"],
  timeout: [statusCodes.unavailable, "etcdserver: request timed out"],
  timeoutLeaderLost: [
    statusCodes.unavailable,
    "etcdserver: request timed out, possibly due to previous leader failure",
  ],
  timeoutConnectionLost: [statusCodes.unavailable, "etcdserver: request timed out, possibly due to connection lost"],
  unhealthy: [statusCodes.unavailable, "etcdserver: unhealthy cluster"],
  badLeaderTransferee: [statusCodes.failedPrecondition, "etcdserver: bad leader transferee"],
  rootUserNotExist: [statusCodes.failedPrecondition, "etcdserver: root user does not exist"],
  rootRoleNotExist: [statusCodes.failedPrecondition, "etcdserver: root user does not have root role"],
  userAlreadyExist: [statusCodes.failedPrecondition, "etcdserver: user name already exists"],
  userEmpty: [statusCodes.invalidArgument, "etcdserver: user name is empty"],
  userNotFound: [statusCodes.failedPrecondition, "etcdserver: user name not found"],
  roleAlreadyExist: [statusCodes.failedPrecondition, "etcdserver: role name already exists"],
  roleNotFound: [statusCodes.failedPrecondition, "etcdserver: role name not found"],
  roleEmpty: [statusCodes.invalidArgument, "etcdserver: role name is empty"],
  authFailed: [statusCodes.invalidArgument, "etcdserver: authentication failed, invalid user ID or password"],
  /** etcd has no text of its own for it: the error of the store behind comes through. */
  noPasswordUser: [statusCodes.unknown, "auth: authentication failed, password was given for no password user"],
  passwordTooLong: [statusCodes.unknown, "bcrypt: password length exceeds 72 bytes"],
  verifyOnly: [statusCodes.unknown, "auth: token signing attempted with verify-only key"],
  permissionNotGiven: [statusCodes.invalidArgument, "etcdserver: permission not given"],
  permissionDenied: [statusCodes.permissionDenied, "etcdserver: permission denied"],
  roleNotGranted: [statusCodes.failedPrecondition, "etcdserver: role is not granted to the user"],
  permissionNotGranted: [statusCodes.failedPrecondition, "etcdserver: permission is not granted to the role"],
  authNotEnabled: [statusCodes.failedPrecondition, "etcdserver: authentication is not enabled"],
  invalidAuthToken: [statusCodes.unauthenticated, "etcdserver: invalid auth token"],
  invalidAuthMgmt: [statusCodes.invalidArgument, "etcdserver: invalid auth management"],
  authOldRevision: [statusCodes.invalidArgument, "etcdserver: revision of auth store is old"],
  /** etcd's client library's own errors, which its Lock and Election services hand through. */
  sessionExpired: [statusCodes.unknown, "mutex: session is expired"],
  electionNotLeader: [statusCodes.unknown, "election: not leader"],
  electionNoLeader: [statusCodes.unknown, "election: no leader"],
  missingLeaderKey: [statusCodes.unknown, '"leader" field must be provided'],
  streamOrder: [statusCodes.unimplemented, "RangeStream does not support custom sort orders"],
  streamFilter: [statusCodes.unimplemented, "RangeStream does not support revision filters"],
  invalidDowngradeTarget: [statusCodes.invalidArgument, "etcdserver: invalid downgrade target version"],
  wrongDowngradeFormat: [statusCodes.invalidArgument, "etcdserver: wrong downgrade target version format"],
  unknownMethod: [statusCodes.unknown, "etcdserver: unknown method"],
  noInflightDowngrade: [statusCodes.failedPrecondition, "etcdserver: no inflight downgrade job"],
} as const satisfies Record<string, readonly [number, string]>;

export type EtcdErrorName = keyof typeof table;

export function etcdError(name: EtcdErrorName): GrpcError {
  const [code, text] = table[name];
  return new GrpcError(code, text);
}

/** The name of one of these errors; undefined for another. */
export function errorNameOf(error: GrpcError): EtcdErrorName | undefined {
  return (Object.keys(table) as EtcdErrorName[]).find(
    (name) => table[name][0] === error.code && table[name][1] === error.details,
  );
}

export function isErrorName(text: string): text is EtcdErrorName {
  return Object.hasOwn(table, text);
}
