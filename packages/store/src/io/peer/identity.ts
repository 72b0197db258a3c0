// Ids of members and clusters, derived as etcd derives them: every member of an initial cluster computes the same without asking.
import { createHash } from "node:crypto";

/** From its peer URLs and the cluster's token; for members that are added later, also from the time of the request. */
export function memberId(peerUrls: readonly string[], token: string, atMs: number | undefined): bigint {
  const text = [...peerUrls].sort().join("") + token + (atMs === undefined ? "" : String(Math.floor(atMs / 1000)));
  return firstEightBytes(Buffer.from(text));
}

export function clusterId(memberIds: readonly bigint[]): bigint {
  const bytes = Buffer.alloc(memberIds.length * 8);
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [position, id] of sorted.entries()) bytes.writeBigUInt64BE(id, position * 8);
  return firstEightBytes(bytes);
}

function firstEightBytes(bytes: Buffer): bigint {
  return createHash("sha1").update(bytes).digest().readBigUInt64BE(0);
}
