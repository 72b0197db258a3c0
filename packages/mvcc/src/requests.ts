// What can be asked of the store and what it answers, in etcd's words: the shapes agree with etcd's messages, so that the
// server hands them through as they are. Refusals are outcomes, not exceptions.
import type { KeyValue } from "./record.ts";

/** Why a request was not carried out; nothing was changed. The server knows etcd's text for each. */
export type Refusal =
  "compacted" | "future-revision" | "key-not-found" | "lease-not-found" | "lease-exists" | "lease-ttl-too-large";
export interface Refused {
  readonly refused: Refusal;
}

export type SortOrder = "NONE" | "ASCEND" | "DESCEND" | "UNRECOGNIZED";
export type SortTarget = "KEY" | "VERSION" | "CREATE" | "MOD" | "VALUE" | "UNRECOGNIZED";

export interface RangeQuery {
  readonly key: Uint8Array;
  /** Empty: the single key. One zero byte: all from the key on. */
  readonly rangeEnd?: Uint8Array;
  /** 0: all. */
  readonly limit?: number;
  /** 0: now. */
  readonly revision?: number;
  readonly sortOrder?: SortOrder;
  readonly sortTarget?: SortTarget;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
  /**
   * For reading in parts: the answer ends with the record that brings it to so many bytes, `more` says whether that was early, and what
   * lies behind is not counted. Not for orders and filters of one's own.
   */
  readonly partBytes?: number;
}

export interface RangeAnswer {
  /** The store's revision at the time, for the response's header. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Keys in the range, whatever the limit and the filters; of a part, no count at all. */
  readonly count: number;
}

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
  readonly lease?: bigint;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export interface PutAnswer {
  readonly revision: number;
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeRequest {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  readonly prevKv?: boolean;
}

export interface DeleteRangeAnswer {
  readonly revision: number;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

export interface Compare {
  readonly result?: "EQUAL" | "GREATER" | "LESS" | "NOT_EQUAL" | "UNRECOGNIZED";
  readonly target?: "VERSION" | "CREATE" | "MOD" | "VALUE" | "LEASE" | "UNRECOGNIZED";
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  readonly version?: number | undefined;
  readonly createRevision?: number | undefined;
  readonly modRevision?: number | undefined;
  readonly value?: Uint8Array | undefined;
  readonly lease?: bigint | undefined;
}

/** Exactly one member is set. */
export interface RequestOp {
  readonly requestRange?: RangeQuery | undefined;
  readonly requestPut?: PutRequest | undefined;
  readonly requestDeleteRange?: DeleteRangeRequest | undefined;
  readonly requestTxn?: TxnRequest | undefined;
}

export interface TxnRequest {
  readonly compare?: readonly Compare[];
  readonly success?: readonly RequestOp[];
  readonly failure?: readonly RequestOp[];
}

/** Exactly one member is set. */
export interface AnswerOp {
  readonly range?: RangeAnswer;
  readonly put?: PutAnswer;
  readonly deleteRange?: DeleteRangeAnswer;
  readonly txn?: TxnAnswer;
}

export interface TxnAnswer {
  readonly revision: number;
  readonly succeeded: boolean;
  readonly answers: readonly AnswerOp[];
}

/** One change, as watchers see it. */
export interface StoreEvent {
  readonly type: "PUT" | "DELETE";
  /** Of a deletion: the key and the revision only. */
  readonly kv: KeyValue;
  /** Only for watches that asked, and only while the revision before is kept. */
  readonly prevKv?: KeyValue | undefined;
}
