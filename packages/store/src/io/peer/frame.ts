// Frames on a connection between members: | length u32 | kind u8 | payload |. Reads them back from any chunking.

export const frameKinds = [
  "hello",
  "welcome",
  "refused",
  "message",
  "snapshot",
  "pairs",
  "end",
  "cluster",
  "question",
  "answer",
] as const;
export type FrameKind = (typeof frameKinds)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

export const frameHeadBytes = 5;

export function encodeFrame(kind: FrameKind, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeadBytes + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes[4] = frameKinds.indexOf(kind);
  bytes.set(payload, frameHeadBytes);
  return bytes;
}

/** Makes a frame of a payload that was encoded with `frameHeadBytes` free in front. */
export function frameInPlace(kind: FrameKind, bytes: Buffer): Buffer {
  bytes.writeUInt32LE(bytes.length - frameHeadBytes, 0);
  bytes[4] = frameKinds.indexOf(kind);
  return bytes;
}

/** Throws RangeError for a frame that is too large or of no known kind. */
export class FrameParser {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const frames: Frame[] = [];
    for (let needed = this.#needed(); this.#buffered >= needed; needed = this.#needed()) {
      const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      const kind = frameKinds[bytes[4] ?? frameKinds.length];
      if (kind === undefined)
        throw new RangeError(`expected a frame of kind 0 to ${frameKinds.length - 1}, found ${bytes[4]}`);
      frames.push({ kind, payload: bytes.subarray(frameHeadBytes, needed) });
      this.#buffered = bytes.length - needed;
      this.#chunks = this.#buffered > 0 ? [bytes.subarray(needed)] : [];
    }
    return frames;
  }

  #needed(): number {
    if (this.#buffered < frameHeadBytes) return frameHeadBytes;
    if ((this.#chunks[0] as Buffer).length < frameHeadBytes) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = (this.#chunks[0] as Buffer).readUInt32LE(0);
    if (length > this.#maxBytes)
      throw new RangeError(`expected a frame of at most ${this.#maxBytes} bytes, found ${length}`);
    return frameHeadBytes + length;
  }
}

/** | version u8 | purpose u8 | cluster u64 | from u64 | to u64 | */
export interface Hello {
  readonly purpose: (typeof purposes)[number];
  readonly clusterId: bigint;
  readonly from: bigint;
  readonly to: bigint;
}
const purposes = ["messages", "snapshot", "cluster", "ask"] as const;
const helloVersion = 1;

export function encodeHello(hello: Hello): Buffer {
  const bytes = Buffer.alloc(26);
  bytes[0] = helloVersion;
  bytes[1] = purposes.indexOf(hello.purpose);
  bytes.writeBigUInt64LE(hello.clusterId, 2);
  bytes.writeBigUInt64LE(hello.from, 10);
  bytes.writeBigUInt64LE(hello.to, 18);
  return bytes;
}

export function decodeHello(bytes: Buffer): Hello {
  const purpose = purposes[bytes[1] ?? purposes.length];
  if (bytes.length !== 26 || bytes[0] !== helloVersion || purpose === undefined)
    throw new RangeError(`expected a hello of version ${helloVersion}, found ${bytes[0]}`);
  return {
    purpose,
    clusterId: bytes.readBigUInt64LE(2),
    from: bytes.readBigUInt64LE(10),
    to: bytes.readBigUInt64LE(18),
  };
}

/** Key and value, each with its length before it; many of them fill one "pairs" frame. */
export function encodePair(key: Uint8Array, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(8 + key.length + value.length);
  bytes.writeUInt32LE(key.length, 0);
  bytes.writeUInt32LE(value.length, 4);
  bytes.set(key, 8);
  bytes.set(value, 8 + key.length);
  return bytes;
}

export function* decodePairs(bytes: Buffer): Iterable<readonly [Uint8Array, Uint8Array]> {
  for (let offset = 0; offset < bytes.length;) {
    const keyEnd = offset + 8 + bytes.readUInt32LE(offset);
    const end = keyEnd + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length)
      throw new RangeError(`expected a pair of ${end - offset} bytes, found ${bytes.length - offset}`);
    yield [bytes.subarray(offset + 8, keyEnd), bytes.subarray(keyEnd, end)];
    offset = end;
  }
}
