// Range with all of etcd's options, over one state of the keyspace. Same order of steps as etcd's (apply.go): fetch, prune
// by revisions, sort, cut at the limit, blank the values.
import { keyRange } from "./key.ts";
import type { Keyspace } from "./keyspace.ts";
import type { KeyValue } from "./record.ts";
import type { RangeAnswer, RangeQuery, Refused } from "./requests.ts";

/** What a range reads from: `now` is the newest visible revision, a running transaction's own included. */
export interface ReadView {
  readonly keyspace: Keyspace;
  readonly now: number;
  readonly compacted: number;
}

export function checkRevision(view: Pick<ReadView, "now" | "compacted">, revision: number): Refused | undefined {
  if (revision > view.now) return { refused: "future-revision" };
  if (revision > 0 && revision < view.compacted) return { refused: "compacted" };
  return undefined;
}

export function range(view: ReadView, query: RangeQuery): RangeAnswer | Refused {
  const asked = query.revision ?? 0;
  const refusal = checkRevision(view, asked);
  if (refusal !== undefined) return refusal;
  const at = asked > 0 ? asked : view.now;
  const limit = Math.max(0, query.limit ?? 0);
  const keys = keyRange(query.key, query.rangeEnd);
  const prunes = pruner(query);
  const order = sorter(query);
  const wanted = query.countOnly === true ? 0 : mostKeys(query, limit, prunes !== undefined, order !== undefined);
  const inParts = query.partBytes !== undefined && query.countOnly !== true;
  const mostBytes = inParts ? query.partBytes : Number.POSITIVE_INFINITY;
  let count = 0;
  let bytes = 0;
  let kvs: KeyValue[] = [];
  view.keyspace.visit(keys, at, (found) => {
    count++;
    if (kvs.length >= wanted || bytes >= mostBytes) return !inParts;
    const kv = view.keyspace.record(found.main, found.sub);
    bytes += kv.key.length + (query.keysOnly === true ? 0 : kv.value.length);
    kvs.push(kv);
    return true;
  });
  if (query.countOnly === true) return { revision: view.now, kvs: [], more: false, count };
  let more = kvs.length < count && (wanted === limit || bytes >= mostBytes);
  if (prunes !== undefined) kvs = kvs.filter((kv) => !prunes(kv));
  if (order !== undefined) kvs.sort(order);
  if (limit > 0 && kvs.length > limit) {
    kvs.length = limit;
    more = true;
  }
  if (query.keysOnly === true) kvs = kvs.map((kv) => ({ ...kv, value: noBytes }));
  return { revision: view.now, kvs, more, count };
}

const noBytes = new Uint8Array(0);

/**
 * How many of the keys are looked at; the others are only counted. etcd looks at all when they are pruned or an order is asked for.
 * With a target and no order it sorts what it looked at, which is one key more than the limit, in the order of the keys.
 */
function mostKeys(query: RangeQuery, limit: number, prunes: boolean, sorts: boolean): number {
  if (limit === 0 || prunes || (query.sortOrder ?? "NONE") !== "NONE") return Number.POSITIVE_INFINITY;
  return sorts ? limit + 1 : limit;
}

function pruner(query: RangeQuery): ((kv: KeyValue) => boolean) | undefined {
  const { minModRevision = 0, maxModRevision = 0, minCreateRevision = 0, maxCreateRevision = 0 } = query;
  if (minModRevision === 0 && maxModRevision === 0 && minCreateRevision === 0 && maxCreateRevision === 0)
    return undefined;
  return (kv) =>
    (maxModRevision !== 0 && kv.modRevision > maxModRevision) ||
    (minModRevision !== 0 && kv.modRevision < minModRevision) ||
    (maxCreateRevision !== 0 && kv.createRevision > maxCreateRevision) ||
    (minCreateRevision !== 0 && kv.createRevision < minCreateRevision);
}

/** undefined: by key, ascending, which is how ranges come anyway. */
function sorter(query: RangeQuery): ((a: KeyValue, b: KeyValue) => number) | undefined {
  const { sortOrder = "NONE", sortTarget = "KEY" } = query;
  const descending = sortOrder === "DESCEND";
  if (sortTarget === "KEY" && !descending) return undefined;
  const ascend = comparators[sortTarget];
  return descending ? (a, b) => ascend(b, a) : ascend;
}

const byKey = (a: KeyValue, b: KeyValue): number => Buffer.compare(a.key, b.key);

const comparators: Readonly<Record<NonNullable<RangeQuery["sortTarget"]>, (a: KeyValue, b: KeyValue) => number>> = {
  KEY: byKey,
  VERSION: (a, b) => a.version - b.version,
  CREATE: (a, b) => a.createRevision - b.createRevision,
  MOD: (a, b) => a.modRevision - b.modRevision,
  VALUE: (a, b) => Buffer.compare(a.value, b.value),
  UNRECOGNIZED: byKey,
};
