// Rows of the engine's json-file log, as bytes again: {"log":"text\n","stream":"stdout","time":"…Z"}. Rows that look as the engine writes
// them are cut by position, without a parser; others go through one. What is no row (a machine that lost its power) is left out.
import type { LogChunk } from "../runtime.ts";

export interface RowOptions {
  readonly timestamps: boolean;
  readonly sinceMs: number | undefined;
}

export interface RowReader {
  /** Takes the next bytes of the log, cut anywhere, and gives what they say. The bytes may be reused afterwards. */
  push(bytes: Buffer): readonly LogChunk[];
  /** Another file follows: an unfinished row will not be finished. */
  reset(): void;
}

interface Row {
  readonly textStart: number;
  readonly textEnd: number;
  readonly stream: LogChunk["stream"];
  readonly timeStart: number;
  readonly timeEnd: number;
}

/** The engine cuts messages at 16 KiB; escaped they are six times as long at most. */
const longestRowBytes = 1 << 20;
const [newline, quote, backslash, comma, colon, openBrace, closeBrace] = [0x0a, 0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d];
const prefixBytes = '{"log":"'.length;
const timeKeyBytes = ',"time":'.length;
const streamBytes = "stdout".length;
const streamKeyBytes = '","stream":"'.length;
const wholeTimeBytes = "2026-01-02T03:04:05Z".length;
const fixedTimeBytes = "2026-01-02T03:04:05.000000000Z".length;

/** Where the parts of a row as the engine writes it are; `undefined` for any other. */
function layoutOf(buffer: Buffer, start: number, end: number): Row | undefined {
  if (buffer[start] !== openBrace || buffer[start + prefixBytes - 1] !== quote) return undefined;
  if (buffer[end - 1] !== closeBrace || buffer[end - 2] !== quote) return undefined;
  const timeEnd = end - 2;
  let before = timeEnd - 1;
  while (before > timeEnd - 40 && buffer[before] !== quote) before--;
  const streamEnd = before - timeKeyBytes - 1;
  const textEnd = streamEnd - streamBytes - streamKeyBytes;
  if (textEnd < start + prefixBytes) return undefined;
  const isOurs =
    buffer[before - 1] === colon &&
    buffer[streamEnd] === quote &&
    buffer[streamEnd + 1] === comma &&
    buffer[textEnd] === quote &&
    buffer[textEnd + 1] === comma &&
    buffer[textEnd + 3] === 0x73 && // the s of "stream"
    buffer[textEnd + streamKeyBytes - 1] === quote;
  if (!isOurs) return undefined;
  const stream = buffer[streamEnd - 3] === 0x65 ? "stderr" : "stdout"; // std-e-rr
  return { textStart: start + prefixBytes, textEnd, stream, timeStart: before + 1, timeEnd };
}

export function createRowReader(options: RowOptions): RowReader {
  let carry: Buffer = Buffer.alloc(0);
  let skipping = false;
  let mayBeEarly = options.sinceMs !== undefined;
  /** A line that came in pieces has one time, that of its first. */
  const inLine = { stdout: false, stderr: false };

  const isEarly = (time: string): boolean => {
    // Times only grow: one that is late enough ends the search.
    mayBeEarly = Date.parse(time) < (options.sinceMs ?? 0);
    return mayBeEarly;
  };

  return {
    reset() {
      carry = Buffer.alloc(0);
      skipping = false;
    },
    push(bytes) {
      const buffer = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
      // A row is longer than what it says, even with its time in front.
      const out = Buffer.allocUnsafe(buffer.length);
      const chunks: LogChunk[] = [];
      let [at, filled, begun] = [0, 0, 0];
      let of: LogChunk["stream"] = "stdout";
      const flush = (): void => {
        if (filled > begun) chunks.push({ stream: of, bytes: out.subarray(begun, filled) });
        begun = filled;
      };
      const emit = (from: Buffer, row: Row): void => {
        const { stream, timeStart, timeEnd } = row;
        if (mayBeEarly && isEarly(from.toString("latin1", timeStart, timeEnd))) return;
        if (stream !== of) flush();
        of = stream;
        if (options.timestamps && !inLine[stream]) filled = stamp(from, timeStart, timeEnd, out, filled);
        const before = filled;
        filled = unescape(from, row.textStart, row.textEnd, out, filled);
        inLine[stream] = filled > before && out[filled - 1] !== newline;
      };
      for (;;) {
        const end = buffer.indexOf(newline, at);
        if (end < 0) break;
        const [start, wasSkipping] = [at, skipping];
        at = end + 1;
        skipping = false;
        if (wasSkipping) continue;
        const row = layoutOf(buffer, start, end);
        if (row) emit(buffer, row);
        else {
          const plain = rewritten(buffer.toString("utf8", start, end));
          const rewrittenRow = plain && layoutOf(plain, 0, plain.length);
          if (rewrittenRow) emit(plain, rewrittenRow);
        }
      }
      flush();
      carry = Buffer.from(buffer.subarray(at));
      if (carry.length > longestRowBytes) {
        carry = Buffer.alloc(0);
        skipping = true;
      }
      return chunks;
    },
  };
}

/** A row in another form (with the engine's extra fields, say) as the engine writes it otherwise. */
function rewritten(text: string): Buffer | undefined {
  try {
    const row = JSON.parse(text) as { readonly log?: unknown; readonly stream?: unknown; readonly time?: unknown };
    if (typeof row.log !== "string" || typeof row.time !== "string") return undefined;
    const stream = row.stream === "stderr" ? "stderr" : "stdout";
    return Buffer.from(JSON.stringify({ log: row.log, stream, time: row.time }));
  } catch {
    return undefined; // Not a row.
  }
}

const short: Readonly<Record<number, number>> = {
  ...{ 0x6e: 0x0a, 0x74: 0x09, 0x72: 0x0d, 0x62: 0x08, 0x66: 0x0c },
  ...{ 0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f },
};

/** Copies the inside of a JSON string; the answer is where the copy ends. */
function unescape(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const first = from.indexOf(backslash, start);
  if (first < 0 || first >= end) return at + from.copy(to, at, start, end);
  let write = at + from.copy(to, at, start, first);
  // Where there is one there are mostly more: byte by byte is quicker than to look for each.
  for (let read = first; read < end;) {
    const byte = from[read++] ?? 0;
    if (byte !== backslash) {
      to[write++] = byte;
      continue;
    }
    const letter = from[read++] ?? 0;
    if (letter !== 0x75) {
      to[write++] = short[letter] ?? letter;
      continue;
    }
    const unit = hexOf(from, read);
    read += 4;
    if (unit < 0x80) to[write++] = unit;
    else if (unit < 0xd800 || unit > 0xdbff || from[read] !== backslash || from[read + 1] !== 0x75)
      write += to.write(String.fromCharCode(unit), write, "utf8");
    else {
      // Two halves of a character stand one after the other.
      write += to.write(String.fromCharCode(unit, hexOf(from, read + 2)), write, "utf8");
      read += 6;
    }
  }
  return write;
}

function hexOf(from: Buffer, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index++) {
    const byte = from[index] ?? 0;
    value = value * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57);
  }
  return value;
}

/** The engine leaves out zeros at the end of the fraction; readers want columns. */
function stamp(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  let write = at + from.copy(to, at, start, end - 1);
  if (end - start === wholeTimeBytes) to[write++] = 0x2e;
  while (write < at + fixedTimeBytes - 1) to[write++] = 0x30;
  to[write++] = 0x5a;
  to[write++] = 0x20;
  return write;
}
