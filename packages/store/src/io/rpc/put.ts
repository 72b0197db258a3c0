// KV.Put.
import type { Init, PutRequest, PutResponse } from "@coxswain/etcd-api";
import type { PutAnswer } from "@coxswain/mvcc";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw etcdError("emptyKey");
  if (request.ignoreValue && request.value.length > 0) throw etcdError("valueProvided");
  if (request.ignoreLease && request.lease !== 0n) throw etcdError("leaseProvided");
}

export async function servePut(served: Served, request: PutRequest): Promise<Init<PutResponse>> {
  checkPut(request);
  served.admit(request.key.length + request.value.length);
  return putResponse(served, await served.propose<"put">({ kind: "put", request }));
}

export function putResponse(served: Served, answer: PutAnswer): Init<PutResponse> {
  return { header: served.header(answer.revision), prevKv: answer.prevKv };
}
