// People who wait for one thing, in the order in which their keys were made: what locks and elections are made of. A key lives on a
// lease, so whoever dies leaves the line. After etcd's client/v3/concurrency/{mutex,election,key}.go.
import { decode, encode, rangeRequest, txnRequest } from "@coxswain/etcd-api";
import type { Init, KeyValue, RangeRequest, RangeResponse, TxnRequest, TxnResponse } from "@coxswain/etcd-api";
import { etcdError } from "./errors.ts";
import { serveLeaseGrant } from "./lease.ts";
import type { Served } from "./ports.ts";
import { serveRange } from "./range.ts";
import { serveTxn } from "./txn.ts";

/** For who comes without a lease. */
const sessionTtlSeconds = 60;

export interface Place {
  readonly key: Buffer;
  /** The revision the key was made at: the place in the line. */
  readonly revision: number;
  readonly lease: bigint;
  /** Whether the key was there before. */
  readonly known: boolean;
}

/** All keys of a line begin with its name and a slash. */
export function lineOf(name: Buffer): { readonly key: Buffer; readonly rangeEnd: Buffer } {
  const key = Buffer.concat([name, Buffer.from("/")]);
  const rangeEnd = Buffer.from(key);
  // The byte behind the slash.
  rangeEnd[rangeEnd.length - 1] = 0x30;
  return { key, rangeEnd };
}

/** Gets in line, or finds one's place again: one key for each lease. */
export async function enterLine(served: Served, name: Buffer, lease: bigint, value: Buffer): Promise<Place> {
  const id = lease === 0n ? ((await serveLeaseGrant(served, { id: 0n, ttl: sessionTtlSeconds })).id ?? 0n) : lease;
  const key = Buffer.concat([lineOf(name).key, Buffer.from(id.toString(16))]);
  const answer = await transact(served, {
    compare: [{ key, target: "CREATE", result: "EQUAL", createRevision: 0 }],
    success: [{ requestPut: { key, value, lease: id } }],
    failure: [{ requestRange: { key } }],
  });
  if (answer.succeeded === true) return { key, revision: answer.header?.revision ?? 0, lease: id, known: false };
  const found = answer.responses?.[0]?.responseRange?.kvs?.[0];
  return { key, revision: found?.createRevision ?? 0, lease: id, known: true };
}

/** Resolves when nobody is in front; rejects when the caller gives up, and then leaves the line. */
export async function waitForTurn(served: Served, name: Buffer, place: Place, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      const { kvs, header } = await read(served, {
        ...lineOf(name),
        sortTarget: "CREATE",
        sortOrder: "DESCEND",
        limit: 1,
        maxCreateRevision: place.revision - 1,
      });
      const before = kvs?.[0];
      if (!before || place.revision <= 1) break;
      await waitForEnd(served, before.key ?? "", (header?.revision ?? 0) + 1, signal);
    }
  } catch (error) {
    await leaveLine(served, place.key, place.revision);
    throw error;
  }
  // One's own lease may have run out while waiting.
  const { kvs } = await read(served, { key: place.key });
  if (kvs?.[0]?.createRevision !== place.revision) throw etcdError("sessionExpired");
}

/** Deletes the key, if it is still the one of that revision. */
export async function leaveLine(served: Served, key: Buffer, revision: number): Promise<void> {
  await transact(served, {
    compare: [{ key, target: "CREATE", result: "EQUAL", createRevision: revision }],
    success: [{ requestDeleteRange: { key } }],
  });
}

/** Who is first in line. */
export async function firstInLine(
  served: Served,
  name: Buffer,
): Promise<{ readonly kv: Init<KeyValue> | undefined; readonly revision: number }> {
  const { kvs, header } = await read(served, { ...lineOf(name), sortTarget: "CREATE", sortOrder: "ASCEND", limit: 1 });
  return { kv: kvs?.[0], revision: header?.revision ?? 0 };
}

/** Calls `seen` for each change in a range from a revision on, until the result is called. */
export function onChanges(
  served: Served,
  range: { readonly key: Buffer; readonly rangeEnd: Buffer },
  startRevision: number,
  seen: { readonly changed: (type: "PUT" | "DELETE") => void; readonly failed: (error: unknown) => void },
): () => void {
  const watch = served.mvcc().watches.watch(
    { ...range, startRevision, prevKv: false, filters: [] },
    {
      send: ({ events }) => {
        for (const { type } of events) seen.changed(type);
        return true;
      },
      compacted: () => seen.failed(etcdError("compacted")),
    },
  );
  if (!watch.synced) served.pumpWatches();
  return () => watch.cancel();
}

async function waitForEnd(
  served: Served,
  key: Uint8Array | string,
  startRevision: number,
  signal: AbortSignal,
): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const giveUp = (): void => gone.reject(signal.reason as Error);
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });
  const stop = onChanges(served, { key: Buffer.from(key), rangeEnd: Buffer.alloc(0) }, startRevision, {
    changed: (type) => {
      if (type === "DELETE") gone.resolve();
    },
    failed: gone.reject,
  });
  try {
    await gone.promise;
  } finally {
    stop();
    signal.removeEventListener("abort", giveUp);
  }
}

export async function transact(served: Served, request: Init<TxnRequest>): Promise<Init<TxnResponse>> {
  return serveTxn(served, decode(txnRequest, encode(txnRequest, request)));
}

export async function read(served: Served, request: Init<RangeRequest>): Promise<Init<RangeResponse>> {
  return serveRange(served, decode(rangeRequest, encode(rangeRequest, request)));
}
