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

/** Eight tables of 256: what a byte does to the checksum when so many bytes follow it. Eight bytes are taken at a time. */
const tables = Array.from({ length: 8 }, () => new Uint32Array(256)) as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  tables[0][byte] = crc;
}
for (let byte = 0; byte < 256; byte++) {
  let crc = tables[0][byte] as number;
  for (const table of tables.slice(1)) {
    crc = (tables[0][crc & 0xff] as number) ^ (crc >>> 8);
    table[byte] = crc;
  }
}

/** Goes on with a CRC-32C (Castagnoli). */
export function crc32c(crc: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  let rest = ~crc;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low =
      rest ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    rest =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) rest = (t0[(rest ^ (bytes[at] as number)) & 0xff] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}
