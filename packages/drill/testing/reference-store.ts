// The plainest store there is: what etcd promises, done one operation after the other in memory, with a list of every event.
// Tests record histories from it that are right by construction. It keeps everything and forgets only what is compacted.
import { covers } from "../src/history.ts";
import type { Compare, KeyValue, Request, Response, TxnOperation, TxnOperationResponse } from "../src/history.ts";
import type { WatchEvent, WatchRequest } from "../src/history.ts";

export interface ReferenceStore {
  readonly revision: () => number;
  /** Every event so far, in order; of one revision in the order they were made. */
  readonly events: readonly WatchEvent[];
  /** Undefined: refused, because of a lease that is not there or a revision that is gone. */
  perform(request: Request): Response | undefined;
  /** The lease ends by itself. */
  expire(lease: string): void;
  /** What a watch must see of the events from `from` to `to`, both included, revision by revision. */
  watched(request: WatchRequest, from: number, to: number): readonly (readonly WatchEvent[])[];
}

export function createReferenceStore(): ReferenceStore {
  const events: WatchEvent[] = [];
  const leases = new Set<string>();
  /** The state at each revision; the index is the revision. */
  const states: ReadonlyMap<string, KeyValue>[] = [new Map(), new Map()];
  let compacted = 0;
  const revision = (): number => states.length - 1;
  const present = (): ReadonlyMap<string, KeyValue> => states[revision()] as ReadonlyMap<string, KeyValue>;

  const commit = (keys: ReadonlyMap<string, KeyValue>, made: readonly WatchEvent[]): void => {
    if (made.length === 0) return;
    states.push(keys);
    events.push(...made);
  };
  const perform = (operations: readonly TxnOperation[]): readonly TxnOperationResponse[] | undefined => {
    const next = revision() + 1;
    const keys = new Map(present());
    const made: WatchEvent[] = [];
    const responses = operations.map((operation): TxnOperationResponse => {
      if (operation.kind === "range") return rangeOf(keys, operation.key, operation.rangeEnd, operation);
      if (operation.kind === "delete") {
        const gone = [...keys.values()].filter(({ key }) => covers(operation, key)).sort(byKey);
        for (const previous of gone) {
          keys.delete(previous.key);
          made.push(deletion(previous, next));
        }
        return { kind: "delete", deleted: gone.length };
      }
      const previous = keys.get(operation.key);
      const kv: KeyValue = {
        key: operation.key,
        value: operation.value,
        createRevision: previous?.createRevision ?? next,
        modRevision: next,
        version: (previous?.version ?? 0) + 1,
        ...(operation.lease === undefined ? {} : { lease: operation.lease }),
      };
      keys.set(kv.key, kv);
      made.push({ type: "put", kv, ...(previous === undefined ? {} : { previous }) });
      return { kind: "put" };
    });
    commit(keys, made);
    return responses;
  };
  const end = (lease: string): void => {
    leases.delete(lease);
    const gone = [...present().values()].filter((kv) => kv.lease === lease).sort(byKey);
    const keys = new Map(present());
    for (const { key } of gone) keys.delete(key);
    commit(
      keys,
      gone.map((previous) => deletion(previous, revision() + 1)),
    );
  };
  const leaseless = (operations: readonly TxnOperation[]): boolean =>
    operations.some((each) => each.kind === "put" && each.lease !== undefined && !leases.has(each.lease));

  return {
    revision,
    events,
    perform(request) {
      switch (request.kind) {
        case "put":
        case "delete": {
          if (leaseless([request])) return undefined;
          const [response] = perform([request]) ?? [];
          return { ...response, revision: revision() } as Response;
        }
        case "range": {
          const at = request.revision ?? revision();
          const keys = states[at];
          if (keys === undefined || at < compacted) return undefined;
          return { ...rangeOf(keys, request.key, request.rangeEnd, request), revision: revision() } as Response;
        }
        case "txn": {
          const succeeded = request.compares.every((compare) => holds(present(), compare));
          const branch = succeeded ? request.success : request.failure;
          if (leaseless(branch)) return undefined;
          return { kind: "txn", succeeded, responses: perform(branch) ?? [], revision: revision() };
        }
        case "compact":
          if (request.revision <= compacted || request.revision > revision()) return undefined;
          compacted = request.revision;
          return { kind: "compact", revision: revision() };
        case "grant":
          if (leases.has(request.lease)) return undefined;
          leases.add(request.lease);
          return { kind: "grant", revision: revision(), ttlSeconds: request.ttlSeconds };
        case "revoke":
          if (!leases.has(request.lease)) return undefined;
          end(request.lease);
          return { kind: "revoke", revision: revision() };
        case "keepAlive":
          return { kind: "keepAlive", revision: revision(), ttlSeconds: leases.has(request.lease) ? 1 : 0 };
      }
    },
    expire: end,
    watched(request, from, to) {
      const wanted = events.filter(
        ({ type, kv }) =>
          kv.modRevision >= from &&
          kv.modRevision <= to &&
          covers(request, kv.key) &&
          request.filters?.includes(type) !== true,
      );
      const byRevision = Map.groupBy(wanted, ({ kv }) => kv.modRevision);
      return [...byRevision.values()].map((each) =>
        each.map((event) => (request.previous === true ? event : { type: event.type, kv: event.kv })),
      );
    },
  };
}

function rangeOf(
  keys: ReadonlyMap<string, KeyValue>,
  key: string,
  rangeEnd: string | undefined,
  options: { readonly limit?: number; readonly countOnly?: boolean },
): TxnOperationResponse {
  const range = rangeEnd === undefined ? { key } : { key, rangeEnd };
  const found = [...keys.values()].filter((kv) => covers(range, kv.key)).sort(byKey);
  const kvs = options.countOnly === true ? [] : found.slice(0, options.limit ?? found.length);
  return { kind: "range", kvs, count: found.length };
}

function deletion(previous: KeyValue, revision: number): WatchEvent {
  const kv: KeyValue = { key: previous.key, value: "", createRevision: 0, modRevision: revision, version: 0 };
  return { type: "delete", kv, previous };
}

function holds(keys: ReadonlyMap<string, KeyValue>, compare: Compare): boolean {
  const found = [...keys.values()].filter((kv) => covers(compare, kv.key));
  return found.length === 0 ? holdsFor(undefined, compare) : found.every((kv) => holdsFor(kv, compare));
}

function holdsFor(kv: KeyValue | undefined, compare: Compare): boolean {
  if (compare.target === "value") return kv !== undefined && ordered(kv.value, compare.operand, compare.result);
  if (compare.target === "lease") return ordered(BigInt(kv?.lease ?? "0"), BigInt(compare.operand), compare.result);
  const number = { version: kv?.version, create: kv?.createRevision, mod: kv?.modRevision }[compare.target] ?? 0;
  return ordered(number, compare.operand, compare.result);
}

function ordered<T>(a: T, b: T, result: Compare["result"]): boolean {
  return result === "=" ? a === b : result === "!=" ? a !== b : result === "<" ? a < b : a > b;
}

function byKey(a: KeyValue, b: KeyValue): number {
  return a.key < b.key ? -1 : 1;
}
