// The port to where records are kept. mvcc decides what is written; when it reaches the disk, and together with what
// (an applied index, a membership), is its owner's business: mvcc never commits.

/** `key`: every kept change by revision. `lease`: leases by id. `meta`: how far compaction has come. */
export type Table = "key" | "lease" | "meta";

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Ordered tables of bytes. Writes are visible to `get` and `scan` at once, and reach the disk in the order they were
 * made; those between two commits of the owner reach it together or not at all.
 */
export interface Backend {
  /** The value last put under `key`. The caller must not change it, and the backend must not either. */
  get(table: Table, key: Uint8Array): Uint8Array | undefined;
  /** Takes over both arrays. */
  put(table: Table, key: Uint8Array, value: Uint8Array): void;
  delete(table: Table, key: Uint8Array): void;
  /** Up to `limit` entries whose key is not less than `from`, in the order of their bytes. Fewer only at the end. */
  scan(table: Table, from: Uint8Array, limit: number): Promise<readonly Entry[]>;
}
