// One write transaction: changes share a main revision and are numbered by sub. Checks come before the first change, so
// that a transaction is carried out whole or not at all. After etcd's apply.go: all comparisons, also those of nested
// transactions, look at the state before the transaction.
import { keyOf, keyRange } from "./key.ts";
import type { Key } from "./key.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Leases } from "./lease/leases.ts";
import { checkRevision, range } from "./range.ts";
import type { ReadView } from "./range.ts";
import type { KeyValue } from "./record.ts";
import type {
  AnswerOp,
  Compare,
  DeleteRangeAnswer,
  DeleteRangeRequest,
  PutAnswer,
  PutRequest,
  Refused,
  RequestOp,
  TxnAnswer,
  TxnRequest,
} from "./requests.ts";

/** A change that was made, for the watchers. */
export interface Change {
  readonly key: Key;
  readonly kv: KeyValue;
  readonly sub: number;
  readonly tombstone: boolean;
}

export class WriteTransaction {
  readonly #keyspace: Keyspace;
  readonly #leases: Leases;
  readonly #begin: number;
  readonly #compacted: number;
  readonly changes: Change[] = [];

  constructor(keyspace: Keyspace, leases: Leases, begin: number, compacted: number) {
    this.#keyspace = keyspace;
    this.#leases = leases;
    this.#begin = begin;
    this.#compacted = compacted;
  }

  /** The revision as of now, own changes included. */
  get revision(): number {
    return this.changes.length > 0 ? this.#begin + 1 : this.#begin;
  }

  get view(): ReadView {
    return { keyspace: this.#keyspace, now: this.revision, compacted: this.#compacted };
  }

  put(request: PutRequest): PutAnswer | Refused {
    // By itself a put is asked for its lease first, in a transaction last.
    const refusal = this.#checkLease(request) ?? this.#checkPrevious(request);
    if (refusal !== undefined) return refusal;
    const key = keyOf(request.key);
    const main = this.#begin + 1;
    const needsPrevious = request.prevKv === true || request.ignoreValue === true || request.ignoreLease === true;
    const previous = needsPrevious ? this.#keyspace.read(key, main) : undefined;
    const value = request.ignoreValue === true ? (previous?.value ?? noBytes) : (request.value ?? noBytes);
    const lease = request.ignoreLease === true ? this.#leases.of(key) : (request.lease ?? 0n);
    const sub = this.changes.length;
    const kv = this.#keyspace.put(key, main, sub, value, lease);
    this.changes.push({ key, kv, sub, tombstone: false });
    this.#leases.attach(key, lease);
    return { revision: main, prevKv: request.prevKv === true ? previous : undefined };
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeAnswer {
    const keys = keyRange(request.key, request.rangeEnd);
    const at = this.revision;
    const doomed: Key[] = [];
    const prevKvs: KeyValue[] = [];
    this.#keyspace.visit(keys, at, (found, key) => {
      doomed.push(key);
      if (request.prevKv === true) prevKvs.push(this.#keyspace.record(found.main, found.sub));
    });
    for (const key of doomed) this.delete(key);
    return { revision: this.revision, deleted: doomed.length, prevKvs };
  }

  /** Deletes one key that exists. */
  delete(key: Key): void {
    const sub = this.changes.length;
    const kv = this.#keyspace.tombstone(key, this.#begin + 1, sub);
    this.changes.push({ key, kv, sub, tombstone: true });
    this.#leases.detach(key);
  }

  txn(request: TxnRequest): TxnAnswer | Refused {
    const path = this.#choose(request);
    const refusal = this.#checkPath(path, "puts") ?? this.#checkPath(path, "ranges");
    if (refusal !== undefined) return refusal;
    return this.#run(path);
  }

  /** Decides every branch, nested ones included, on the state before the transaction. */
  #choose(request: TxnRequest): ChosenPath {
    const succeeded = (request.compare ?? []).every((compare) => this.#holds(compare));
    const operations = (succeeded ? request.success : request.failure) ?? [];
    return {
      succeeded,
      operations: operations.map((operation) => ({
        operation,
        nested: operation.requestTxn === undefined ? undefined : this.#choose(operation.requestTxn),
      })),
    };
  }

  /** All puts of the path are asked before the first range. */
  #checkPath(path: ChosenPath, what: "puts" | "ranges"): Refused | undefined {
    for (const { operation, nested } of path.operations) {
      const refusal = nested === undefined ? this.#checkOperation(operation, what) : this.#checkPath(nested, what);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #checkOperation({ requestPut, requestRange }: RequestOp, what: "puts" | "ranges"): Refused | undefined {
    if (what === "puts" && requestPut !== undefined)
      return this.#checkPrevious(requestPut) ?? this.#checkLease(requestPut);
    if (what === "ranges" && requestRange !== undefined) return checkRevision(this.view, requestRange.revision ?? 0);
    return undefined;
  }

  #checkPrevious(request: PutRequest): Refused | undefined {
    if (request.ignoreValue !== true && request.ignoreLease !== true) return undefined;
    const known = this.#keyspace.find(keyOf(request.key), this.revision) !== undefined;
    return known ? undefined : { refused: "key-not-found" };
  }

  #checkLease(request: PutRequest): Refused | undefined {
    const lease = request.ignoreLease === true ? 0n : (request.lease ?? 0n);
    return lease !== 0n && !this.#leases.has(lease) ? { refused: "lease-not-found" } : undefined;
  }

  #run(path: ChosenPath): TxnAnswer {
    const answers = path.operations.map(({ operation, nested }) => this.#perform(operation, nested));
    return { revision: this.revision, succeeded: path.succeeded, answers };
  }

  #perform(operation: RequestOp, nested: ChosenPath | undefined): AnswerOp {
    if (nested !== undefined) return { txn: this.#run(nested) };
    if (operation.requestPut !== undefined) return { put: checked(this.put(operation.requestPut)) };
    if (operation.requestDeleteRange !== undefined)
      return { deleteRange: this.deleteRange(operation.requestDeleteRange) };
    if (operation.requestRange !== undefined) return { range: checked(range(this.view, operation.requestRange)) };
    return {};
  }

  #holds(compare: Compare): boolean {
    if (compare.rangeEnd === undefined || compare.rangeEnd.length === 0) {
      return compareHolds(compare, this.#keyspace.read(keyOf(compare.key), this.#begin));
    }
    const keys = keyRange(compare.key, compare.rangeEnd);
    let holds = true;
    let found = false;
    this.#keyspace.visit(keys, this.#begin, (at) => {
      found = true;
      holds = compareHolds(compare, this.#keyspace.record(at.main, at.sub));
      return holds;
    });
    // A range without keys is compared as one that holds an absent key, unless it is compared by value.
    return found ? holds : compareHolds(compare, undefined);
  }
}

interface ChosenPath {
  readonly succeeded: boolean;
  readonly operations: readonly { readonly operation: RequestOp; readonly nested: ChosenPath | undefined }[];
}

const noBytes = new Uint8Array(0);

/** An absent key has version, revisions and lease 0, and no value that could be compared. */
function compareHolds(compare: Compare, kv: KeyValue | undefined): boolean {
  let order: number;
  switch (compare.target ?? "VERSION") {
    case "VALUE":
      if (kv === undefined) return false;
      order = Buffer.compare(kv.value, compare.value ?? noBytes);
      break;
    case "CREATE":
      order = (kv?.createRevision ?? 0) - (compare.createRevision ?? 0);
      break;
    case "MOD":
      order = (kv?.modRevision ?? 0) - (compare.modRevision ?? 0);
      break;
    case "LEASE": {
      const lease = kv?.lease ?? 0n;
      const wanted = compare.lease ?? 0n;
      order = lease < wanted ? -1 : lease > wanted ? 1 : 0;
      break;
    }
    case "VERSION":
      order = (kv?.version ?? 0) - (compare.version ?? 0);
      break;
    case "UNRECOGNIZED":
      order = 0;
      break;
  }
  switch (compare.result ?? "EQUAL") {
    case "EQUAL":
      return order === 0;
    case "NOT_EQUAL":
      return order !== 0;
    case "GREATER":
      return order > 0;
    case "LESS":
      return order < 0;
    case "UNRECOGNIZED":
      return true;
  }
}

function checked<T extends object>(answer: T | Refused): T {
  if ("refused" in answer)
    throw new Error(`an operation was refused after the transaction's checks: ${answer.refused}`);
  return answer;
}
