// etcd's promises about keys, transactions and leases as a sequential machine: given a state and an operation as it was seen,
// which states may come of it. Revisions are the store's; a share of the keys is looked at, so others move the revision, too.
// Compaction changes nothing a linearizable read can see and is judged elsewhere.
import { covers } from "../../history.ts";
import type {
  Compare,
  KeyRange,
  KeyValue,
  Response,
  TxnOperation,
  TxnOperationResponse,
  TxnRequest,
} from "../../history.ts";
import type { PutRequest, RangeRequest, Request } from "../../history.ts";
import { bounded, isOpen, matched } from "./key-state.ts";
import type { KeyState, Revision } from "./key-state.ts";
import type { Model } from "./search.ts";

export interface StoreState {
  /** At least this; exact unless `open`. */
  readonly revision: number;
  /** Some revision in `keys` has no upper bound yet. */
  readonly open: boolean;
  readonly keys: ReadonlyMap<string, KeyState>;
  /** Leases that exist. */
  readonly leases: ReadonlySet<string>;
}

/** An operation as the model takes it. */
export interface ModelOperation {
  readonly request: Request | ExpireRequest;
  /** What came back; absent if nobody was told. */
  readonly response?: Response | undefined;
  /** The revision it made, where it is known from elsewhere although no response came. */
  readonly madeRevision?: number | undefined;
  /** False: `response` shows only some of the keys that the range covers, and its count is of no use here. */
  readonly whole: boolean;
}

/** What the store itself does when a lease runs out. */
export interface ExpireRequest {
  readonly kind: "expire";
  readonly lease: string;
}

export const emptyStore: StoreState = { revision: 1, open: false, keys: new Map(), leases: new Set() };

export const storeModel: Model<ModelOperation, StoreState> = {
  step(state, op) {
    const { request } = op;
    switch (request.kind) {
      case "put":
      case "delete":
      case "range":
        return stepBranch(state, op, [request], op.response === undefined ? undefined : [asPart(op.response)]);
      case "txn":
        return stepTxn(state, op, request);
      case "grant":
        return state.leases.has(request.lease) || !reached(state, op) ? none : [granted(state, request.lease)];
      case "keepAlive":
        return stepKeepAlive(state, op, request.lease);
      case "revoke":
        return !state.leases.has(request.lease) || !reached(state, op) ? none : revoked(state, op, request.lease);
      case "expire":
        return state.leases.has(request.lease) ? revoked(state, op, request.lease) : none;
      case "compact":
        return [state];
    }
  },
  identity(state) {
    return JSON.stringify([state.revision, [...state.keys], [...state.leases]]);
  },
};

const none: readonly StoreState[] = [];

/** The header of grants and revocations is filled in after the fact: it is at least the revision of the effect. */
function reached(state: StoreState, { response }: ModelOperation): boolean {
  return response === undefined || response.revision >= state.revision;
}

function granted(state: StoreState, lease: string): StoreState {
  return { ...state, leases: new Set(state.leases).add(lease) };
}

function stepKeepAlive(state: StoreState, { response }: ModelOperation, lease: string): readonly StoreState[] {
  if (response?.kind !== "keepAlive") return [state];
  return state.leases.has(lease) === response.ttlSeconds > 0 ? [state] : none;
}

function revoked(state: StoreState, op: ModelOperation, lease: string): readonly StoreState[] {
  const attached = [...state.keys].filter(([, key]) => key.lease === lease).map(([key]) => key);
  const leases = new Set(state.leases);
  leases.delete(lease);
  if (attached.length === 0) return op.madeRevision === undefined ? [{ ...state, leases }] : none;
  if (op.madeRevision !== undefined && op.madeRevision <= state.revision) return none;
  if (op.response !== undefined && op.response.revision <= state.revision) return none;
  const keys = new Map(state.keys);
  for (const key of attached) keys.delete(key);
  const revision = op.madeRevision ?? state.revision + 1;
  return [closeAt({ ...state, keys, leases, revision }, op.madeRevision === undefined ? undefined : revision - 1)];
}

function stepTxn(state: StoreState, op: ModelOperation, request: TxnRequest): readonly StoreState[] {
  const held = request.compares.map((compare) => holds(state, compare));
  const may = { succeed: !held.includes("no"), fail: held.some((each) => each !== "yes") };
  const { response } = op;
  if (response !== undefined) {
    if (response.kind !== "txn" || !(response.succeeded ? may.succeed : may.fail)) return none;
    return stepBranch(state, op, response.succeeded ? request.success : request.failure, response.responses);
  }
  return [
    ...(may.succeed ? stepBranch(state, op, request.success, undefined) : none),
    ...(may.fail ? stepBranch(state, op, request.failure, undefined) : none),
  ];
}

/** Performs the operations of a branch one after the other, each seeing the ones before, all at one new revision. */
function stepBranch(
  state: StoreState,
  op: ModelOperation,
  operations: readonly TxnOperation[],
  seen: readonly TxnOperationResponse[] | undefined,
): readonly StoreState[] {
  const at = op.response?.revision ?? op.madeRevision;
  const made: Revision = at ?? { low: state.revision + 1, high: Infinity };
  let keys = state.keys;
  let writes = false;
  for (const [position, operation] of operations.entries()) {
    const response = seen?.[position];
    if (seen !== undefined && response?.kind !== operation.kind) return none;
    let after: ReadonlyMap<string, KeyState> | undefined;
    if (operation.kind === "put") {
      if (operation.lease !== undefined && !state.leases.has(operation.lease)) return none;
      after = putKey(keys, operation, made, response?.kind === "put" ? response.previous : undefined);
      writes = true;
    } else if (operation.kind === "delete") {
      after = deleteKeys(keys, operation, op.whole, response?.kind === "delete" ? response : undefined);
      if (after !== keys) writes = true;
    } else {
      after = response?.kind === "range" ? readKeys(keys, operation, op.whole, response) : keys;
    }
    if (after === undefined) return none;
    keys = after;
  }
  return settle(state, keys, writes, at, op);
}

function settle(
  state: StoreState,
  keys: ReadonlyMap<string, KeyState>,
  writes: boolean,
  at: number | undefined,
  op: ModelOperation,
): readonly StoreState[] {
  if (!writes) {
    if (op.madeRevision !== undefined) return none;
    if (at === undefined) return keys === state.keys ? [state] : [{ ...state, keys }];
    // A read of the past tells of the state as of the revision it asked for, not of its header's.
    const past = op.request.kind === "range" ? op.request.revision : undefined;
    const revision = past ?? at;
    return revision < state.revision ? none : [closeAt({ ...state, keys, revision }, revision)];
  }
  if (at === undefined) return [{ ...state, keys, revision: state.revision + 1, open: true }];
  return at <= state.revision ? none : [closeAt({ ...state, keys, revision: at }, at - 1)];
}

/** Whatever had an open revision happened before this: its revision is at most `high`. */
function closeAt(state: StoreState, high: number | undefined): StoreState {
  if (!state.open || high === undefined) return state;
  return {
    ...state,
    open: false,
    keys: new Map([...state.keys].map(([key, value]): [string, KeyState] => [key, bounded(value, high)])),
  };
}

function putKey(
  keys: ReadonlyMap<string, KeyState>,
  request: PutRequest,
  made: Revision,
  previous: KeyValue | undefined,
): ReadonlyMap<string, KeyState> | undefined {
  const before = keys.get(request.key);
  const known = previous === undefined || before === undefined ? before : matched(before, previous);
  if (previous !== undefined && known === undefined) return undefined;
  return new Map(keys).set(request.key, {
    value: request.value,
    create: known?.create ?? made,
    mod: made,
    version: (known?.version ?? 0) + 1,
    lease: request.lease,
  });
}

function deleteKeys(
  keys: ReadonlyMap<string, KeyState>,
  range: KeyRange,
  whole: boolean,
  seen: { readonly deleted: number; readonly previous?: readonly KeyValue[] } | undefined,
): ReadonlyMap<string, KeyState> | undefined {
  const gone = covered(keys, range);
  if (seen !== undefined && whole && seen.deleted !== gone.length) return undefined;
  if (gone.length === 0) return keys;
  const after = new Map(keys);
  for (const [key, state] of gone) {
    const previous = seen?.previous?.find((each) => each.key === key);
    if (previous !== undefined && matched(state, previous) === undefined) return undefined;
    after.delete(key);
  }
  return after;
}

function readKeys(
  keys: ReadonlyMap<string, KeyState>,
  request: RangeRequest,
  whole: boolean,
  seen: { readonly kvs: readonly KeyValue[]; readonly count: number },
): ReadonlyMap<string, KeyState> | undefined {
  const present = covered(keys, request);
  if (whole && seen.count !== present.length) return undefined;
  if (request.countOnly === true) return keys;
  const shown = request.limit === undefined || request.limit === 0 ? present : present.slice(0, request.limit);
  if (shown.length !== seen.kvs.length) return undefined;
  let after = keys;
  for (const [position, [key, state]] of shown.entries()) {
    const kv = seen.kvs[position] as KeyValue;
    const certain = kv.key === key ? matched(state, kv) : undefined;
    if (certain === undefined) return undefined;
    if (certain !== state) after = new Map(after).set(key, certain);
  }
  return after;
}

/** In the order of keys. */
function covered(keys: ReadonlyMap<string, KeyState>, range: KeyRange): readonly [string, KeyState][] {
  if (range.rangeEnd === undefined || range.rangeEnd === "") {
    const state = keys.get(range.key);
    return state === undefined ? [] : [[range.key, state]];
  }
  return [...keys].filter(([key]) => covers(range, key)).sort(([a], [b]) => (a < b ? -1 : 1));
}

type Truth = "yes" | "no" | "maybe";

function holds(state: StoreState, compare: Compare): Truth {
  const keys = covered(state.keys, compare);
  // An empty range is compared as one key that is not there.
  const truths = keys.length === 0 ? [holdsFor(undefined, compare)] : keys.map(([, key]) => holdsFor(key, compare));
  if (truths.includes("no")) return "no";
  return truths.includes("maybe") ? "maybe" : "yes";
}

function holdsFor(key: KeyState | undefined, compare: Compare): Truth {
  switch (compare.target) {
    case "value":
      return key === undefined ? "no" : truth(ordered(key.value, compare.operand), compare.result);
    case "lease":
      return truth(ordered(BigInt(key?.lease ?? "0"), BigInt(compare.operand)), compare.result);
    case "version":
      return truth(ordered(key?.version ?? 0, compare.operand), compare.result);
    case "create":
    case "mod": {
      const revision = key?.[compare.target] ?? 0;
      if (typeof revision === "number") return truth(ordered(revision, compare.operand), compare.result);
      const low = truth(ordered(revision.low, compare.operand), compare.result);
      const same = low === truth(ordered(revision.high, compare.operand), compare.result);
      const outside = compare.operand < revision.low || compare.operand > revision.high;
      return same && (outside || isOrder(compare.result)) ? low : "maybe";
    }
  }
}

function isOrder(result: Compare["result"]): boolean {
  return result === "<" || result === ">";
}

function ordered<T extends string | number | bigint>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function truth(order: number, result: Compare["result"]): Truth {
  const holds = result === "=" ? order === 0 : result === "!=" ? order !== 0 : result === "<" ? order < 0 : order > 0;
  return holds ? "yes" : "no";
}

function asPart(response: Response): TxnOperationResponse {
  if (response.kind === "put" || response.kind === "delete" || response.kind === "range") return response;
  throw new Error(`a response of kind ${response.kind} does not belong to an operation on keys`);
}

/** Whether later operations could still tell the state more precisely. */
export function isCertain(state: StoreState): boolean {
  return [...state.keys.values()].every(({ create, mod }) => !isOpen(create) && !isOpen(mod));
}
