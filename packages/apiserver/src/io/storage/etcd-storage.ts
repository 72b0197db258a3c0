// The Storage port over etcd's API, ours or the real one. It knows keys and bytes, no kinds; it retries nothing.
import { CompactedError, GrpcError, statusCodes } from "@coxswain/etcd-api";
import type { EtcdClient, Init, KeyValue, RangeRequest, RangeResponse, RequestOp } from "@coxswain/etcd-api";
import type {
  HistoryEvent,
  Page,
  PageRequest,
  ReplaceOutcome,
  Storage,
  StorageBatch,
  StorageEvent,
  StoredValue,
} from "../../core/storage.ts";
import { StorageError } from "../../core/storage.ts";
import { createLeasePool } from "./lease-pool.ts";
import { createRecheck } from "./recheck.ts";
import type { Clock } from "@coxswain/clock";

/** Answers are read in pages of this many keys, so that one list does not hold the store. */
const pageKeys = 2000;

/** Wraps the client; closing it stays with its owner. */
export function createEtcdStorage(client: EtcdClient, ports: { readonly clock: Clock }): Storage {
  const leases = createLeasePool(client, ports.clock);
  const recheck = createRecheck((requests) => reach(askTogether(client, requests)), storedValue);

  const get: Storage["get"] = async (key) => {
    const response = await reach(client.kv.range({ key: bytesOf(key), limit: 1 }));
    const found = response.kvs[0];
    return { value: found && storedValue(found), revision: response.header?.revision ?? 0 };
  };

  /** "If the key is still at this revision (0: absent), do this; otherwise read it." */
  const conditionally = async (
    key: string,
    expectedRevision: number,
    op: Partial<RequestOp>,
  ): Promise<ReplaceOutcome> => {
    const response = await reach(
      client.kv.txn({
        compare: [{ key: bytesOf(key), target: "MOD", result: "EQUAL", modRevision: expectedRevision }],
        success: [op as RequestOp],
        failure: [{ requestRange: { key: bytesOf(key), limit: 1 } }],
      }),
    );
    if (response.succeeded) return { kind: "written", revision: response.header?.revision ?? 0 };
    const current = response.responses[0]?.responseRange?.kvs[0];
    return { kind: "changed", current: current && storedValue(current) };
  };
  const put = async (key: string, value: Buffer, ttlSeconds: number | undefined): Promise<Partial<RequestOp>> => {
    const lease = ttlSeconds === undefined ? 0n : await reach(leases.leaseFor(ttlSeconds));
    return { requestPut: { key: bytesOf(key), value, lease, prevKv: false, ignoreValue: false, ignoreLease: false } };
  };

  /** Asked once it is needed; a store that does not answer is asked again. */
  let safe: Promise<boolean> | undefined;
  const progressIsSafe = (): Promise<boolean> => {
    safe ??= reach(client.maintenance.status({})).then(({ version }) => isSafeProgressVersion(version));
    safe.catch(() => (safe = undefined));
    return safe;
  };

  return {
    get,
    recheck,
    async create(key, value, ttlSeconds) {
      const outcome = await conditionally(key, 0, await put(key, value, ttlSeconds));
      return outcome.kind === "written" ? outcome : { kind: "exists" };
    },
    replace: async (key, value, expectedRevision, ttlSeconds) =>
      conditionally(key, expectedRevision, await put(key, value, ttlSeconds)),
    remove: (key, expectedRevision) =>
      conditionally(key, expectedRevision, {
        requestDeleteRange: { key: bytesOf(key), rangeEnd: Buffer.alloc(0), prevKv: false },
      }),
    page: (request) => readPages(client, request),
    async revision() {
      const response = await reach(client.kv.range({ key: bytesOf("/registry/health"), limit: 1, countOnly: true }));
      return response.header?.revision ?? 0;
    },
    watch: (from, to, afterRevision, signal) => watch(client, from, to, afterRevision, signal),
    history: async (from, to, afterRevision, untilRevision, limit) =>
      (await progressIsSafe()) ? history(client, from, to, afterRevision, untilRevision, limit) : undefined,
    async requestProgress() {
      if (!(await progressIsSafe())) return false;
      client.requestProgress();
      return true;
    },
    async compact(revision) {
      await reach(client.kv.compact({ revision, physical: false }));
    },
  };
}

/** Versions in which a requested progress notification never overtakes events (etcd issue 15220), as Kubernetes checks them. */
export function isSafeProgressVersion(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 31;
  if (minor === 5) return patch >= 13;
  return minor > 5;
}

/** Several ranges in one transaction, which sees one state; one alone goes as it is. */
async function askTogether(
  client: EtcdClient,
  requests: readonly Init<RangeRequest>[],
): Promise<readonly RangeResponse[]> {
  const [first] = requests;
  if (requests.length === 1 && first) return [await client.kv.range(first)];
  const { responses } = await client.kv.txn({ success: requests.map((requestRange) => ({ requestRange })) });
  return responses.flatMap(({ responseRange }) => (responseRange ? [responseRange] : []));
}

async function readPages(client: EtcdClient, request: PageRequest): Promise<Page> {
  const values: StoredValue[] = [];
  let { from, revision } = request;
  let count: number | undefined;
  for (;;) {
    const wanted = request.limit === 0 ? pageKeys : Math.min(pageKeys, request.limit - values.length);
    const response = await reach(
      client.kv.range({ key: bytesOf(from), rangeEnd: bytesOf(request.to), limit: wanted, revision: revision ?? 0 }),
    );
    revision ??= response.header?.revision ?? 0;
    count ??= response.count;
    const read = response.kvs.map(storedValue);
    request.onValues?.(read);
    for (const value of read) values.push(value);
    const last = values.at(-1);
    if (!response.more || last === undefined || (request.limit > 0 && values.length >= request.limit))
      return { values, revision, count };
    from = `${last.key}\0`;
  }
}

async function* watch(
  client: EtcdClient,
  from: string,
  to: string,
  afterRevision: number,
  signal: AbortSignal,
): AsyncGenerator<StorageBatch> {
  try {
    const batches = client.watch({
      key: from,
      rangeEnd: to,
      startRevision: afterRevision + 1,
      progressNotify: true,
      signal,
    });
    for await (const batch of batches) {
      // The revision that a server reports on creation is not a promise about events before it.
      if (batch.created && batch.events.length === 0) continue;
      yield {
        revision: batch.revision,
        events: batch.events.flatMap((event) => (event.kv ? [storageEvent(event.type, event.kv)] : [])),
      };
    }
  } catch (error) {
    throw signal.aborted ? error : translate(error);
  }
}

async function history(
  client: EtcdClient,
  from: string,
  to: string,
  afterRevision: number,
  untilRevision: number,
  limit: number,
): Promise<readonly HistoryEvent[] | undefined> {
  const events: HistoryEvent[] = [];
  const aborter = new AbortController();
  try {
    for await (const batch of client.watch({
      key: from,
      rangeEnd: to,
      startRevision: afterRevision + 1,
      prevKv: true,
      signal: aborter.signal,
    })) {
      if (batch.created && batch.events.length === 0) {
        // The store answers when it has sent what lies behind.
        client.requestProgress();
        continue;
      }
      for (const { type, kv, prevKv } of batch.events) {
        if (kv && kv.modRevision <= untilRevision)
          events.push({ ...storageEvent(type, kv), before: prevKv && storedValue(prevKv) });
      }
      if (events.length > limit) return undefined;
      if (batch.revision >= untilRevision) return events;
      client.requestProgress();
    }
    return events;
  } catch (error) {
    throw translate(error);
  } finally {
    aborter.abort(new DOMException("enough", "AbortError"));
  }
}

function storageEvent(type: string, kv: KeyValue): StorageEvent {
  return {
    type: type === "DELETE" ? "delete" : "put",
    key: textOf(kv.key),
    value: bufferOf(kv.value),
    revision: kv.modRevision,
    created: kv.createRevision === kv.modRevision,
  };
}

function storedValue(kv: KeyValue): StoredValue {
  return { key: textOf(kv.key), value: bufferOf(kv.value), revision: kv.modRevision };
}

async function reach<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  if (error instanceof CompactedError) return new StorageError("compacted", error.message, { cause: error });
  if (!(error instanceof GrpcError)) return error;
  const { message } = error;
  if (message.includes("has been compacted")) return new StorageError("compacted", message, { cause: error });
  if (message.includes("is a future revision")) return new StorageError("future-revision", message, { cause: error });
  if (message.includes("request is too large")) return new StorageError("too-large", message, { cause: error });
  if (message.includes("database space exceeded")) return new StorageError("no-space", message, { cause: error });
  const unavailable =
    error.code === statusCodes.unavailable ||
    error.code === statusCodes.deadlineExceeded ||
    error.code === statusCodes.cancelled;
  return new StorageError(unavailable ? "unavailable" : "internal", message, { cause: error });
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString();
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
