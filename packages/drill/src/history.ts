// What clients of a store saw, as values: every request, when it was sent, and what came back when, if anything did. It is what
// the checkers judge, whoever recorded it: the load generator over real members, or a simulation. It is plain JSON, so that a
// recording can be kept and judged again. It says nothing about what happened inside the store.
//
// Moments. `start` and `end` are milliseconds of one clock that never goes back, shared by all clients of a recording, and two
// things that happened one after the other have different moments (a recorder adds a hair where the clock did not move). An
// operation took effect at some instant between its start and its end, or not at all.
//
// Text. Keys are the keys themselves. A value may be a digest of the real one, as long as equal values have equal texts and
// different values different ones. Lease ids are decimal texts, since they use all 64 bits. Generators should never put the
// same value twice: then whose write a reader saw is known.

export interface History {
  readonly operations: readonly Operation[];
  readonly watches: readonly WatchRecord[];
}

/** One request of one client and its fate. */
export interface Operation {
  /** Unique in the history. */
  readonly id: number;
  /** Who asked. A client of the load generator asks one thing at a time, but nothing depends on that. */
  readonly client: number;
  /** Which member was asked, where that is known; only for drawings. */
  readonly member?: string;
  readonly start: number;
  /** When the client learned the outcome. Of an unknown outcome: when it gave up; the effect may still come at any time after. */
  readonly end: number;
  readonly request: Request;
  readonly outcome: Outcome;
}

export type Outcome =
  | { readonly kind: "ok"; readonly response: Response }
  /** Certainly had no effect and never will: refused before it was proposed, or the request never left. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Had an effect, will have one, or never will; nobody knows. */
  | { readonly kind: "unknown"; readonly reason: string };

export type Request = PutRequest | DeleteRequest | RangeRequest | TxnRequest | CompactRequest | LeaseRequest;

/** Keys from `key` up to but without `rangeEnd`; without `rangeEnd` the key alone; with "\0" everything from `key` on. */
export interface KeyRange {
  readonly key: string;
  readonly rangeEnd?: string;
}

export interface PutRequest {
  readonly kind: "put";
  readonly key: string;
  readonly value: string;
  /** Absent: the key is attached to no lease. */
  readonly lease?: string;
}

export interface DeleteRequest extends KeyRange {
  readonly kind: "delete";
}

export interface RangeRequest extends KeyRange {
  readonly kind: "range";
  /** Absent: the newest state. */
  readonly revision?: number;
  readonly limit?: number;
  /** Answered by one member from what it has: may be stale, must still be a state that was. */
  readonly serializable?: boolean;
  readonly countOnly?: boolean;
}

export interface TxnRequest {
  readonly kind: "txn";
  readonly compares: readonly Compare[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

/** Of a transaction. No key is written twice in one branch. */
export type TxnOperation = PutRequest | DeleteRequest | RangeRequest;

/** Over a range it must hold for every key; for a key that is not there, numbers are 0 and a value comparison is false. */
export type Compare = KeyRange & { readonly result: "=" | "!=" | ">" | "<" } & (
    | { readonly target: "value"; readonly operand: string }
    | { readonly target: "version" | "create" | "mod"; readonly operand: number }
    | { readonly target: "lease"; readonly operand: string }
  );

export interface CompactRequest {
  readonly kind: "compact";
  readonly revision: number;
}

export type LeaseRequest =
  | { readonly kind: "grant"; readonly lease: string; readonly ttlSeconds: number }
  | { readonly kind: "revoke"; readonly lease: string }
  | { readonly kind: "keepAlive"; readonly lease: string };

/** `revision` is that of the response's header: the store's when the operation took effect, the new one if it changed something. */
export type Response =
  | { readonly kind: "put"; readonly revision: number; readonly previous?: KeyValue }
  | {
      readonly kind: "delete";
      readonly revision: number;
      readonly deleted: number;
      readonly previous?: readonly KeyValue[];
    }
  | RangeResponse
  | TxnResponse
  | { readonly kind: "compact"; readonly revision: number }
  | { readonly kind: "grant"; readonly revision: number; readonly ttlSeconds: number }
  | { readonly kind: "revoke"; readonly revision: number }
  /** `ttlSeconds` 0: there was no such lease. The revision is whatever the member asked had come to. */
  | { readonly kind: "keepAlive"; readonly revision: number; readonly ttlSeconds: number };

export interface RangeResponse {
  readonly kind: "range";
  readonly revision: number;
  /** In the order of their keys; empty when only counted. */
  readonly kvs: readonly KeyValue[];
  readonly count: number;
}

export interface TxnResponse {
  readonly kind: "txn";
  readonly revision: number;
  readonly succeeded: boolean;
  /** One for each operation of the branch taken. */
  readonly responses: readonly TxnOperationResponse[];
}

export type TxnOperationResponse =
  | { readonly kind: "put"; readonly previous?: KeyValue }
  | { readonly kind: "delete"; readonly deleted: number; readonly previous?: readonly KeyValue[] }
  | { readonly kind: "range"; readonly kvs: readonly KeyValue[]; readonly count: number };

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease?: string;
}

/** One watch as its client sees it, over all the connections it took: what a resuming client is promised. */
export interface WatchRecord {
  readonly id: number;
  readonly client: number;
  readonly member?: string;
  readonly start: number;
  readonly request: WatchRequest;
  readonly responses: readonly WatchResponse[];
  readonly end?: WatchEnd;
}

export interface WatchRequest extends KeyRange {
  /** First revision wanted. Absent: whatever comes after the watch was created. */
  readonly startRevision?: number;
  readonly previous?: boolean;
  readonly filters?: readonly ("put" | "delete")[];
}

/** Without events: created (the first), or a bookmark. */
export interface WatchResponse {
  readonly at: number;
  /**
   * Of the created response: the watch sees everything after this revision (`startRevision` - 1, if one was asked for).
   * Of a bookmark: nothing up to this revision is still to come. With events: of the last of them, or later.
   */
  readonly revision: number;
  readonly created: boolean;
  readonly events: readonly WatchEvent[];
}

/** Of a delete, `kv` has the key and the revision of the deletion; value "", version and create revision 0. */
export interface WatchEvent {
  readonly type: "put" | "delete";
  readonly kv: KeyValue;
  /** The key before the event, where the watch asked for it and there was one. */
  readonly previous?: KeyValue;
}

export interface WatchEnd {
  readonly at: number;
  /** `compacted`: what it wanted next was gone; `closed`: the client had enough; `failed`: anything else. */
  readonly kind: "compacted" | "closed" | "failed";
  readonly reason?: string;
  readonly compactRevision?: number;
}

/** Whether a key lies in a range as etcd writes ranges. */
export function covers(range: KeyRange, key: string): boolean {
  if (range.rangeEnd === undefined || range.rangeEnd === "") return key === range.key;
  return key >= range.key && (range.rangeEnd === "\0" || key < range.rangeEnd);
}
