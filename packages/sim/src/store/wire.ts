// A request of a recording as a call of the store's services, and the answer as the recording keeps it. Also says what an error means:
// whether the request certainly did nothing, or nobody knows. Knows etcd's messages; decides nothing.
import type {
  Compare,
  KeyRange,
  KeyValue,
  Outcome,
  RangeRequest,
  Request,
  Response,
  TxnOperation,
  TxnOperationResponse,
} from "@coxswain/drill";
import type { LocalClient } from "@coxswain/store/testing";

type Txn = Parameters<LocalClient["kv"]["txn"]>[0];
type TxnAnswer = Awaited<ReturnType<LocalClient["kv"]["txn"]>>;
type WireCompare = NonNullable<Txn["compare"]>[number];
type WireOperation = NonNullable<Txn["success"]>[number];
type WireKeyValue = Awaited<ReturnType<LocalClient["kv"]["range"]>>["kvs"][number];
type Headed = { readonly header: { readonly revision: number } | undefined };

export async function perform(client: LocalClient, request: Request): Promise<Response> {
  switch (request.kind) {
    case "put": {
      const answer = await client.kv.put({ ...putOf(request), prevKv: true });
      return { kind: "put", revision: revisionOf(answer), ...previousOf(answer.prevKv) };
    }
    case "delete": {
      const answer = await client.kv.deleteRange({ ...rangeOf(request), prevKv: true });
      return {
        kind: "delete",
        revision: revisionOf(answer),
        deleted: answer.deleted,
        previous: answer.prevKvs.map(keyValueOf),
      };
    }
    case "range": {
      const answer = await client.kv.range(wireRange(request));
      return { kind: "range", revision: revisionOf(answer), kvs: answer.kvs.map(keyValueOf), count: answer.count };
    }
    case "txn": {
      const answer = await client.kv.txn({
        compare: request.compares.map(compareOf),
        success: request.success.map(operationOf),
        failure: request.failure.map(operationOf),
      });
      return {
        kind: "txn",
        revision: revisionOf(answer),
        succeeded: answer.succeeded,
        responses: answer.responses.map(answerOf),
      };
    }
    case "compact":
      return { kind: "compact", revision: revisionOf(await client.kv.compact({ revision: request.revision })) };
    case "grant": {
      const answer = await client.lease.leaseGrant({ id: BigInt(request.lease), ttl: request.ttlSeconds });
      return { kind: "grant", revision: revisionOf(answer), ttlSeconds: answer.ttl };
    }
    case "revoke":
      return { kind: "revoke", revision: revisionOf(await client.lease.leaseRevoke({ id: BigInt(request.lease) })) };
    case "keepAlive": {
      const { revision, ttl } = await client.keepAlive(BigInt(request.lease));
      return { kind: "keepAlive", revision, ttlSeconds: Math.max(0, ttl) };
    }
  }
}

/** Answers that mean that nothing was proposed, or that what was proposed is known to be refused or lost. Texts are etcd's. */
const harmless = [
  "no leader",
  "too many requests",
  "required revision",
  "requested lease not found",
  "lease already exists",
  "database space exceeded",
  "not leader",
  "unhealthy cluster",
  "the server is closed",
];

export function outcomeOfError(error: unknown): Outcome {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: harmless.some((text) => reason.includes(text)) ? "failed" : "unknown", reason };
}

export function keyValueOf(kv: WireKeyValue): KeyValue {
  return {
    key: kv.key.toString("latin1"),
    value: kv.value.toString("latin1"),
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
    version: kv.version,
    ...(kv.lease === 0n ? {} : { lease: kv.lease.toString() }),
  };
}

function revisionOf(answer: Headed): number {
  return answer.header?.revision ?? 0;
}

function previousOf(kv: WireKeyValue | undefined): { previous?: KeyValue } {
  return kv ? { previous: keyValueOf(kv) } : {};
}

function rangeOf({ key, rangeEnd }: KeyRange): { key: string; rangeEnd?: string } {
  return rangeEnd === undefined ? { key } : { key, rangeEnd };
}

function wireRange(request: RangeRequest): Parameters<LocalClient["kv"]["range"]>[0] {
  const { revision, limit, serializable, countOnly } = request;
  return { ...rangeOf(request), revision, limit, serializable, countOnly };
}

function putOf({ key, value, lease }: Extract<Request, { kind: "put" }>): NonNullable<WireOperation["requestPut"]> {
  return lease === undefined ? { key, value } : { key, value, lease: BigInt(lease) };
}

function operationOf(operation: TxnOperation): WireOperation {
  switch (operation.kind) {
    case "put":
      return { requestPut: { ...putOf(operation), prevKv: true } };
    case "delete":
      return { requestDeleteRange: { ...rangeOf(operation), prevKv: true } };
    case "range":
      return { requestRange: wireRange(operation) };
  }
}

function answerOf(answer: TxnAnswer["responses"][number]): TxnOperationResponse {
  if (answer.responsePut) return { kind: "put", ...previousOf(answer.responsePut.prevKv) };
  if (answer.responseDeleteRange) {
    const { deleted, prevKvs } = answer.responseDeleteRange;
    return { kind: "delete", deleted, previous: prevKvs.map(keyValueOf) };
  }
  const { kvs = [], count = 0 } = answer.responseRange ?? {};
  return { kind: "range", kvs: kvs.map(keyValueOf), count };
}

const results = { "=": "EQUAL", "!=": "NOT_EQUAL", ">": "GREATER", "<": "LESS" } as const;

function compareOf(compare: Compare): WireCompare {
  const base = { ...rangeOf(compare), result: results[compare.result] };
  switch (compare.target) {
    case "value":
      return { ...base, target: "VALUE", value: compare.operand };
    case "version":
      return { ...base, target: "VERSION", version: compare.operand };
    case "create":
      return { ...base, target: "CREATE", createRevision: compare.operand };
    case "mod":
      return { ...base, target: "MOD", modRevision: compare.operand };
    case "lease":
      return { ...base, target: "LEASE", lease: BigInt(compare.operand) };
  }
}
