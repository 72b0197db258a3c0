// KV.DeleteRange.
import type { DeleteRangeRequest, DeleteRangeResponse, Init } from "@coxswain/etcd-api";
import type { DeleteRangeAnswer } from "@coxswain/mvcc";
import { etcdError } from "./errors.ts";
import type { Served } from "./ports.ts";

export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw etcdError("emptyKey");
}

export async function serveDeleteRange(
  served: Served,
  request: DeleteRangeRequest,
): Promise<Init<DeleteRangeResponse>> {
  checkDeleteRange(request);
  return deleteRangeResponse(served, await served.propose<"deleteRange">({ kind: "deleteRange", request }));
}

export function deleteRangeResponse(served: Served, answer: DeleteRangeAnswer): Init<DeleteRangeResponse> {
  return { header: served.header(answer.revision), deleted: answer.deleted, prevKvs: answer.prevKvs };
}
