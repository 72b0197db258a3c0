// The write-ahead log: the store's durability point. Everything that is acknowledged, voted or promised is in here, synced, before a
// word about it leaves the member. One batch, one write, one sync; the caller gathers what came meanwhile into the next batch.
//
//   0000000000000001-0000000000000001.wal   <sequence>-<index of the first entry it may hold>.wal, zero-filled ahead
//
// It does not know what entries mean, and it never goes back: truncation is a later entry with an earlier index.
import { join } from "node:path";
import type { Entry, HardState } from "raft-ts";
import { StoreError } from "../../errors.ts";
import type { Disk, DiskFile } from "../disk/disk.ts";
import { readSegment } from "./reader.ts";
import { continuedBytes, encodeBatch, formatVersion } from "./record.ts";
import type { Identity, Marker, WalRecord } from "./record.ts";

export interface Wal {
  /** Resolves when all of it is on disk. One call at a time. A rejection is fatal: what is on disk is then unknown. */
  save(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void>;
  /** Notes, durably, that the backend holds everything up to the marker. */
  mark(marker: Marker): Promise<void>;
  /** Removes segments that hold only entries up to and with `index`. */
  release(index: number): Promise<void>;
  close(): Promise<void>;
}

export interface Recovered {
  readonly identity: Identity;
  readonly hardState: HardState;
  readonly marker: Marker;
  /** After the marker's index, in order, without gaps. */
  readonly entries: readonly Entry[];
  /** An unfinished batch was dropped. */
  readonly repaired: { readonly file: string; readonly offset: number } | undefined;
}

interface Segment {
  readonly sequence: number;
  readonly firstIndex: number;
  readonly name: string;
}

export const defaultSegmentBytes: number = 16 * 1024 * 1024;

/** Makes a log with nothing in it but its owner's name and where it begins. */
export async function createWal(
  directory: string,
  identity: Identity,
  start: Marker,
  disk: Disk,
  segmentBytes: number = defaultSegmentBytes,
): Promise<Wal> {
  await disk.makeDirectory(directory);
  const hardState: HardState = { term: start.term, vote: undefined, commit: start.index };
  const writer = new Writer(directory, identity, disk, segmentBytes, {
    hardState,
    marker: start,
    lastIndex: start.index,
  });
  await writer.cut([]);
  return writer;
}

/** True when there is a log to open. */
export async function walExists(directory: string, disk: Disk): Promise<boolean> {
  return (await listSegments(directory, disk)).length > 0;
}

export async function openWal(
  directory: string,
  disk: Disk,
  segmentBytes: number = defaultSegmentBytes,
): Promise<{ wal: Wal; recovered: Recovered }> {
  const { recovered, segments, previous, end } = await read(directory, disk);
  const { identity, hardState, marker, entries } = recovered;
  const lastIndex = entries.at(-1)?.index ?? marker.index;
  const writer = new Writer(directory, identity, disk, segmentBytes, { hardState, marker, lastIndex });
  await writer.resume(segments, previous, end);
  return { wal: writer, recovered };
}

/** What a log holds, without changing anything: for looking at a member that does not run. */
export async function readWal(directory: string, disk: Disk): Promise<Recovered> {
  return (await read(directory, disk)).recovered;
}

async function read(directory: string, disk: Disk) {
  const segments = await listSegments(directory, disk);
  let previous: { batch: number; crc: number } | undefined;
  let identity: Identity | undefined;
  let hardState: HardState | undefined;
  let marker: Marker | undefined;
  let entries: Entry[] = [];
  let end = { offset: 0, sizeBytes: 0, torn: false, lastBatchOffset: 0, lastBatch: Buffer.alloc(0) as Buffer };
  for (const [position, segment] of segments.entries()) {
    const file = join(directory, segment.name);
    if (position > 0 && segment.sequence !== (segments[position - 1]?.sequence ?? 0) + 1) {
      throw new StoreError("wal-damaged", `the write-ahead log is damaged: a segment before ${file} is missing`);
    }
    const bytes = await disk.read(file);
    const content = readSegment(bytes, file, previous, position === segments.length - 1);
    for (const record of content.records) {
      switch (record.type) {
        case "segment":
          if (record.version !== formatVersion) {
            throw new StoreError(
              "wal-version",
              `${file} has format version ${record.version}; this program reads version ${formatVersion}`,
            );
          }
          // A file gets its whole size before it gets its name: only somebody else can have cut it.
          if (bytes.length !== record.sizeBytes) throw damagedSegment(file, bytes.length, record.sizeBytes);
          identity = record.identity;
          break;
        case "hard-state":
          hardState = record.hardState;
          break;
        case "marker":
          marker = record.marker;
          if (!continues(entries, marker)) entries = [];
          break;
        case "entry":
          entries = appendEntry(entries, record.entry, file);
          break;
        case "continued":
          break;
      }
    }
    previous = { batch: content.lastBatch, crc: content.lastCrc };
    const { endOffset, lastBatchOffset, torn } = content;
    const lastBatch = bytes.subarray(lastBatchOffset, endOffset);
    end = { offset: endOffset, sizeBytes: bytes.length, torn, lastBatchOffset, lastBatch };
  }
  const last = segments.at(-1);
  if (!last || !identity || !hardState || !marker || !previous)
    throw new StoreError("wal-damaged", `no write-ahead log in ${directory}`);
  const kept = keepAfter(entries, marker, directory);
  const repaired = end.torn ? { file: join(directory, last.name), offset: end.offset } : undefined;
  const recovered: Recovered = { identity, hardState, marker, entries: kept, repaired };
  return { recovered, segments, previous, end };
}

/** A later entry with an earlier index replaces what stood from there on. */
function appendEntry(entries: Entry[], entry: Entry, file: string): Entry[] {
  const first = entries[0];
  if (!first || entry.index <= first.index) return [entry];
  const position = entry.index - first.index;
  if (position > entries.length)
    throw new StoreError(
      "wal-damaged",
      `the write-ahead log is damaged: ${file} has entry ${entry.index} after ${first.index + entries.length - 1}`,
    );
  entries.length = position;
  entries.push(entry);
  return entries;
}

/** False after a received snapshot: the entries before it belong to another history or end too early. */
function continues(entries: readonly Entry[], marker: Marker): boolean {
  const first = entries[0];
  // At or before the first entry: the head of a segment repeats what was marked long ago.
  if (!first || marker.index < first.index) return true;
  return entries[marker.index - first.index]?.term === marker.term;
}

function keepAfter(entries: readonly Entry[], marker: Marker, directory: string): readonly Entry[] {
  const kept = entries.filter((entry) => entry.index > marker.index);
  const first = kept[0];
  if (first && first.index !== marker.index + 1) {
    throw new StoreError(
      "wal-damaged",
      `the write-ahead log in ${directory} is damaged: it begins at entry ${first.index}, the backend ends at ${marker.index}`,
    );
  }
  return kept;
}

async function listSegments(directory: string, disk: Disk): Promise<Segment[]> {
  const names = await disk.list(directory);
  return names.flatMap((name) => {
    const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(name);
    return match
      ? [{ name, sequence: Number.parseInt(match[1] ?? "", 16), firstIndex: Number.parseInt(match[2] ?? "", 16) }]
      : [];
  });
}

function segmentName(sequence: number, firstIndex: number): string {
  return `${sequence.toString(16).padStart(16, "0")}-${firstIndex.toString(16).padStart(16, "0")}.wal`;
}

class Writer implements Wal {
  private readonly directory: string;
  private readonly identity: Identity;
  private readonly disk: Disk;
  private readonly segmentBytes: number;
  private segments: Segment[] = [];
  private file: DiskFile | undefined;
  private offset = 0;
  private sizeBytes = 0;
  private batch = 0;
  private crc = 0;
  /** Repeated at the head of every segment, so that older ones can go. */
  private head: { hardState: HardState; marker: Marker; lastIndex: number };

  constructor(
    directory: string,
    identity: Identity,
    disk: Disk,
    segmentBytes: number,
    head: { hardState: HardState; marker: Marker; lastIndex: number },
  ) {
    this.directory = directory;
    this.identity = identity;
    this.disk = disk;
    this.segmentBytes = segmentBytes;
    this.head = head;
  }

  async save(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void> {
    const records: WalRecord[] = hardState ? [{ type: "hard-state", hardState }] : [];
    for (const entry of entries) records.push({ type: "entry", entry });
    if (records.length === 0) return;
    if (hardState) this.head.hardState = hardState;
    await this.append(records);
    this.head.lastIndex = entries.at(-1)?.index ?? this.head.lastIndex;
  }

  async mark(marker: Marker): Promise<void> {
    this.head.marker = marker;
    this.head.lastIndex = Math.max(this.head.lastIndex, marker.index);
    await this.append([{ type: "marker", marker }]);
  }

  async release(index: number): Promise<void> {
    // At a cut everything behind the end of the log comes later: what precedes such a segment is of no further use.
    const keep = this.segments.findLastIndex((segment) => segment.firstIndex <= index + 1);
    const removable = this.segments.slice(0, Math.max(0, keep));
    for (const segment of removable) await this.disk.remove(join(this.directory, segment.name));
    if (removable.length === 0) return;
    await this.disk.syncDirectory(this.directory);
    this.segments = this.segments.slice(removable.length);
  }

  async close(): Promise<void> {
    const file = this.file;
    this.file = undefined;
    await file?.close();
  }

  /**
   * Goes on writing where a reader found the end; what stood behind it is overwritten with zeros first. What was read need not be on the
   * disk: a process that was killed between write and sync leaves its last batch in the page cache alone, and after a sync that failed it
   * stays there and no later sync writes it. So it is written again and synced, before anybody is promised anything that it says.
   */
  async resume(
    segments: Segment[],
    previous: { batch: number; crc: number },
    end: { offset: number; sizeBytes: number; torn: boolean; lastBatchOffset: number; lastBatch: Buffer },
  ): Promise<void> {
    const last = segments.at(-1);
    if (!last) return;
    for (const name of await this.disk.list(this.directory)) {
      if (name.endsWith(".tmp")) await this.disk.remove(join(this.directory, name));
    }
    this.segments = segments;
    this.batch = previous.batch;
    this.crc = previous.crc;
    this.offset = end.offset;
    this.sizeBytes = end.sizeBytes;
    this.file = await this.disk.open(join(this.directory, last.name));
    await this.file.write(end.lastBatch, end.lastBatchOffset);
    if (end.torn) await writeZeros(this.file, end.offset, end.sizeBytes);
    await this.file.sync();
    await this.disk.syncDirectory(this.directory);
  }

  /** Begins a new segment with `records` behind its head. It gets its name only when all of that is on disk. */
  async cut(records: readonly WalRecord[]): Promise<void> {
    const sequence = (this.segments.at(-1)?.sequence ?? 0) + 1;
    const firstIndex = Math.min(this.head.lastIndex + 1, firstEntryIndex(records) ?? Number.POSITIVE_INFINITY);
    const name = segmentName(sequence, firstIndex);
    const { hardState, marker } = this.head;
    const head = (sizeBytes: number): WalRecord[] => [
      { type: "segment", version: formatVersion, identity: this.identity, sizeBytes },
      { type: "hard-state", hardState },
      { type: "marker", marker },
      ...records,
    ];
    const neededBytes = encodeBatch(head(0), this.batch + 1, this.crc).bytes.length;
    const sizeBytes = Math.max(this.segmentBytes, neededBytes + continuedBytes);
    const { bytes, crc } = encodeBatch(head(sizeBytes), this.batch + 1, this.crc);
    const temporary = join(this.directory, `${name}.tmp`);
    const file = await this.disk.open(temporary);
    await file.write(bytes, 0);
    await writeZeros(file, bytes.length, sizeBytes);
    await file.sync();
    await this.disk.rename(temporary, join(this.directory, name));
    await this.disk.syncDirectory(this.directory);
    await this.endSegment();
    this.file = file;
    this.segments = [...this.segments, { sequence, firstIndex, name }];
    this.offset = bytes.length;
    this.sizeBytes = sizeBytes;
    this.batch++;
    this.crc = crc;
  }

  /** Says in the segment so far that it is not the last one, now that the next is on disk. */
  private async endSegment(): Promise<void> {
    if (!this.file) return;
    const { bytes } = encodeBatch([{ type: "continued" }], this.batch + 1, this.crc);
    await this.file.write(bytes, this.offset);
    await this.file.sync();
    await this.file.close();
  }

  private async append(records: readonly WalRecord[]): Promise<void> {
    if (!this.file) throw new StoreError("stopped", "the write-ahead log is closed");
    const { bytes, crc } = encodeBatch(records, this.batch + 1, this.crc);
    if (this.offset + bytes.length + continuedBytes > this.sizeBytes) return this.cut(records);
    await this.file.write(bytes, this.offset);
    await this.file.sync();
    this.offset += bytes.length;
    this.batch++;
    this.crc = crc;
  }
}

function damagedSegment(file: string, found: number, expected: number): StoreError {
  return new StoreError(
    "wal-damaged",
    `the write-ahead log is damaged: ${file} has ${found} bytes, expected ${expected}; the member does not start. ` +
      "Remove it and add it again with an empty data directory, or restore a snapshot",
  );
}

function firstEntryIndex(records: readonly WalRecord[]): number | undefined {
  for (const record of records) if (record.type === "entry") return record.entry.index;
  return undefined;
}

async function writeZeros(file: DiskFile, from: number, to: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(1024 * 1024, Math.max(0, to - from)));
  for (let offset = from; offset < to; offset += zeros.length) {
    await file.write(offset + zeros.length > to ? zeros.subarray(0, to - offset) : zeros, offset);
  }
}
