// SPDY/3.1 frames, as far as Kubernetes' clients use them. Bytes in, values out; no state but the unfinished frame.
//
//   control  |1| version 15 | type 16 |      data  |0| stream 31 |
//            | flags 8 | length 24    |            | flags 8 | length 24 |
import { Buffer } from "node:buffer";

export type Frame =
  | { readonly type: "data"; readonly stream: number; readonly fin: boolean; readonly bytes: Buffer }
  | { readonly type: "syn-stream"; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: "syn-reply"; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: "rst-stream"; readonly stream: number }
  | { readonly type: "headers"; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goaway" }
  /** Settings, window updates and what else may come: read and left. */
  | { readonly type: "other" };

const version = 3;
const finFlag = 0x01;
/** Kubernetes' clients send frames of 32 kB; this leaves room and still bounds memory. */
const largestFrameBytes = 1 << 20;
const kinds = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goaway: 7, headers: 8 } as const;

/** Cuts a byte stream into frames. Throws when the bytes are no SPDY/3. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** The next whole frame; undefined when more bytes are needed. */
  next(): Frame | undefined {
    const bytes = this.#pending;
    if (bytes.length < 8) return undefined;
    const length = bytes.readUInt32BE(4) & 0xffffff;
    if (length > largestFrameBytes)
      throw new RangeError(`a frame of ${length} bytes is larger than ${largestFrameBytes}`);
    if (bytes.length < 8 + length) return undefined;
    this.#pending = bytes.subarray(8 + length);
    return parseFrame(bytes.subarray(0, 8), bytes.subarray(8, 8 + length));
  }
}

function parseFrame(head: Buffer, body: Buffer): Frame {
  const first = head.readUInt32BE(0);
  const fin = ((head[4] ?? 0) & finFlag) !== 0;
  if (first < 0x80000000) return { type: "data", stream: first, fin, bytes: body };
  const found = (first >>> 16) & 0x7fff;
  if (found !== version) throw new RangeError(`expected SPDY version ${version}, found ${found}`);
  const stream = (): number => body.readUInt32BE(0) & 0x7fffffff;
  switch (first & 0xffff) {
    case kinds.synStream:
      return { type: "syn-stream", stream: stream(), fin, headers: body.subarray(10) };
    case kinds.synReply:
      return { type: "syn-reply", stream: stream(), fin, headers: body.subarray(4) };
    case kinds.rstStream:
      return { type: "rst-stream", stream: stream() };
    case kinds.headers:
      return { type: "headers", stream: stream(), fin, headers: body.subarray(4) };
    case kinds.ping:
      return { type: "ping", id: body.readUInt32BE(0) };
    case kinds.goaway:
      return { type: "goaway" };
    default:
      return { type: "other" };
  }
}

export function dataFrame(stream: number, bytes: Uint8Array, fin: boolean): Buffer {
  const frame = Buffer.allocUnsafe(8 + bytes.length);
  frame.writeUInt32BE(stream, 0);
  frame.writeUInt32BE(((fin ? finFlag : 0) * 0x1000000 + bytes.length) >>> 0, 4);
  frame.set(bytes, 8);
  return frame;
}

export function synStreamFrame(stream: number, headers: Buffer, fin = false): Buffer {
  const body = Buffer.alloc(10);
  body.writeUInt32BE(stream, 0);
  return controlFrame(kinds.synStream, Buffer.concat([body, headers]), fin);
}

export function synReplyFrame(stream: number, headers: Buffer): Buffer {
  return controlFrame(kinds.synReply, Buffer.concat([numbers(stream), headers]));
}

/** Status 5 is "cancel", 3 "refused". */
export function rstStreamFrame(stream: number, status: 3 | 5): Buffer {
  return controlFrame(kinds.rstStream, numbers(stream, status));
}

export function pingFrame(id: number): Buffer {
  return controlFrame(kinds.ping, numbers(id));
}

export function goAwayFrame(lastStream: number): Buffer {
  return controlFrame(kinds.goaway, numbers(lastStream, 0));
}

function controlFrame(kind: number, body: Buffer, fin = false): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE((0x80000000 + version * 0x10000 + kind) >>> 0, 0);
  head.writeUInt32BE(((fin ? finFlag : 0) * 0x1000000 + body.length) >>> 0, 4);
  return Buffer.concat([head, body]);
}

function numbers(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index);
  return buffer;
}
