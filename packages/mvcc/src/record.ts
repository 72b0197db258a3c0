// A change as it is kept: etcd's own bytes (mvccpb.KeyValue in protobuf), so that hashes and snapshots agree with etcd's,
// and so that a record can be sent as it is. A deletion's record holds only the key.
import type { Key } from "./key.ts";

export interface KeyValue {
  readonly key: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  /** 0n: no lease. */
  readonly lease: bigint;
}

const noBytes = new Uint8Array(0);

export function encodeRecord(kv: KeyValue): Buffer {
  const bytes = Buffer.allocUnsafe(kv.key.length + kv.value.length + 64);
  let at = bytesField(bytes, 0, 0x0a, kv.key);
  at = numberField(bytes, at, 0x10, kv.createRevision);
  at = numberField(bytes, at, 0x18, kv.modRevision);
  at = numberField(bytes, at, 0x20, kv.version);
  at = bytesField(bytes, at, 0x2a, kv.value);
  if (kv.lease !== 0n) {
    bytes[at++] = 0x30;
    at = bigVarint(bytes, at, BigInt.asUintN(64, kv.lease));
  }
  return bytes.subarray(0, at);
}

export function decodeRecord(bytes: Uint8Array): KeyValue {
  let key: Uint8Array = noBytes;
  let value: Uint8Array = noBytes;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease = 0n;
  let at = 0;
  const varint = (): number => {
    let result = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("a record ends in the middle of a number");
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
    }
  };
  while (at < bytes.length) {
    switch (bytes[at++]) {
      case 0x0a: {
        const length = varint();
        key = bytes.subarray(at, (at += length));
        break;
      }
      case 0x10:
        createRevision = varint();
        break;
      case 0x18:
        modRevision = varint();
        break;
      case 0x20:
        version = varint();
        break;
      case 0x2a: {
        const length = varint();
        value = bytes.subarray(at, (at += length));
        break;
      }
      case 0x30: {
        let bits = 0n;
        for (let shift = 0n; ; shift += 7n) {
          const byte = bytes[at++];
          if (byte === undefined) throw new Error("a record ends in the middle of its lease");
          bits |= BigInt(byte & 0x7f) << shift;
          if (byte < 0x80) break;
        }
        lease = BigInt.asIntN(64, bits);
        break;
      }
      default:
        throw new Error(`a record holds an unknown field (tag ${bytes[at - 1]})`);
    }
  }
  return { key, createRevision, modRevision, version, value, lease };
}

/** What the index needs of a record. */
export interface RecordHead {
  readonly key: Key;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** As `decodeRecord`, without making anything of the value: a start reads a million of these. */
export function decodeRecordHead(bytes: Uint8Array): RecordHead {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let key = "";
  let createRevision = 0;
  let version = 0;
  let at = 0;
  const varint = (): number => {
    let result = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = buffer[at++];
      if (byte === undefined) throw new Error("a record ends in the middle of a number");
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
    }
  };
  while (at < buffer.length) {
    switch (buffer[at++]) {
      case 0x0a: {
        const length = varint();
        key = buffer.toString("latin1", at, (at += length));
        break;
      }
      case 0x10:
        createRevision = varint();
        break;
      case 0x18:
        varint();
        break;
      case 0x20:
        version = varint();
        break;
      case 0x2a: {
        const length = varint();
        at += length;
        break;
      }
      default:
        // A lease, or something that does not belong here.
        return { key, createRevision, version, lease: decodeRecord(bytes).lease };
    }
  }
  return { key, createRevision, version, lease: 0n };
}

function bytesField(bytes: Buffer, at: number, tag: number, value: Uint8Array): number {
  if (value.length === 0) return at;
  bytes[at++] = tag;
  at = varint(bytes, at, value.length);
  bytes.set(value, at);
  return at + value.length;
}

function numberField(bytes: Buffer, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at++] = tag;
  return varint(bytes, at, value);
}

function varint(bytes: Buffer, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = (value % 128) | 0x80;
    value = Math.floor(value / 128);
  }
  bytes[at++] = value;
  return at;
}

function bigVarint(bytes: Buffer, at: number, value: bigint): number {
  while (value > 0x7fn) {
    bytes[at++] = Number(value & 0x7fn) | 0x80;
    value >>= 7n;
  }
  bytes[at++] = Number(value);
  return at;
}
