// The port to the store in the words of the registry: keys, values, revisions. Implemented in `io/storage` over etcd's
// API. Every write is one transaction that compares the key's revision; nothing is written blindly.

export interface StoredValue {
  readonly key: string;
  readonly value: Buffer;
  /** The revision of the last write: the object's resourceVersion. */
  readonly revision: number;
}

export type CreateOutcome = { readonly kind: "written"; readonly revision: number } | { readonly kind: "exists" };

export type ReplaceOutcome =
  | { readonly kind: "written"; readonly revision: number }
  /** Someone else was first; `current` is what is there now. */
  | { readonly kind: "changed"; readonly current: StoredValue | undefined };

export type Recheck =
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed"; readonly current: StoredValue }
  | { readonly kind: "gone" };

export interface Page {
  readonly values: readonly StoredValue[];
  /** The revision all values were read at. */
  readonly revision: number;
  /** Keys at or after the start of the page, of which `values` are the first. */
  readonly count: number;
}

export interface PageRequest {
  /** First key (inclusive). */
  readonly from: string;
  /** First key that is not wanted any more. */
  readonly to: string;
  /** 0: all. */
  readonly limit: number;
  /** Absent: the newest. */
  readonly revision?: number | undefined;
  /** Hears of values as they arrive, and may throw to have no more. */
  readonly onValues?: (values: readonly StoredValue[]) => void;
}

export interface StorageEvent {
  readonly type: "put" | "delete";
  readonly key: string;
  /** Empty for a delete. */
  readonly value: Buffer;
  readonly revision: number;
  /** True when the put made the key. */
  readonly created: boolean;
}

export interface HistoryEvent extends StorageEvent {
  readonly before: StoredValue | undefined;
}

export interface StorageBatch {
  /** Nothing up to here is missing. */
  readonly revision: number;
  readonly events: readonly StorageEvent[];
}

/** Failures of the world come as StorageError; outcomes are values. */
export interface Storage {
  get(key: string): Promise<{ readonly value: StoredValue | undefined; readonly revision: number }>;
  /** Whether what is known of a key is still its newest state, linearizable like `get`; questions that come together are asked together. */
  recheck(key: string, knownRevision: number): Promise<Recheck>;
  create(key: string, value: Buffer, ttlSeconds?: number): Promise<CreateOutcome>;
  replace(key: string, value: Buffer, expectedRevision: number, ttlSeconds?: number): Promise<ReplaceOutcome>;
  remove(key: string, expectedRevision: number): Promise<ReplaceOutcome>;
  page(request: PageRequest): Promise<Page>;
  /** The store's newest revision, linearizable. */
  revision(): Promise<number>;
  /** Batches after `afterRevision`, in order, until the signal aborts. Throws StorageError "compacted" when history is gone. */
  watch(from: string, to: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StorageBatch>;
  /**
   * What happened after one revision up to another, with the values before. Undefined when it is more than `limit` events, or cannot be told;
   * throws StorageError "compacted" when the store no longer knows.
   */
  history(
    from: string,
    to: string,
    afterRevision: number,
    untilRevision: number,
    limit: number,
  ): Promise<readonly HistoryEvent[] | undefined>;
  /**
   * Asks the store to say on all watches how far they are. False when the store cannot be trusted to say it after the events
   * (etcd before 3.4.31 and 3.5.13): then nothing is asked, and there is no `history` either.
   */
  requestProgress(): Promise<boolean>;
  /** Forgets history before the revision. */
  compact(revision: number): Promise<void>;
}

export type StorageErrorCode = "compacted" | "future-revision" | "unavailable" | "too-large" | "no-space" | "internal";

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The end of the range of keys that begin with `prefix`. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
