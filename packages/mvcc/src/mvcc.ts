// The multi-version store: what a keyspace, its leases and its watches are together. Synchronous and deterministic: the
// same verbs in the same order give the same state on every replica. It does not know Raft, disks or sockets.
import type { Backend, Entry } from "./backend.ts";
import { hashRecords } from "./hash.ts";
import { bytesOf } from "./key.ts";
import { Keyspace } from "./keyspace.ts";
import { Leases } from "./lease/leases.ts";
import { checkRevision, range } from "./range.ts";
import { decodeRecordHead } from "./record.ts";
import type {
  DeleteRangeAnswer,
  DeleteRangeRequest,
  PutAnswer,
  PutRequest,
  RangeAnswer,
  RangeQuery,
  Refused,
  TxnAnswer,
  TxnRequest,
} from "./requests.ts";
import { parseRevision, revisionBytes } from "./revision.ts";
import { Watches } from "./watch/watches.ts";
import { WriteTransaction } from "./write.ts";

export interface MvccOptions {
  /** The shortest lease, in seconds. */
  readonly minLeaseTtlSeconds: number;
}

export interface HashAnswer {
  readonly hash: number;
  /** The store's revision. */
  readonly revision: number;
  /** The revision that was hashed. */
  readonly hashRevision: number;
  readonly compactRevision: number;
}

export interface Mvcc {
  /** The newest revision. A new store starts at 1. */
  readonly revision: number;
  /** Revisions below are gone; 0: none are. */
  readonly compactRevision: number;
  /** Keys in the index, deleted but not yet compacted ones included. */
  readonly keyCount: number;

  range(query: RangeQuery): RangeAnswer | Refused;

  put(request: PutRequest): PutAnswer | Refused;
  deleteRange(request: DeleteRangeRequest): DeleteRangeAnswer;
  txn(request: TxnRequest): TxnAnswer | Refused;

  /** Makes revisions below unreadable at once. What they held is removed by `sweep`. */
  compact(revision: number): { readonly revision: number } | Refused;
  /** Removes a portion of what compaction made unreachable; true when all is gone. */
  sweep(limit: number): boolean;
  /**
   * The hash as of a revision (0: now). `records` are all records of this moment, in pages; with them writing may go on
   * meanwhile. Without them they are read from the backend, and nothing may be changed until it resolves.
   */
  hash(revision: number, records?: AsyncIterable<readonly Entry[]>): Promise<HashAnswer | Refused>;

  readonly leases: LeaseVerbs;
  readonly watches: Pick<Watches, "watch" | "catchUp" | "count" | "behind">;
}

export interface LeaseVerbs extends Omit<Leases, "attach" | "detach" | "revoke" | "restore" | "of" | "info"> {
  /** Ends a lease and deletes its keys in one transaction. */
  revoke(id: bigint): { readonly revision: number } | Refused;
  info(
    id: bigint,
    nowMs: number,
  ):
    | {
        readonly id: bigint;
        readonly grantedTtlSeconds: number;
        readonly remainingTtlSeconds: number;
        readonly keys: readonly Uint8Array[];
      }
    | Refused;
}

const scheduledCompaction = Buffer.from("scheduledCompactRev");
const finishedCompaction = Buffer.from("finishedCompactRev");

/**
 * Opens the store that a backend holds; an empty backend is a new store. The watches of `previous`, which held an earlier
 * state of the same history and is not to be used any more, go on here.
 */
export async function openMvcc(backend: Backend, options: MvccOptions, previous?: Mvcc): Promise<Mvcc> {
  const leases = new Leases(backend, options.minLeaseTtlSeconds);
  const keyspace = new Keyspace(backend);
  await leases.restore();
  const found = await restoreKeyspace(backend, keyspace, leases);
  let compacted = readRevision(backend, scheduledCompaction);
  let swept = readRevision(backend, finishedCompaction);
  let revision = Math.max(found, compacted, 1);

  const watched = {
    keyspace,
    get revision() {
      return revision;
    },
    get compacted() {
      return compacted;
    },
  };
  const watches = previous?.watches instanceof Watches ? previous.watches : new Watches(watched);
  if (previous) watches.moveTo(watched);

  /** Runs a transaction; what it changed becomes the next revision, and the watchers hear of it. */
  const write = <T>(change: (transaction: WriteTransaction) => T): T => {
    const transaction = new WriteTransaction(keyspace, leases, revision, compacted);
    const answer = change(transaction);
    if (transaction.changes.length > 0) {
      revision = transaction.revision;
      watches.notify(revision, transaction.changes);
    }
    return answer;
  };
  const sweep = (limit: number): boolean => {
    const done = keyspace.sweep(compacted, limit);
    if (done && swept < compacted) {
      swept = compacted;
      backend.put("meta", finishedCompaction, revisionBytes(compacted, 0));
    }
    return done;
  };

  return {
    get revision() {
      return revision;
    },
    get compactRevision() {
      return compacted;
    },
    get keyCount() {
      return keyspace.size;
    },
    range: (query) => range({ keyspace, now: revision, compacted }, query),
    put: (request) => write((transaction) => transaction.put(request)),
    deleteRange: (request) => write((transaction) => transaction.deleteRange(request)),
    txn: (request) => write((transaction) => transaction.txn(request)),
    compact(at) {
      if (at <= compacted) return { refused: "compacted" };
      if (at > revision) return { refused: "future-revision" };
      compacted = at;
      backend.put("meta", scheduledCompaction, revisionBytes(at, 0));
      return { revision };
    },
    sweep,
    async hash(asked, records = pagesOf(backend)) {
      const refusal = checkRevision({ now: revision, compacted }, asked);
      if (refusal !== undefined) return refusal;
      const hashRevision = asked > 0 ? asked : revision;
      const answer = { revision, hashRevision, compactRevision: compacted };
      const hash = await hashRecords(records, {
        revision: hashRevision,
        compacted,
        find: (key, at) => keyspace.find(key, at),
        populated: keyspace.populated(hashRevision),
      });
      // What was visible at the revision could no longer be told.
      return compacted > hashRevision ? { refused: "compacted" } : { ...answer, hash };
    },
    leases: leaseVerbs(leases, write, () => revision),
    watches,
  };
}

function leaseVerbs(
  leases: Leases,
  write: <T>(change: (transaction: WriteTransaction) => T) => T,
  revision: () => number,
): LeaseVerbs {
  return {
    has: (id) => leases.has(id),
    ids: () => leases.ids(),
    grant: (id, ttlSeconds, nowMs) => leases.grant(id, ttlSeconds, nowMs),
    revoke(id) {
      const keys = leases.revoke(id);
      if ("refused" in keys) return keys;
      write((transaction) => {
        for (const key of keys) transaction.delete(key);
      });
      return { revision: revision() };
    },
    renew: (id, nowMs) => leases.renew(id, nowMs),
    info(id, nowMs) {
      const info = leases.info(id, nowMs);
      return "refused" in info ? info : { ...info, keys: info.keys.map(bytesOf) };
    },
    promote: (nowMs, extendMs) => leases.promote(nowMs, extendMs),
    demote: () => leases.demote(),
    expired: (nowMs, limit) => leases.expired(nowMs, limit),
    nextExpiryMs: () => leases.nextExpiryMs(),
    checkpointsDue: (nowMs, limit) => leases.checkpointsDue(nowMs, limit),
    checkpoint: (id, remainingTtlSeconds) => leases.checkpoint(id, remainingTtlSeconds),
  };
}

/** Rebuilds the index from all records; returns the newest revision found. A page is read while the one before is taken in. */
async function restoreKeyspace(backend: Backend, keyspace: Keyspace, leases: Leases): Promise<number> {
  let newest = 0;
  let reading = backend.scan("key", new Uint8Array(0), restorePage);
  for (;;) {
    const page = await reading;
    const last = page.at(-1);
    const more = page.length === restorePage && last !== undefined;
    if (more) reading = backend.scan("key", Buffer.concat([last.key, Buffer.alloc(1)]), restorePage);
    for (const entry of page) {
      const { main, sub, tombstone } = parseRevision(entry.key);
      const head = decodeRecordHead(entry.value);
      keyspace.restore(main, sub, tombstone, head);
      leases.attach(head.key, tombstone || !leases.has(head.lease) ? 0n : head.lease);
      newest = main;
    }
    if (!more) return newest;
  }
}

const restorePage = 2000;

async function* pagesOf(backend: Backend): AsyncGenerator<readonly Entry[]> {
  const pageSize = 1000;
  let from: Uint8Array = revisionBytes(0, 0);
  for (;;) {
    const page = await backend.scan("key", from, pageSize);
    yield page;
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return;
    from = Buffer.concat([last.key, Buffer.alloc(1)]);
  }
}

function readRevision(backend: Backend, name: Uint8Array): number {
  const bytes = backend.get("meta", name);
  return bytes === undefined ? 0 : parseRevision(bytes).main;
}
