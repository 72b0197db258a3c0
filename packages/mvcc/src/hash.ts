// The hash of the keyspace as of a revision, the same number etcd's HashKV gives for the same history: CRC-32C over the
// bucket's name and every record from its key and value, as far as the revision.
import type { Backend } from "./backend.ts";
import { parseRevision, revisionBytes } from "./revision.ts";

const pageSize = 1000;

export async function hashRecords(backend: Backend, revision: number): Promise<number> {
  let crc = extend(0, Buffer.from("key"));
  let from: Uint8Array = revisionBytes(0, 0);
  for (;;) {
    const page = await backend.scan("key", from, pageSize);
    for (const { key, value } of page) {
      if (parseRevision(key).main > revision) return crc;
      crc = extend(extend(crc, key), value);
    }
    const last = page.at(-1);
    if (page.length < pageSize || last === undefined) return crc;
    from = Buffer.concat([last.key, Buffer.alloc(1)]);
  }
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  return crc >>> 0;
});

/** Goes on with a CRC-32C (Castagnoli). */
function extend(crc: number, bytes: Uint8Array): number {
  let rest = ~crc;
  for (const byte of bytes) rest = (table[(rest ^ byte) & 0xff] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}
