// Every way in which the world may fail the store, with a code and a sentence for people. Outcomes of requests (etcd's gRPC errors)
// are in io/rpc/errors.ts.

export type StoreErrorCode =
  | "data-dir-foreign"
  | "data-dir-in-use"
  | "wal-damaged"
  | "wal-wrong-member"
  | "wal-version"
  | "member-removed"
  | "backend-behind"
  | "backend-damaged"
  | "backend-version"
  | "snapshot-damaged"
  | "snapshot-unusable"
  | "disk-failed"
  | "no-leader"
  | "read-timeout"
  | "stopped";

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
