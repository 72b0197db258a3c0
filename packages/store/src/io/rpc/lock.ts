// The Lock service: waiting lines whose first has the lock (waiting-line.ts). A lock ends with its key, by unlock or with the lease.
import type { Call, Init, LockRequest, LockResponse, UnlockRequest, UnlockResponse } from "@coxswain/etcd-api";
import { decode, deleteRangeRequest, encode } from "@coxswain/etcd-api";
import { serveDeleteRange } from "./delete-range.ts";
import type { Served } from "./ports.ts";
import { enterLine, waitForTurn } from "./waiting-line.ts";

export async function serveLock(served: Served, request: LockRequest, call: Call): Promise<Init<LockResponse>> {
  const place = await enterLine(served, request.name, request.lease, Buffer.alloc(0));
  await waitForTurn(served, request.name, place, call.signal);
  return { header: served.header(), key: place.key };
}

export async function serveUnlock(served: Served, { key }: UnlockRequest): Promise<Init<UnlockResponse>> {
  const { header } = await serveDeleteRange(served, decode(deleteRangeRequest, encode(deleteRangeRequest, { key })));
  return { header };
}
