// etcd's KV messages (rpc.proto and kv.proto of etcd 3.7), as tables. Property names are the proto's in camel case.
import {
  bool,
  bytes,
  enumeration,
  int64,
  message,
  nested,
  optional,
  repeatedMessage,
  signedId,
  unsignedId,
} from "../wire/message.ts";
import type { Message, TypeOf } from "../wire/message.ts";
import { keyValueCodec, putRequestCodec, responseHeaderCodec } from "./straight-line.ts";

export const responseHeader = message(
  "ResponseHeader",
  {
    clusterId: unsignedId(1),
    memberId: unsignedId(2),
    revision: int64(3),
    raftTerm: int64(4),
  },
  responseHeaderCodec,
);
export type ResponseHeader = TypeOf<typeof responseHeader>;

export const keyValue = message(
  "KeyValue",
  {
    key: bytes(1),
    createRevision: int64(2),
    modRevision: int64(3),
    version: int64(4),
    value: bytes(5),
    lease: signedId(6),
  },
  keyValueCodec,
);
export type KeyValue = TypeOf<typeof keyValue>;

export const rangeRequest = message("RangeRequest", {
  key: bytes(1),
  rangeEnd: bytes(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: enumeration(5, ["NONE", "ASCEND", "DESCEND"]),
  sortTarget: enumeration(6, ["KEY", "VERSION", "CREATE", "MOD", "VALUE"]),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
  minModRevision: int64(10),
  maxModRevision: int64(11),
  minCreateRevision: int64(12),
  maxCreateRevision: int64(13),
});
export type RangeRequest = TypeOf<typeof rangeRequest>;

export const rangeResponse = message("RangeResponse", {
  header: nested(1, () => responseHeader),
  kvs: repeatedMessage(2, () => keyValue),
  more: bool(3),
  count: int64(4),
});
export type RangeResponse = TypeOf<typeof rangeResponse>;

/** A part of a streamed range (etcd 3.7). */
export const rangeStreamResponse = message("RangeStreamResponse", { rangeResponse: nested(1, () => rangeResponse) });
export type RangeStreamResponse = TypeOf<typeof rangeStreamResponse>;

export const putRequest = message(
  "PutRequest",
  {
    key: bytes(1),
    value: bytes(2),
    lease: signedId(3),
    prevKv: bool(4),
    ignoreValue: bool(5),
    ignoreLease: bool(6),
  },
  putRequestCodec,
);
export type PutRequest = TypeOf<typeof putRequest>;

export const putResponse = message("PutResponse", {
  header: nested(1, () => responseHeader),
  prevKv: nested(2, () => keyValue),
});
export type PutResponse = TypeOf<typeof putResponse>;

export const deleteRangeRequest = message("DeleteRangeRequest", { key: bytes(1), rangeEnd: bytes(2), prevKv: bool(3) });
export type DeleteRangeRequest = TypeOf<typeof deleteRangeRequest>;

export const deleteRangeResponse = message("DeleteRangeResponse", {
  header: nested(1, () => responseHeader),
  deleted: int64(2),
  prevKvs: repeatedMessage(3, () => keyValue),
});
export type DeleteRangeResponse = TypeOf<typeof deleteRangeResponse>;

/** At most one of `version` … `lease` is set: the one that `target` names. */
export const compare = message("Compare", {
  result: enumeration(1, ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"]),
  target: enumeration(2, ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]),
  key: bytes(3),
  version: optional(int64(4)),
  createRevision: optional(int64(5)),
  modRevision: optional(int64(6)),
  value: optional(bytes(7)),
  lease: optional(signedId(8)),
  rangeEnd: bytes(64),
});
export type Compare = TypeOf<typeof compare>;

/** Exactly one member is set. */
export interface RequestOp {
  readonly requestRange: RangeRequest | undefined;
  readonly requestPut: PutRequest | undefined;
  readonly requestDeleteRange: DeleteRangeRequest | undefined;
  readonly requestTxn: TxnRequest | undefined;
}
export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export const requestOp: Message<RequestOp> = message("RequestOp", {
  requestRange: nested(1, () => rangeRequest),
  requestPut: nested(2, () => putRequest),
  requestDeleteRange: nested(3, () => deleteRangeRequest),
  requestTxn: nested(4, (): Message<TxnRequest> => txnRequest),
});
export const txnRequest: Message<TxnRequest> = message("TxnRequest", {
  compare: repeatedMessage(1, () => compare),
  success: repeatedMessage(2, () => requestOp),
  failure: repeatedMessage(3, () => requestOp),
});

/** Exactly one member is set. */
export interface ResponseOp {
  readonly responseRange: RangeResponse | undefined;
  readonly responsePut: PutResponse | undefined;
  readonly responseDeleteRange: DeleteRangeResponse | undefined;
  readonly responseTxn: TxnResponse | undefined;
}
export interface TxnResponse {
  readonly header: ResponseHeader | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export const responseOp: Message<ResponseOp> = message("ResponseOp", {
  responseRange: nested(1, () => rangeResponse),
  responsePut: nested(2, () => putResponse),
  responseDeleteRange: nested(3, () => deleteRangeResponse),
  responseTxn: nested(4, (): Message<TxnResponse> => txnResponse),
});
export const txnResponse: Message<TxnResponse> = message("TxnResponse", {
  header: nested(1, () => responseHeader),
  succeeded: bool(2),
  responses: repeatedMessage(3, () => responseOp),
});

export const compactionRequest = message("CompactionRequest", { revision: int64(1), physical: bool(2) });
export type CompactionRequest = TypeOf<typeof compactionRequest>;

export const compactionResponse = message("CompactionResponse", { header: nested(1, () => responseHeader) });
export type CompactionResponse = TypeOf<typeof compactionResponse>;
