// Docker's framing of a stream without a terminal: eight bytes (stream, 0, 0, 0, length big-endian), then the payload.
// The library's own splitter has no back-pressure and never ends its targets; these do both.
import { PassThrough } from "node:stream";
import type { Readable } from "node:stream";
import type { LogChunk } from "../runtime.ts";

const headerBytes = 8;

/**
 * Splits a framed byte stream; pieces of a large frame are passed on as they come, never collected. Small frames of one stream that arrive
 * together leave together: a log has a frame for each line, and a chunk costs the same for a line as for a thousand.
 *
 * `times`: every frame begins with a time. The engine cuts a long line into frames; the line then keeps its first time only.
 */
export async function* readFrames(source: AsyncIterable<Uint8Array>, times = false): AsyncIterable<LogChunk> {
  const inLine = { stdout: false, stderr: false };
  let dropping = false;
  let header: Buffer = Buffer.alloc(0);
  let remaining = 0;
  let stream: LogChunk["stream"] = "stdout";
  for await (const piece of source) {
    let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let together: Buffer[] = [];
    let of: LogChunk["stream"] = stream;
    while (rest.length > 0) {
      if (remaining === 0) {
        const missing = headerBytes - header.length;
        header = header.length === 0 ? rest.subarray(0, missing) : Buffer.concat([header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (header.length < headerBytes) break;
        stream = header[0] === 2 ? "stderr" : "stdout";
        remaining = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        dropping = times && inLine[stream];
        continue;
      }
      let bytes = rest.subarray(0, remaining);
      remaining -= bytes.length;
      rest = rest.subarray(bytes.length);
      if (dropping) {
        const end = bytes.indexOf(0x20);
        dropping = end < 0;
        bytes = end < 0 ? bytes.subarray(bytes.length) : bytes.subarray(end + 1);
      }
      if (bytes.length === 0) continue;
      inLine[stream] = bytes.at(-1) !== 0x0a;
      if (of !== stream && together.length > 0) {
        yield { stream: of, bytes: joined(together) };
        together = [];
      }
      of = stream;
      together.push(bytes);
    }
    if (together.length > 0) yield { stream: of, bytes: joined(together) };
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/** Both streams of a framed source as readables that push back on it and end with it. */
export function splitFrames(source: Readable): { stdout: Readable; stderr: Readable; ended: Promise<void> } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const pump = async (): Promise<void> => {
    for await (const { stream, bytes } of readFrames(source)) {
      const target = stream === "stderr" ? stderr : stdout;
      if (target.destroyed) continue;
      if (!target.write(bytes)) await drained(target);
    }
  };
  // A cut connection is the end of the output; what it meant is told by the exit code.
  const finish = (): void => {
    stdout.end();
    stderr.end();
  };
  return { stdout, stderr, ended: pump().then(finish, finish) };
}

function drained(target: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      target.off("drain", done).off("close", done);
      resolve();
    };
    target.once("drain", done).once("close", done);
  });
}
