// Raft's messages to bytes and back, for the wire between members. Little endian, fixed fields first; entries last.
import type { Entry, Message, ProposedEntry, Snapshot } from "raft-ts";
import { decodeMembership, encodeMembership } from "../wal/record.ts";

/** An append that goes unanswered has a type of its own here. */
const types = [
  "propose",
  "append",
  "append-response",
  "vote",
  "pre-vote",
  "vote-response",
  "pre-vote-response",
  "snapshot",
  "heartbeat",
  "heartbeat-response",
  "timeout-now",
  "transfer-leader",
  "read-index",
  "read-index-response",
  "unanswered-append",
] as const satisfies readonly (Message["type"] | "unanswered-append")[];

/** | type u8 | from u64 | to u64 | term u48 | … | */
const headBytes = 23;
const numberBytes = 6;
/** | length u32 | term u48 | index u48 | kind u8 | data | */
const entryHeadBytes = 17;

/** In one piece, with so many bytes free in front. */
export function encodeMessage(message: Message, reservedBytes = 0): Buffer {
  const rest = restOf(message);
  const entries = "entries" in message ? message.entries : [];
  let size = reservedBytes + headBytes + rest.numbers.length * numberBytes + (rest.bytes?.length ?? 0);
  for (const entry of entries) size += entryHeadBytes + entry.data.length;
  const bytes = Buffer.allocUnsafe(size);
  const unanswered = message.type === "append" && message.unanswered === true;
  bytes[reservedBytes] = types.indexOf(unanswered ? "unanswered-append" : message.type);
  bytes.writeBigUInt64LE(message.from, reservedBytes + 1);
  bytes.writeBigUInt64LE(message.to, reservedBytes + 9);
  bytes.writeUIntLE(message.term, reservedBytes + 17, numberBytes);
  let at = reservedBytes + headBytes;
  for (const number of rest.numbers) at = bytes.writeUIntLE(number, at, numberBytes);
  if (rest.bytes) bytes.set(rest.bytes, at);
  for (const entry of entries) at = writeEntry(entry, bytes, at);
  return bytes;
}

/** What follows the head: numbers, then bytes (or the message's entries). */
function restOf(message: Message): { readonly numbers: readonly number[]; readonly bytes?: Uint8Array } {
  switch (message.type) {
    case "propose":
    case "timeout-now":
      return { numbers: [] };
    case "append":
      return { numbers: [message.prevIndex, message.prevTerm, message.commit] };
    case "append-response":
      return { numbers: [message.index, message.hintIndex, message.hintTerm, message.reject ? 1 : 0] };
    case "vote":
    case "pre-vote": {
      const { lastIndex, lastTerm, transfer, known } = message;
      return { numbers: [lastIndex, lastTerm, transfer ? 1 : 0, known.index, known.term] };
    }
    case "vote-response":
    case "pre-vote-response":
      return { numbers: [message.reject ? 1 : 0, message.known.index, message.known.term] };
    case "snapshot":
      return { numbers: [], bytes: encodeSnapshot(message.snapshot) };
    case "heartbeat":
      return { numbers: [message.commit], bytes: Buffer.from(message.context) };
    case "heartbeat-response":
    case "read-index":
      return { numbers: [], bytes: Buffer.from(message.context) };
    case "transfer-leader": {
      const id = Buffer.alloc(8);
      id.writeBigUInt64LE(message.transferee);
      return { numbers: [], bytes: id };
    }
    case "read-index-response":
      return { numbers: [message.index], bytes: Buffer.from(message.context) };
  }
}

/** Throws RangeError for what no member sends. */
export function decodeMessage(bytes: Buffer): Message {
  const type = types[bytes.readUInt8(0)];
  const envelope = { from: bytes.readBigUInt64LE(1), to: bytes.readBigUInt64LE(9), term: bytes.readUIntLE(17, 6) };
  const number = (position: number): number => bytes.readUIntLE(headBytes + position * 6, 6);
  const text = (skip: number): string => bytes.toString("utf8", headBytes + skip * 6);
  switch (type) {
    case "propose":
      return {
        ...envelope,
        type,
        entries: readEntries(bytes, headBytes).map(({ kind, data }): ProposedEntry => ({ kind, data })),
      };
    case "append":
    case "unanswered-append":
      return {
        ...envelope,
        type: "append",
        prevIndex: number(0),
        prevTerm: number(1),
        commit: number(2),
        entries: readEntries(bytes, headBytes + 18),
        ...(type === "unanswered-append" ? { unanswered: true } : {}),
      };
    case "append-response":
      return {
        ...envelope,
        type,
        index: number(0),
        hintIndex: number(1),
        hintTerm: number(2),
        reject: number(3) === 1,
      };
    case "vote":
    case "pre-vote":
      return {
        ...envelope,
        type,
        lastIndex: number(0),
        lastTerm: number(1),
        transfer: number(2) === 1,
        known: { index: number(3), term: number(4) },
      };
    case "vote-response":
    case "pre-vote-response":
      return { ...envelope, type, reject: number(0) === 1, known: { index: number(1), term: number(2) } };
    case "snapshot":
      return { ...envelope, type, snapshot: decodeSnapshot(bytes.subarray(headBytes)) };
    case "heartbeat":
      return { ...envelope, type, commit: number(0), context: text(1) };
    case "heartbeat-response":
    case "read-index":
      return { ...envelope, type, context: text(0) };
    case "timeout-now":
      return { ...envelope, type };
    case "transfer-leader":
      return { ...envelope, type, transferee: bytes.readBigUInt64LE(headBytes) };
    case "read-index-response":
      return { ...envelope, type, index: number(0), context: text(1) };
    default:
      throw new RangeError(`expected a Raft message of type 0 to ${types.length - 1}, found ${bytes[0]}`);
  }
}

/** Without data: the backend travels beside it. */
export function encodeSnapshot(snapshot: Snapshot): Buffer {
  return Buffer.concat([numbers(snapshot.index, snapshot.term), encodeMembership(snapshot.membership)]);
}

export function decodeSnapshot(bytes: Buffer): Snapshot {
  return {
    index: bytes.readUIntLE(0, 6),
    term: bytes.readUIntLE(6, 6),
    membership: decodeMembership(bytes.subarray(12)),
    data: new Uint8Array(0),
  };
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 6);
  for (const [position, value] of values.entries()) bytes.writeUIntLE(value, position * 6, 6);
  return bytes;
}

/** A proposed entry has no place in the log yet. */
function writeEntry(entry: ProposedEntry | Entry, bytes: Buffer, at: number): number {
  bytes.writeUInt32LE(entry.data.length, at);
  bytes.writeUIntLE("term" in entry ? entry.term : 0, at + 4, numberBytes);
  bytes.writeUIntLE("index" in entry ? entry.index : 0, at + 10, numberBytes);
  bytes[at + 16] = entry.kind === "membership" ? 1 : 0;
  bytes.set(entry.data, at + entryHeadBytes);
  return at + entryHeadBytes + entry.data.length;
}

function readEntries(bytes: Buffer, from: number): Entry[] {
  const entries: Entry[] = [];
  for (let offset = from; offset < bytes.length;) {
    const end = offset + 17 + bytes.readUInt32LE(offset);
    if (end > bytes.length)
      throw new RangeError(`expected an entry of ${end - offset} bytes, found ${bytes.length - offset}`);
    entries.push({
      term: bytes.readUIntLE(offset + 4, 6),
      index: bytes.readUIntLE(offset + 10, 6),
      kind: bytes[offset + 16] === 1 ? "membership" : "normal",
      data: bytes.subarray(offset + 17, end),
    });
    offset = end;
  }
  return entries;
}
