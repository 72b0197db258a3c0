// Maintenance.Snapshot: the state of one moment as etcd's database file, in pieces, and its SHA-256 as the last piece. Writing goes on.
import { createHash } from "node:crypto";
import type { SnapshotResponse, StreamCall } from "@coxswain/etcd-api";
import type { Served } from "./ports.ts";

/** etcd's own piece is 32 KiB; larger ones save a message each. */
const pieceBytes = 64 * 1024;

export async function serveSnapshot(served: Served, call: StreamCall<SnapshotResponse>): Promise<void> {
  const { file, close } = await served.etcdFile();
  try {
    const hash = createHash("sha256");
    const header = served.header();
    let sent = 0;
    const send = async (blob: Buffer): Promise<void> => {
      sent += blob.length;
      hash.update(blob);
      if (!call.send({ header, remainingBytes: file.sizeBytes - sent, blob, version: served.version }))
        await call.drained();
    };
    let waiting: Buffer[] = [];
    let waitingBytes = 0;
    for await (const page of file.pages()) {
      if (call.signal.aborted) return;
      waiting.push(page);
      waitingBytes += page.length;
      if (waitingBytes < pieceBytes) continue;
      await send(waiting.length === 1 ? page : Buffer.concat(waiting));
      waiting = [];
      waitingBytes = 0;
    }
    if (waitingBytes > 0) await send(Buffer.concat(waiting));
    call.send({ header, remainingBytes: 0, blob: hash.digest(), version: served.version });
  } finally {
    await close();
  }
}
