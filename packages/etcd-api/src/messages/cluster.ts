// etcd's Cluster messages, as tables.
import { bool, message, nested, repeated, repeatedMessage, string, unsignedId } from "../wire/message.ts";
import type { TypeOf } from "../wire/message.ts";
import { responseHeader } from "./kv.ts";

const id = unsignedId(1, { protoName: "ID" });

export const member = message("Member", {
  id,
  name: string(2),
  peerURLs: repeated(string(3, { protoName: "peerURLs" })),
  clientURLs: repeated(string(4, { protoName: "clientURLs" })),
  isLearner: bool(5, { protoName: "isLearner" }),
});
export type Member = TypeOf<typeof member>;

export const memberAddRequest = message("MemberAddRequest", {
  peerURLs: repeated(string(1, { protoName: "peerURLs" })),
  isLearner: bool(2, { protoName: "isLearner" }),
});
export type MemberAddRequest = TypeOf<typeof memberAddRequest>;

export const memberAddResponse = message("MemberAddResponse", {
  header: nested(1, () => responseHeader),
  member: nested(2, () => member),
  members: repeatedMessage(3, () => member),
});
export type MemberAddResponse = TypeOf<typeof memberAddResponse>;

const membersAnswer = { header: nested(1, () => responseHeader), members: repeatedMessage(2, () => member) };

export const memberRemoveRequest = message("MemberRemoveRequest", { id });
export type MemberRemoveRequest = TypeOf<typeof memberRemoveRequest>;
export const memberRemoveResponse = message("MemberRemoveResponse", membersAnswer);
export type MemberRemoveResponse = TypeOf<typeof memberRemoveResponse>;

export const memberUpdateRequest = message("MemberUpdateRequest", {
  id,
  peerURLs: repeated(string(2, { protoName: "peerURLs" })),
});
export type MemberUpdateRequest = TypeOf<typeof memberUpdateRequest>;
export const memberUpdateResponse = message("MemberUpdateResponse", membersAnswer);
export type MemberUpdateResponse = TypeOf<typeof memberUpdateResponse>;

export const memberListRequest = message("MemberListRequest", { linearizable: bool(1) });
export type MemberListRequest = TypeOf<typeof memberListRequest>;
export const memberListResponse = message("MemberListResponse", membersAnswer);
export type MemberListResponse = TypeOf<typeof memberListResponse>;

export const memberPromoteRequest = message("MemberPromoteRequest", { id });
export type MemberPromoteRequest = TypeOf<typeof memberPromoteRequest>;
export const memberPromoteResponse = message("MemberPromoteResponse", membersAnswer);
export type MemberPromoteResponse = TypeOf<typeof memberPromoteResponse>;
