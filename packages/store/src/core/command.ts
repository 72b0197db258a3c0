// What a log entry asks for: etcd's own request messages with a head that says who asked. Everything that is applied comes out of
// here; nothing is looked up in the surroundings (ids are drawn before the proposal, times are the leader's decision).
//
//   | format u8 | kind u8 | origin u64 | boot u32 | sequence u48 | message |
//
// Format 2 carries, before the message, on whose behalf it is asked, which is checked when it is applied:
//
//   | auth revision u48 | name length u16 | name |
import {
  alarmRequest,
  authDisableRequest,
  authEnableRequest,
  authRoleAddRequest,
  authRoleDeleteRequest,
  authRoleGrantPermissionRequest,
  authRoleRevokePermissionRequest,
  authUserAddRequest,
  authUserChangePasswordRequest,
  authUserDeleteRequest,
  authUserGrantRoleRequest,
  authUserRevokeRoleRequest,
  compactionRequest,
  decode,
  deleteRangeRequest,
  encode,
  internalAuthenticateRequest,
  leaseGrantRequest,
  leaseRevokeRequest,
  member,
  putRequest,
  txnRequest,
} from "@coxswain/etcd-api";
import type {
  AlarmRequest,
  AuthDisableRequest,
  AuthEnableRequest,
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGrantRoleRequest,
  AuthUserRevokeRoleRequest,
  CompactionRequest,
  DeleteRangeRequest,
  Init,
  InternalAuthenticateRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  Member,
  PutRequest,
  TxnRequest,
} from "@coxswain/etcd-api";
import type { Caller } from "./auth/permissions.ts";

interface Requests {
  put: PutRequest;
  deleteRange: DeleteRangeRequest;
  txn: TxnRequest;
  compact: CompactionRequest;
  leaseGrant: LeaseGrantRequest;
  leaseRevoke: LeaseRevokeRequest;
  /** In logs of before: a renewal that came to a member which did not lead. Today that member asks the leader. */
  leaseRenew: LeaseRevokeRequest;
  /** What is left of a lease, in `ttl`, so that the next leader does not begin from its full time. */
  leaseCheckpoint: LeaseGrantRequest;
  alarm: AlarmRequest;
  /** A member says its name and its client URLs. */
  publish: Member;
  /** In a membership entry: who is added, promoted or (its id only) removed. In a normal one: a member's new peer URLs. */
  member: Member;
  authEnable: AuthEnableRequest;
  authDisable: AuthDisableRequest;
  /** A password was right; from here on the token in it stands for the user, on every member. */
  authenticate: InternalAuthenticateRequest;
  userAdd: AuthUserAddRequest;
  userDelete: AuthUserDeleteRequest;
  userChangePassword: AuthUserChangePasswordRequest;
  userGrantRole: AuthUserGrantRoleRequest;
  userRevokeRole: AuthUserRevokeRoleRequest;
  roleAdd: AuthRoleAddRequest;
  roleDelete: AuthRoleDeleteRequest;
  roleGrantPermission: AuthRoleGrantPermissionRequest;
  roleRevokePermission: AuthRoleRevokePermissionRequest;
}

/** The place in this list is a kind's number in the log: new ones go to the end. */
const messages = {
  put: putRequest,
  deleteRange: deleteRangeRequest,
  txn: txnRequest,
  compact: compactionRequest,
  leaseGrant: leaseGrantRequest,
  leaseRevoke: leaseRevokeRequest,
  leaseRenew: leaseRevokeRequest,
  leaseCheckpoint: leaseGrantRequest,
  alarm: alarmRequest,
  publish: member,
  member,
  authEnable: authEnableRequest,
  authDisable: authDisableRequest,
  authenticate: internalAuthenticateRequest,
  userAdd: authUserAddRequest,
  userDelete: authUserDeleteRequest,
  userChangePassword: authUserChangePasswordRequest,
  userGrantRole: authUserGrantRoleRequest,
  userRevokeRole: authUserRevokeRoleRequest,
  roleAdd: authRoleAddRequest,
  roleDelete: authRoleDeleteRequest,
  roleGrantPermission: authRoleGrantPermissionRequest,
  roleRevokePermission: authRoleRevokePermissionRequest,
} as const;
const kinds = Object.keys(messages) as readonly (keyof Requests)[];
const anonymousFormat = 1;
const callerFormat = 2;
const headBytes = 20;
const callerBytes = 8;

export type CommandKind = keyof Requests;
export type Command = { readonly [K in CommandKind]: { readonly kind: K; readonly request: Requests[K] } }[CommandKind];
export type CommandInit = {
  readonly [K in CommandKind]: { readonly kind: K; readonly request: Init<Requests[K]> };
}[CommandKind];

/** Who waits for the result: this process of that member, under that number. */
export interface Origin {
  readonly member: bigint;
  /** Drawn anew at every start, so that an entry from before a restart is not taken for a request of today. */
  readonly boot: number;
  readonly sequence: number;
}

export function encodeCommand(origin: Origin, command: CommandInit, caller?: Caller): Buffer {
  const name = caller ? Buffer.from(caller.name) : undefined;
  const bytes = encodeRequest(command, headBytes + (name ? callerBytes + name.length : 0));
  bytes[0] = name ? callerFormat : anonymousFormat;
  bytes[1] = kinds.indexOf(command.kind);
  bytes.writeBigUInt64LE(origin.member, 2);
  bytes.writeUInt32LE(origin.boot, 10);
  bytes.writeUIntLE(origin.sequence, 14, 6);
  if (caller && name) {
    bytes.writeUIntLE(caller.revision, headBytes, 6);
    bytes.writeUInt16LE(name.length, headBytes + 6);
    bytes.set(name, headBytes + callerBytes);
  }
  return bytes;
}

export interface DecodedCommand {
  readonly origin: Origin;
  readonly command: Command;
  /** Undefined: nobody in particular. */
  readonly caller: Caller | undefined;
}

export function decodeCommand(data: Uint8Array): DecodedCommand {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const kind = kinds[bytes[1] ?? kinds.length];
  if ((bytes[0] !== anonymousFormat && bytes[0] !== callerFormat) || kind === undefined)
    throw new RangeError(
      `expected a command of format ${anonymousFormat} or ${callerFormat}, found ${bytes[0]} (kind ${bytes[1]})`,
    );
  const origin = { member: bytes.readBigUInt64LE(2), boot: bytes.readUInt32LE(10), sequence: bytes.readUIntLE(14, 6) };
  const nameBytes = bytes[0] === callerFormat ? bytes.readUInt16LE(headBytes + 6) : undefined;
  const start = headBytes + (nameBytes === undefined ? 0 : callerBytes + nameBytes);
  const caller =
    nameBytes === undefined
      ? undefined
      : { name: bytes.toString("utf8", headBytes + callerBytes, start), revision: bytes.readUIntLE(headBytes, 6) };
  const request = decode<unknown>(messages[kind], bytes.subarray(start));
  return { origin, caller, command: { kind, request } as Command };
}

/** Behind `reserved` free bytes. */
function encodeRequest(command: CommandInit, reserved: number): Buffer {
  switch (command.kind) {
    case "put":
      return encode(putRequest, command.request, reserved);
    case "deleteRange":
      return encode(deleteRangeRequest, command.request, reserved);
    case "txn":
      return encode(txnRequest, command.request, reserved);
    case "compact":
      return encode(compactionRequest, command.request, reserved);
    case "leaseGrant":
    case "leaseCheckpoint":
      return encode(leaseGrantRequest, command.request, reserved);
    case "leaseRevoke":
    case "leaseRenew":
      return encode(leaseRevokeRequest, command.request, reserved);
    case "alarm":
      return encode(alarmRequest, command.request, reserved);
    case "publish":
    case "member":
      return encode(member, command.request, reserved);
    case "authEnable":
      return encode(authEnableRequest, command.request, reserved);
    case "authDisable":
      return encode(authDisableRequest, command.request, reserved);
    case "authenticate":
      return encode(internalAuthenticateRequest, command.request, reserved);
    case "userAdd":
      return encode(authUserAddRequest, command.request, reserved);
    case "userDelete":
      return encode(authUserDeleteRequest, command.request, reserved);
    case "userChangePassword":
      return encode(authUserChangePasswordRequest, command.request, reserved);
    case "userGrantRole":
      return encode(authUserGrantRoleRequest, command.request, reserved);
    case "userRevokeRole":
      return encode(authUserRevokeRoleRequest, command.request, reserved);
    case "roleAdd":
      return encode(authRoleAddRequest, command.request, reserved);
    case "roleDelete":
      return encode(authRoleDeleteRequest, command.request, reserved);
    case "roleGrantPermission":
      return encode(authRoleGrantPermissionRequest, command.request, reserved);
    case "roleRevokePermission":
      return encode(authRoleRevokePermissionRequest, command.request, reserved);
  }
}
