// Reads segments back and decides what a damaged place means. A crash can only damage the batch that was being written, and the next
// batch is only written after the one before is synced. So:
//
//   … good good good ✗ ········  nothing of a later batch behind it  → torn tail: the unfinished batch is dropped, it was never acknowledged
//   … good good ✗ …… later batch → what was synced is damaged: refuse, name file and offset
import { StoreError } from "../../errors.ts";
import { continuedBytes, decodeRecord, headerBytes, readFrame } from "./record.ts";
import type { WalRecord } from "./record.ts";

export interface SegmentContent {
  /** Of whole batches only. */
  readonly records: readonly WalRecord[];
  /** Where the next batch goes. */
  readonly endOffset: number;
  /** Where the last whole batch begins. */
  readonly lastBatchOffset: number;
  readonly lastBatch: number;
  readonly lastCrc: number;
  /** Something stood behind the end and was not zero. */
  readonly torn: boolean;
}

/** `previous` is undefined for the oldest kept segment, whose predecessor is gone. */
export function readSegment(
  bytes: Buffer,
  file: string,
  previous: { readonly batch: number; readonly crc: number } | undefined,
  isLast: boolean,
): SegmentContent {
  const records: WalRecord[] = [];
  let open: WalRecord[] = [];
  let offset = 0;
  let end = { offset: 0, batch: previous?.batch ?? 0, crc: previous?.crc ?? 0, begin: 0 };
  let chain: number | undefined = previous?.crc;
  let batch = previous?.batch;
  let continued = false;
  for (let frame = readFrame(bytes, offset); frame; frame = readFrame(bytes, offset)) {
    if (chain !== undefined && frame.previous !== chain) break;
    if (batch !== undefined && frame.batch !== (open.length > 0 ? batch : batch + 1)) break;
    const record = decodeRecord(frame);
    if (record.type === "continued" && open.length === 0) {
      end = { ...end, offset: offset + frame.sizeBytes };
      continued = true;
      break;
    }
    open.push(record);
    offset += frame.sizeBytes;
    chain = frame.crc;
    batch = frame.batch;
    if (!frame.endsBatch) continue;
    for (const record of open) records.push(record);
    open = [];
    end = { offset, batch: frame.batch, crc: frame.crc, begin: end.offset };
  }
  if (continued && isLast)
    throw new StoreError("wal-damaged", `the write-ahead log is damaged: the segment after ${file} is missing`);
  // Where the next segment exists, what says so here may have been cut by a crash: it is not needed then.
  const torn = !isZero(bytes, isLast || continued ? end.offset : Math.min(bytes.length, end.offset + continuedBytes));
  if (torn) {
    // The first batch of a segment is written and synced before the segment gets its name.
    const later = end.offset === 0 ? 0 : findLaterBatch(bytes, end.offset, end.batch + 2);
    if (!isLast || later !== undefined || !isUnfinished(bytes, offset)) throw damaged(file, offset);
  }
  if (records.length === 0) throw damaged(file, 0);
  return {
    records,
    endOffset: end.offset,
    lastBatchOffset: end.begin,
    lastBatch: end.batch,
    lastCrc: end.crc,
    torn,
  };
}

function damaged(file: string, offset: number): StoreError {
  return new StoreError(
    "wal-damaged",
    `the write-ahead log is damaged: ${file} at offset ${offset}; what was synced there cannot be read, so the member does not start. ` +
      `Restore its data directory from a snapshot, or remove the member and add it again with an empty one`,
  );
}

/** The offset of a whole record of at least that batch. */
function findLaterBatch(bytes: Buffer, from: number, batch: number): number | undefined {
  for (let offset = from; offset + 8 <= bytes.length; offset += 8) {
    if (bytes.readUInt32LE(offset) === 0 && bytes.readUInt32LE(offset + 4) === 0) continue;
    const frame = readFrame(bytes, offset);
    if (frame && frame.batch >= batch) return offset;
  }
  return undefined;
}

const sectorBytes = 512;

/** Whether parts of the record at `offset`, or of what follows it in its batch, were never written. */
function isUnfinished(bytes: Buffer, offset: number): boolean {
  let end = bytes.length;
  while (end > offset && bytes[end - 1] === 0) end--;
  for (let from = offset; from < end;) {
    const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    if (isZero(bytes.subarray(0, to), from)) return true;
    from = to;
  }
  if (end <= offset + headerBytes) return true;
  const length = bytes.readUInt32LE(offset);
  const written = end >= offset + headerBytes + length;
  return !written && !hasFlippedLength(bytes, offset, length);
}

/** Whether the record would be whole with one bit of its length the other way round: then nothing of it is missing. */
function hasFlippedLength(bytes: Buffer, offset: number, length: number): boolean {
  const trial = Buffer.from(bytes.subarray(offset));
  for (let bit = 0; bit < 32; bit++) {
    trial.writeUInt32LE((length ^ (1 << bit)) >>> 0, 0);
    if (readFrame(trial, 0)) return true;
  }
  return false;
}

function isZero(bytes: Buffer, from: number): boolean {
  for (let offset = from; offset < bytes.length; offset++) if (bytes[offset] !== 0) return false;
  return true;
}
