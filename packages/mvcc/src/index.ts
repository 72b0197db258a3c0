// The door of mvcc: a multi-version key-value store as a pure machine over a backend port.
export { crc32c } from "./hash.ts";
export { openMvcc } from "./mvcc.ts";
export type { HashAnswer, LeaseVerbs, Mvcc, MvccOptions } from "./mvcc.ts";
export type { Backend, Entry, Table } from "./backend.ts";
export type { KeyValue } from "./record.ts";
export { decodeRecord, encodeRecord } from "./record.ts";
export { parseRevision, revisionBytes } from "./revision.ts";
export type { Revision } from "./revision.ts";
export type {
  AnswerOp,
  Compare,
  DeleteRangeAnswer,
  DeleteRangeRequest,
  PutAnswer,
  PutRequest,
  RangeAnswer,
  RangeQuery,
  Refusal,
  Refused,
  RequestOp,
  StoreEvent,
  TxnAnswer,
  TxnRequest,
} from "./requests.ts";
export { fragments } from "./watch/fragment.ts";
export type { Fragment } from "./watch/fragment.ts";
export type { Watch, WatchBatch, WatchRequest, WatchSink } from "./watch/watches.ts";
export { maxTtlSeconds } from "./lease/leases.ts";
