// KV.Range and KV.RangeStream.
import type { Init, RangeRequest, RangeResponse, RangeStreamResponse, StreamCall } from "@coxswain/etcd-api";
import type { RangeAnswer } from "@coxswain/mvcc";
import { refusalName } from "../../core/outcome.ts";
import { permitRead } from "./access.ts";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw etcdError("emptyKey");
  if (request.sortOrder === "UNRECOGNIZED" || request.sortTarget === "UNRECOGNIZED")
    throw etcdError("invalidSortOption");
}

export async function serveRange(served: Served, request: RangeRequest): Promise<Init<RangeResponse>> {
  checkRange(request);
  if (!request.serializable) await served.linearize();
  permitRead(served, request.key, request.rangeEnd);
  const answer = served.mvcc().range(request);
  if ("refused" in answer) throw etcdError(refusalName(answer.refused));
  return rangeResponse(served, answer);
}

export function rangeResponse(served: Served, answer: RangeAnswer): Init<RangeResponse> {
  return { header: served.header(answer.revision), kvs: answer.kvs, more: answer.more, count: answer.count };
}

const chunkKeys = 1000;

/** The same answer in parts; the header, count and `more` come with the last. */
export async function serveRangeStream(
  served: Served,
  request: RangeRequest,
  call: StreamCall<RangeStreamResponse>,
): Promise<void> {
  const { kvs = [], ...rest } = await serveRange(served, request);
  for (let at = 0; at + chunkKeys < kvs.length; at += chunkKeys) {
    if (!call.send({ rangeResponse: { kvs: kvs.slice(at, at + chunkKeys) } })) await call.drained();
    if (call.signal.aborted) return;
  }
  const last = Math.max(0, Math.ceil(kvs.length / chunkKeys) - 1) * chunkKeys;
  call.send({ rangeResponse: { ...rest, kvs: kvs.slice(last) } });
}
