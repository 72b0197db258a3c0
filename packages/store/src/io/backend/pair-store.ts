// What the backend needs of level, so that a simulation can put a store of its own in level's place.

export interface PairStore {
  get(key: Buffer): Buffer | undefined;
  /** All of it or nothing, after everything that was written before; with `sync`, on disk when it resolves. */
  write(operations: readonly PairOperation[], sync: boolean): Promise<void>;
  /** In the order of the keys, as of the moment of the call. */
  iterate(range?: PairRange): PairIterator;
  /** Not atomic. */
  clear(): Promise<void>;
  sizeBytes(): Promise<number>;
  compact(): Promise<void>;
  close(): Promise<void>;
}

export interface PairRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly limit: number;
}

export type PairOperation =
  | { readonly type: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: "del"; readonly key: Buffer };

export interface PairIterator {
  nextv(size: number): Promise<[Buffer, Buffer][]>;
  close(): Promise<void>;
}
