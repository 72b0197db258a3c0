// What a log entry asks for: etcd's own request messages with a head that says who asked. Everything that is applied comes out of
// here; nothing is looked up in the surroundings (ids are drawn before the proposal, times are the leader's decision).
//
//   | format u8 | kind u8 | origin u64 | boot u32 | sequence u48 | message |
import {
  alarmRequest,
  compactionRequest,
  decode,
  deleteRangeRequest,
  encode,
  leaseGrantRequest,
  leaseRevokeRequest,
  member,
  putRequest,
  txnRequest,
} from "@coxswain/etcd-api";
import type {
  AlarmRequest,
  CompactionRequest,
  DeleteRangeRequest,
  Init,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  Member,
  PutRequest,
  TxnRequest,
} from "@coxswain/etcd-api";

interface Requests {
  put: PutRequest;
  deleteRange: DeleteRangeRequest;
  txn: TxnRequest;
  compact: CompactionRequest;
  leaseGrant: LeaseGrantRequest;
  leaseRevoke: LeaseRevokeRequest;
  /** Starts a lease's time again, where it came to a member that does not lead: only the leader keeps the time. */
  leaseRenew: LeaseRevokeRequest;
  /** What is left of a lease, in `ttl`, so that the next leader does not begin from its full time. */
  leaseCheckpoint: LeaseGrantRequest;
  alarm: AlarmRequest;
  /** A member says its name and its client URLs. */
  publish: Member;
  /** In a membership entry: who is added, promoted or (its id only) removed. In a normal one: a member's new peer URLs. */
  member: Member;
}

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
} as const;
const kinds = Object.keys(messages) as readonly (keyof Requests)[];
const format = 1;
const headBytes = 20;

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

export function encodeCommand(origin: Origin, command: CommandInit): Buffer {
  const message = encodeRequest(command);
  const bytes = Buffer.allocUnsafe(headBytes + message.length);
  bytes[0] = format;
  bytes[1] = kinds.indexOf(command.kind);
  bytes.writeBigUInt64LE(origin.member, 2);
  bytes.writeUInt32LE(origin.boot, 10);
  bytes.writeUIntLE(origin.sequence, 14, 6);
  bytes.set(message, headBytes);
  return bytes;
}

export function decodeCommand(data: Uint8Array): { origin: Origin; command: Command } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const kind = kinds[bytes[1] ?? kinds.length];
  if (bytes[0] !== format || kind === undefined)
    throw new RangeError(`expected a command of format ${format}, found ${bytes[0]} (kind ${bytes[1]})`);
  const origin = { member: bytes.readBigUInt64LE(2), boot: bytes.readUInt32LE(10), sequence: bytes.readUIntLE(14, 6) };
  return { origin, command: { kind, request: decode<unknown>(messages[kind], bytes.subarray(headBytes)) } as Command };
}

function encodeRequest(command: CommandInit): Buffer {
  switch (command.kind) {
    case "put":
      return encode(putRequest, command.request);
    case "deleteRange":
      return encode(deleteRangeRequest, command.request);
    case "txn":
      return encode(txnRequest, command.request);
    case "compact":
      return encode(compactionRequest, command.request);
    case "leaseGrant":
    case "leaseCheckpoint":
      return encode(leaseGrantRequest, command.request);
    case "leaseRevoke":
    case "leaseRenew":
      return encode(leaseRevokeRequest, command.request);
    case "alarm":
      return encode(alarmRequest, command.request);
    case "publish":
    case "member":
      return encode(member, command.request);
  }
}
