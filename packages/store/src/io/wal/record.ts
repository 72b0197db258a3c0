// One record of the write-ahead log, to bytes and back. Little endian, padded to 8 bytes:
//
//   | length u32 | batch u32 | previous u32 | crc u32 | type u8 | flags u8 | payload … | padding |
//                                             crc32 over everything else but itself
//
// - `previous` is the crc of the record before, across segments: a record that is missing, repeated or misplaced breaks the chain.
// - Each record also stands for itself, so that a reader behind a damaged place can tell what it sees there (see reader.ts).
// - `batch` counts syncs; the last record of a batch carries a flag. A batch counts whole or not at all.
import { crc32 } from "node:zlib";
import type { Entry, HardState, Membership } from "raft-ts";

export const headerBytes = 18;
const endOfBatch = 1;
/** | version u32 | cluster u64 | member u64 | size of the file u48 | */
const segmentPayloadBytes = 26;
const types = ["segment", "hard-state", "entry", "marker", "continued"] as const;
const kinds = ["normal", "membership"] as const;
export const formatVersion = 2;

/** Whose log it is. */
export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** Everything up to and with `index` is durable in the backend. */
export interface Marker {
  readonly index: number;
  readonly term: number;
  readonly membership: Membership;
}

export type WalRecord =
  | { readonly type: "segment"; readonly version: number; readonly identity: Identity; readonly sizeBytes: number }
  | { readonly type: "hard-state"; readonly hardState: HardState }
  | { readonly type: "entry"; readonly entry: Entry }
  | { readonly type: "marker"; readonly marker: Marker }
  /** The last of a segment that is not the last: the next one must be there. Outside the chain, which goes on in the next segment. */
  | { readonly type: "continued" };

/** Of a `continued` record: so much is kept free at the end of every segment. */
export const continuedBytes = 24;

export interface Framed {
  readonly type: number;
  readonly payload: Buffer;
  readonly batch: number;
  readonly previous: number;
  readonly crc: number;
  readonly endsBatch: boolean;
  /** With padding. */
  readonly sizeBytes: number;
}

/** All records of one batch in one buffer; `crc` goes into the next one. */
export function encodeBatch(
  records: readonly WalRecord[],
  batch: number,
  previous: number,
): { bytes: Buffer; crc: number } {
  const size = records.reduce((sum, record) => sum + paddedBytes(payloadBytes(record)), 0);
  const bytes = Buffer.alloc(size);
  let offset = 0;
  let crc = previous;
  for (const [position, record] of records.entries()) {
    const length = payloadBytes(record);
    bytes.writeUInt32LE(length, offset);
    bytes.writeUInt32LE(batch, offset + 4);
    bytes.writeUInt32LE(crc, offset + 8);
    bytes[offset + 16] = types.indexOf(record.type) + 1;
    bytes[offset + 17] = position === records.length - 1 ? endOfBatch : 0;
    writePayload(record, bytes, offset + headerBytes);
    crc = checksum(bytes, offset, length);
    bytes.writeUInt32LE(crc, offset + 12);
    offset += paddedBytes(length);
  }
  return { bytes, crc };
}

/** The record at `offset`, if one stands there whole and undamaged. */
export function readFrame(bytes: Buffer, offset: number): Framed | undefined {
  if (offset + headerBytes > bytes.length) return undefined;
  const length = bytes.readUInt32LE(offset);
  const type = bytes[offset + 16] ?? 0;
  if (type < 1 || type > types.length || offset + paddedBytes(length) > bytes.length) return undefined;
  const crc = bytes.readUInt32LE(offset + 12);
  if (checksum(bytes, offset, length) !== crc) return undefined;
  return {
    type,
    payload: bytes.subarray(offset + headerBytes, offset + headerBytes + length),
    batch: bytes.readUInt32LE(offset + 4),
    previous: bytes.readUInt32LE(offset + 8),
    crc,
    endsBatch: bytes[offset + 17] === endOfBatch,
    sizeBytes: paddedBytes(length),
  };
}

export function decodeRecord(frame: Framed): WalRecord {
  const { payload } = frame;
  const type = types[frame.type - 1];
  switch (type) {
    case "segment":
      return {
        type,
        version: payload.readUInt32LE(0),
        identity: { clusterId: payload.readBigUInt64LE(4), memberId: payload.readBigUInt64LE(12) },
        // Version 1 did not say how large its file is.
        sizeBytes: payload.length >= segmentPayloadBytes ? payload.readUIntLE(20, 6) : 0,
      };
    case "hard-state": {
      const vote = payload.readBigUInt64LE(6);
      return {
        type,
        hardState: {
          term: payload.readUIntLE(0, 6),
          vote: vote === 0n ? undefined : vote,
          commit: payload.readUIntLE(14, 6),
        },
      };
    }
    case "entry": {
      const kind = kinds[payload[12] ?? 0] ?? "normal";
      const entry = {
        term: payload.readUIntLE(0, 6),
        index: payload.readUIntLE(6, 6),
        kind,
        data: payload.subarray(13),
      };
      return { type, entry };
    }
    case "marker": {
      const membership = decodeMembership(payload.subarray(12));
      return { type, marker: { index: payload.readUIntLE(0, 6), term: payload.readUIntLE(6, 6), membership } };
    }
    case "continued":
      return { type };
    default:
      throw new RangeError(`expected a record type of 1 to ${types.length}, found ${frame.type}`);
  }
}

function paddedBytes(length: number): number {
  return (headerBytes + length + 7) & ~7;
}

function checksum(bytes: Buffer, offset: number, length: number): number {
  const head = crc32(bytes.subarray(offset, offset + 12));
  return crc32(bytes.subarray(offset + 16, offset + headerBytes + length), head);
}

function payloadBytes(record: WalRecord): number {
  switch (record.type) {
    case "segment":
      return segmentPayloadBytes;
    case "hard-state":
      return 20;
    case "continued":
      return 0;
    case "entry":
      return 13 + record.entry.data.length;
    case "marker":
      return 12 + encodeMembership(record.marker.membership).length;
  }
}

function writePayload(record: WalRecord, bytes: Buffer, at: number): void {
  switch (record.type) {
    case "segment":
      bytes.writeUInt32LE(record.version, at);
      bytes.writeBigUInt64LE(record.identity.clusterId, at + 4);
      bytes.writeBigUInt64LE(record.identity.memberId, at + 12);
      bytes.writeUIntLE(record.sizeBytes, at + 20, 6);
      return;
    case "hard-state":
      bytes.writeUIntLE(record.hardState.term, at, 6);
      bytes.writeBigUInt64LE(record.hardState.vote ?? 0n, at + 6);
      bytes.writeUIntLE(record.hardState.commit, at + 14, 6);
      return;
    case "continued":
      return;
    case "entry":
      bytes.writeUIntLE(record.entry.term, at, 6);
      bytes.writeUIntLE(record.entry.index, at + 6, 6);
      bytes[at + 12] = kinds.indexOf(record.entry.kind);
      bytes.set(record.entry.data, at + 13);
      return;
    case "marker":
      bytes.writeUIntLE(record.marker.index, at, 6);
      bytes.writeUIntLE(record.marker.term, at + 6, 6);
      bytes.set(encodeMembership(record.marker.membership), at + 12);
      return;
  }
}

/** Four lists of ids, each with its length before it, then one byte for `autoLeave`. */
export function encodeMembership(membership: Membership): Buffer {
  const lists = [membership.voters, membership.outgoing, membership.learners, membership.learnersNext];
  const bytes = Buffer.alloc(lists.reduce((sum, list) => sum + 2 + list.length * 8, 0) + 1);
  let offset = 0;
  for (const list of lists) {
    offset = bytes.writeUInt16LE(list.length, offset);
    for (const id of list) offset = bytes.writeBigUInt64LE(id, offset);
  }
  bytes[offset] = membership.autoLeave ? 1 : 0;
  return bytes;
}

export function decodeMembership(bytes: Buffer): Membership {
  let offset = 0;
  const list = (): bigint[] => {
    const count = bytes.readUInt16LE(offset);
    const start = offset + 2;
    offset = start + count * 8;
    return Array.from({ length: count }, (_, position) => bytes.readBigUInt64LE(start + position * 8));
  };
  const [voters, outgoing, learners, learnersNext] = [list(), list(), list(), list()];
  return { voters, outgoing, learners, learnersNext, autoLeave: bytes[offset] === 1 };
}
