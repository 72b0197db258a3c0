// KV.Range and KV.RangeStream.
import type { Init, RangeRequest, RangeResponse, RangeStreamResponse, StreamCall } from "@coxswain/etcd-api";
import type { RangeAnswer, RangeQuery } from "@coxswain/mvcc";
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
  return rangeResponse(served, rangeOf(served, request));
}

export function rangeResponse(served: Served, answer: RangeAnswer): Init<RangeResponse> {
  return { header: served.header(answer.revision), kvs: answer.kvs, more: answer.more, count: answer.count };
}

/** With the largest value behind it a part stays below the 4 MiB that gRPC's clients take by default. */
const partBytes = 1024 * 1024;

/** What can be read key after key; for the rest etcd sends its callers to Range. */
function checkStream(request: RangeRequest): void {
  checkRange(request);
  const { sortOrder, sortTarget, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (sortOrder !== "NONE" && !(sortOrder === "ASCEND" && sortTarget === "KEY")) throw etcdError("streamOrder");
  if (minModRevision !== 0 || maxModRevision !== 0 || minCreateRevision !== 0 || maxCreateRevision !== 0)
    throw etcdError("streamFilter");
}

/**
 * The same answer in parts, all of one revision; header, count and `more` come with the last. Each part is read when the one before it
 * has left, so that a large range neither fills the memory nor holds up others. A compaction may overtake it: then it ends with an error.
 */
export async function serveRangeStream(
  served: Served,
  request: RangeRequest,
  call: StreamCall<RangeStreamResponse>,
): Promise<void> {
  checkStream(request);
  if (!request.serializable) await served.linearize();
  permitRead(served, request.key, request.rangeEnd);
  const limit = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const query = { ...request, sortOrder: "NONE", sortTarget: "KEY" } as const;
  const first = rangeOf(served, { ...query, partBytes });
  const revision = request.revision > 0 ? request.revision : first.revision;
  let part = first;
  let sent = part.kvs.length;
  while (part.more && sent < limit) {
    const { kvs } = part;
    if (!call.send({ rangeResponse: { kvs } })) await call.drained();
    if (call.signal.aborted) return;
    part = rangeOf(served, { ...query, revision, key: behind(kvs), limit: limit - sent, partBytes });
    sent += part.kvs.length;
  }
  const { kvs, more } = part;
  const count = request.countOnly
    ? part.count
    : sent + (more ? rangeOf(served, { ...query, revision, key: behind(kvs), limit: 0, countOnly: true }).count : 0);
  call.send({ rangeResponse: rangeResponse(served, { revision: first.revision, kvs, more, count }) });
}

function rangeOf(served: Served, query: RangeQuery): RangeAnswer {
  const answer = served.mvcc().range(query);
  if ("refused" in answer) throw etcdError(refusalName(answer.refused));
  return answer;
}

/** The first key that comes after these. */
function behind(kvs: RangeAnswer["kvs"]): Buffer {
  return Buffer.concat([kvs.at(-1)?.key ?? Buffer.alloc(0), Buffer.alloc(1)]);
}
