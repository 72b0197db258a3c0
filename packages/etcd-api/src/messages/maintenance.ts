// etcd's Maintenance messages, as tables.
import {
  bool,
  bytes,
  enumeration,
  int64,
  message,
  nested,
  repeated,
  repeatedMessage,
  string,
  uint32,
  unsignedId,
} from "../wire/message.ts";
import type { TypeOf } from "../wire/message.ts";
import { responseHeader } from "./kv.ts";

const header = nested(1, () => responseHeader);
const alarmNames = ["NONE", "NOSPACE", "CORRUPT"] as const;
const memberID = unsignedId(1, { protoName: "memberID" });

export const alarmRequest = message("AlarmRequest", {
  action: enumeration(1, ["GET", "ACTIVATE", "DEACTIVATE"]),
  memberId: unsignedId(2, { protoName: "memberID" }),
  alarm: enumeration(3, alarmNames),
});
export type AlarmRequest = TypeOf<typeof alarmRequest>;
export const alarmMember = message("AlarmMember", { memberId: memberID, alarm: enumeration(2, alarmNames) });
export type AlarmMember = TypeOf<typeof alarmMember>;
export const alarmResponse = message("AlarmResponse", { header, alarms: repeatedMessage(2, () => alarmMember) });
export type AlarmResponse = TypeOf<typeof alarmResponse>;

export const statusRequest = message("StatusRequest", {});
export type StatusRequest = TypeOf<typeof statusRequest>;
export const downgradeInfo = message("DowngradeInfo", {
  enabled: bool(1),
  targetVersion: string(2, { protoName: "targetVersion" }),
});
export type DowngradeInfo = TypeOf<typeof downgradeInfo>;
export const statusResponse = message("StatusResponse", {
  header,
  version: string(2),
  dbSize: int64(3, { protoName: "dbSize" }),
  leader: unsignedId(4),
  raftIndex: int64(5, { protoName: "raftIndex" }),
  raftTerm: int64(6, { protoName: "raftTerm" }),
  raftAppliedIndex: int64(7, { protoName: "raftAppliedIndex" }),
  errors: repeated(string(8)),
  dbSizeInUse: int64(9, { protoName: "dbSizeInUse" }),
  isLearner: bool(10, { protoName: "isLearner" }),
  storageVersion: string(11, { protoName: "storageVersion" }),
  dbSizeQuota: int64(12, { protoName: "dbSizeQuota" }),
  downgradeInfo: nested(13, () => downgradeInfo),
});
export type StatusResponse = TypeOf<typeof statusResponse>;

export const defragmentRequest = message("DefragmentRequest", {});
export type DefragmentRequest = TypeOf<typeof defragmentRequest>;
export const defragmentResponse = message("DefragmentResponse", { header });
export type DefragmentResponse = TypeOf<typeof defragmentResponse>;

export const hashRequest = message("HashRequest", {});
export type HashRequest = TypeOf<typeof hashRequest>;
export const hashResponse = message("HashResponse", { header, hash: uint32(2) });
export type HashResponse = TypeOf<typeof hashResponse>;

export const hashKVRequest = message("HashKVRequest", { revision: int64(1) });
export type HashKVRequest = TypeOf<typeof hashKVRequest>;
export const hashKVResponse = message("HashKVResponse", {
  header,
  hash: uint32(2),
  compactRevision: int64(3),
  hashRevision: int64(4),
});
export type HashKVResponse = TypeOf<typeof hashKVResponse>;

export const snapshotRequest = message("SnapshotRequest", {});
export type SnapshotRequest = TypeOf<typeof snapshotRequest>;
export const snapshotResponse = message("SnapshotResponse", {
  header,
  remainingBytes: int64(2),
  blob: bytes(3),
  version: string(4),
});
export type SnapshotResponse = TypeOf<typeof snapshotResponse>;

export const moveLeaderRequest = message("MoveLeaderRequest", { targetId: unsignedId(1, { protoName: "targetID" }) });
export type MoveLeaderRequest = TypeOf<typeof moveLeaderRequest>;
export const moveLeaderResponse = message("MoveLeaderResponse", { header });
export type MoveLeaderResponse = TypeOf<typeof moveLeaderResponse>;

export const downgradeRequest = message("DowngradeRequest", {
  action: enumeration(1, ["VALIDATE", "ENABLE", "CANCEL"]),
  version: string(2),
});
export type DowngradeRequest = TypeOf<typeof downgradeRequest>;
export const downgradeResponse = message("DowngradeResponse", { header, version: string(2) });
export type DowngradeResponse = TypeOf<typeof downgradeResponse>;
