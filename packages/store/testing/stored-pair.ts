// What a pair in the backend's database says, for whoever watches what members write. Knows the layout of io/backend and of mvcc's tables.
import { decodeRecord, parseRevision } from "@coxswain/mvcc";

export type StoredPair =
  | {
      readonly table: "key";
      readonly main: number;
      readonly sub: number;
      readonly tombstone: boolean;
      readonly key: string;
      readonly value: string;
      readonly createRevision: number;
      readonly modRevision: number;
      readonly version: number;
      readonly lease: bigint;
    }
  | { readonly table: "applied"; readonly index: number; readonly term: number }
  | { readonly table: "other" };

export function readStoredPair(key: Buffer, value: Buffer): StoredPair {
  const table = String.fromCharCode(key[0] ?? 0);
  if (table === "k") {
    const { main, sub, tombstone } = parseRevision(key.subarray(1));
    const kv = decodeRecord(value);
    return {
      table: "key",
      main,
      sub,
      tombstone,
      key: Buffer.from(kv.key).toString("latin1"),
      value: Buffer.from(kv.value).toString("latin1"),
      createRevision: kv.createRevision,
      modRevision: kv.modRevision,
      version: kv.version,
      lease: kv.lease,
    };
  }
  if (table === "s" && key.subarray(1).toString("latin1") === "applied")
    return { table: "applied", index: value.readUIntLE(0, 6), term: value.readUIntLE(6, 6) };
  return { table: "other" };
}
