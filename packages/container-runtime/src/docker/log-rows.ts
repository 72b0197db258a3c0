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
    if (!mayBeEarly) return false;
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
      const emit = (stream: LogChunk["stream"], time: string, write: () => number): void => {
        if (stream !== of) flush();
        of = stream;
        if (options.timestamps && !inLine[stream]) filled += out.write(`${fixedTime(time)} `, filled, "latin1");
        const before = filled;
        filled = write();
        inLine[stream] = filled > before && out[filled - 1] !== newline;
      };
      const needsTime = options.timestamps || options.sinceMs !== undefined;
      for (;;) {
        const end = buffer.indexOf(newline, at);
        if (end < 0) break;
        const [start, wasSkipping] = [at, skipping];
        at = end + 1;
        skipping = false;
        if (wasSkipping) continue;
        const row = layoutOf(buffer, start, end);
        if (row) {
          const time = needsTime ? buffer.toString("latin1", row.timeStart, row.timeEnd) : "";
          if (!isEarly(time)) emit(row.stream, time, () => unescape(buffer, row.textStart, row.textEnd, out, filled));
        } else {
          const parsed = parseRow(buffer.toString("utf8", start, end));
          if (parsed && !isEarly(parsed.time))
            emit(parsed.stream, parsed.time, () => filled + out.write(parsed.log, filled, "utf8"));
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

function parseRow(text: string): { log: string; stream: LogChunk["stream"]; time: string } | undefined {
  try {
    const row = JSON.parse(text) as { readonly log?: unknown; readonly stream?: unknown; readonly time?: unknown };
    if (typeof row.log !== "string" || typeof row.time !== "string") return undefined;
    return { log: row.log, stream: row.stream === "stderr" ? "stderr" : "stdout", time: row.time };
  } catch {
    return undefined; // Not a row.
  }
}

/** The engine leaves out zeros at the end of the fraction; readers want columns. */
function fixedTime(time: string): string {
  const [whole = "", fraction = ""] = time.replace("Z", "").split(".");
  return `${whole}.${fraction.padEnd(9, "0")}Z`;
}

const short: Readonly<Record<number, number>> = {
  ...{ 0x6e: 0x0a, 0x74: 0x09, 0x72: 0x0d, 0x62: 0x08, 0x66: 0x0c },
  ...{ 0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f },
};

/** Copies the inside of a JSON string; the answer is where the copy ends. */
function unescape(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  let [read, write] = [start, at];
  while (read < end) {
    const escape = from.indexOf(backslash, read);
    const plainEnd = escape < 0 || escape >= end ? end : escape;
    write += from.copy(to, write, read, plainEnd);
    read = plainEnd;
    if (read >= end) break;
    const letter = from[read + 1] ?? 0;
    if (letter !== 0x75) {
      to[write++] = short[letter] ?? letter;
      read += 2;
      continue;
    }
    // Two halves of a character stand one after the other.
    let units = "";
    while (from[read] === backslash && from[read + 1] === 0x75 && read < end) {
      units += String.fromCharCode(Number.parseInt(from.toString("latin1", read + 2, read + 6), 16));
      read += 6;
    }
    write += to.write(units, write, "utf8");
  }
  return write;
}
