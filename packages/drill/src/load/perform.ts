// Performs one request of a recording on a store and says what is known of its fate. The judgement "certainly had no effect" is
// made here and nowhere else.
import { GrpcError, TransportError, statusCodes } from "@coxswain/etcd-api";
import type { EtcdClient } from "@coxswain/etcd-api";
import type { Outcome, Request, Response } from "../history.ts";
import { keyRange, keyValueOf, putMessage, rangeMessage, txnMessage, txnParts } from "./etcd-requests.ts";

export async function perform(client: EtcdClient, request: Request, timeoutMs: number): Promise<Outcome> {
  try {
    return { kind: "ok", response: await answer(client, request, timeoutMs) };
  } catch (error) {
    return fateAfter(error);
  }
}

/** What is known of a request that ended with this error. A mistake of our own is thrown on. */
export function fateAfter(error: unknown): Outcome {
  if (!(error instanceof GrpcError)) throw error;
  return { kind: withoutEffect(error) ? "failed" : "unknown", reason: `${error.code} ${error.details}` };
}

/** Refusals that the store makes before it proposes anything, or as the whole effect of what was proposed. */
const refusals: ReadonlySet<number> = new Set([
  statusCodes.invalidArgument,
  statusCodes.notFound,
  statusCodes.failedPrecondition,
  statusCodes.outOfRange,
  statusCodes.resourceExhausted,
]);

function withoutEffect(error: GrpcError): boolean {
  return error instanceof TransportError ? !error.sent : refusals.has(error.code);
}

async function answer(client: EtcdClient, request: Request, timeoutMs: number): Promise<Response> {
  const options = { timeoutMs };
  switch (request.kind) {
    case "put": {
      const { header } = await client.kv.put(putMessage(request), options);
      return { kind: "put", revision: revisionOf(header) };
    }
    case "delete": {
      const { header, deleted } = await client.kv.deleteRange(keyRange(request), options);
      return { kind: "delete", revision: revisionOf(header), deleted };
    }
    case "range": {
      const { header, kvs, count } = await client.kv.range(rangeMessage(request), options);
      return { kind: "range", revision: revisionOf(header), kvs: kvs.map(keyValueOf), count };
    }
    case "txn": {
      const response = await client.kv.txn(txnMessage(request), options);
      const { header, succeeded } = response;
      return { kind: "txn", revision: revisionOf(header), succeeded, responses: txnParts(response) };
    }
    case "compact": {
      const { header } = await client.kv.compact({ revision: request.revision }, options);
      return { kind: "compact", revision: revisionOf(header) };
    }
    case "grant": {
      const { header, ttl } = await client.lease.leaseGrant(
        { id: BigInt(request.lease), ttl: request.ttlSeconds },
        options,
      );
      return { kind: "grant", revision: revisionOf(header), ttlSeconds: ttl };
    }
    case "revoke": {
      const { header } = await client.lease.leaseRevoke({ id: BigInt(request.lease) }, options);
      return { kind: "revoke", revision: revisionOf(header) };
    }
    case "keepAlive":
      return await renew(client, request.lease, timeoutMs);
  }
}

/** One renewal, on a stream of its own: when it was asked for is part of what is judged. */
async function renew(client: EtcdClient, lease: string, timeoutMs: number): Promise<Response> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    for await (const { header, ttl } of client.keepAlive(BigInt(lease), { signal }))
      return { kind: "keepAlive", revision: revisionOf(header), ttlSeconds: ttl };
  } catch (error) {
    if (error instanceof GrpcError && error.code === statusCodes.notFound)
      return { kind: "keepAlive", revision: 0, ttlSeconds: 0 };
    if (signal.aborted) throw new GrpcError(statusCodes.deadlineExceeded, "no renewal in time", { cause: error });
    throw error;
  }
  throw new GrpcError(statusCodes.unavailable, "the stream of renewals ended");
}

function revisionOf(header: { readonly revision: number } | undefined): number {
  if (header === undefined) throw new GrpcError(statusCodes.internal, "a response without a header");
  return header.revision;
}
