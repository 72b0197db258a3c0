// KV.Compact. A physical compaction is answered when the space is really given back to the backend.
import type { CompactionRequest, CompactionResponse, Init } from "@coxswain/etcd-api";
import type { Served } from "./ports.ts";

export async function serveCompact(served: Served, request: CompactionRequest): Promise<Init<CompactionResponse>> {
  const { revision } = await served.propose<"compact">({ kind: "compact", request });
  if (request.physical) await served.swept();
  return { header: served.header(revision) };
}
