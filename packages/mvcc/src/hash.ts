// The hash of the keyspace as of a revision, the same number etcd's HashKV gives for the same history: CRC-32C over the
// bucket's name and every record from its key and value, as far as the revision. Of what lies at or below the compaction
// only what is visible at the hashed revision counts, so that members agree however far they have swept. After etcd's
// server/storage/mvcc/hash.go and index.Keep.
import type { Entry } from "./backend.ts";
import { keyOf } from "./key.ts";
import type { Key } from "./key.ts";
import { decodeRecord } from "./record.ts";
import { parseRevision } from "./revision.ts";

export interface HashView {
  readonly revision: number;
  readonly compacted: number;
  /** The put that is visible at `at`. */
  find(key: Key, at: number): { readonly main: number; readonly sub: number } | undefined;
  /** Whether any key is there at the hashed revision. */
  readonly populated: boolean;
}

/** `pages` are the records in the order of their revisions. */
export async function hashRecords(pages: AsyncIterable<readonly Entry[]>, view: HashView): Promise<number> {
  let crc = crc32c(0, Buffer.from("key"));
  // As etcd: where nothing is left to be kept, everything that compaction has left counts.
  const at = view.populated ? view.revision : view.compacted;
  for await (const page of pages) {
    for (const { key, value } of page) {
      const { main, sub } = parseRevision(key);
      if (main > view.revision) return crc;
      if (main <= view.compacted) {
        const visible = view.find(keyOf(decodeRecord(value).key), at);
        if (visible?.main !== main || visible.sub !== sub) continue;
      }
      crc = crc32c(crc32c(crc, key), value);
    }
  }
  return crc;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  return crc >>> 0;
});

/** Goes on with a CRC-32C (Castagnoli). */
export function crc32c(crc: number, bytes: Uint8Array): number {
  let rest = ~crc;
  for (const byte of bytes) rest = (table[(rest ^ byte) & 0xff] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}
