// HTTP/2 frames (RFC 9113, section 4 and 6): cutting a stream of bytes into them, and the numbers that name their parts.
// It knows nothing of streams or headers.

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

export const errorCodes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const frameHeadBytes = 9;
/** What every side must take, and the most that we do. */
export const defaultMaxFrameBytes = 16_384;
export const defaultWindowBytes = 65_535;
export const maxWindowBytes: number = 2 ** 31 - 1;
export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** The other side broke the protocol: the connection ends with this code. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export type TakeFrame = (type: number, flags: number, streamId: number, payload: Buffer) => void;

/** Cuts chunks of any size into frames; a payload is a view into what arrived. */
export class FrameCutter {
  readonly #take: TakeFrame;
  #rest: Buffer | undefined;

  constructor(take: TakeFrame) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (bytes.length - at >= frameHeadBytes) {
      const length = bytes.readUIntBE(at, 3);
      if (length > defaultMaxFrameBytes)
        throw new ConnectionError(errorCodes.frameSizeError, `a frame of ${length} bytes`);
      const end = at + frameHeadBytes + length;
      if (end > bytes.length) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      this.#take(bytes[at + 3] as number, bytes[at + 4] as number, streamId, bytes.subarray(at + frameHeadBytes, end));
      at = end;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}

/** Writes a frame's head at `at`. */
export function writeFrameHead(
  bytes: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = (length >>> 8) & 0xff;
  bytes[at + 2] = length & 0xff;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  bytes.writeUInt32BE(streamId, at + 5);
}

/** A frame's payload without its padding. */
export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & frameFlags.padded) === 0) return payload;
  const padding = payload[0] ?? payload.length;
  if (padding >= payload.length) throw new ConnectionError(errorCodes.protocolError, "padding longer than its frame");
  return payload.subarray(1, payload.length - padding);
}

/** Throws when a payload is not as long as its frame must be. */
export function expectBytes(payload: Buffer, length: number): void {
  if (payload.length !== length)
    throw new ConnectionError(errorCodes.frameSizeError, `a frame of ${payload.length} bytes instead of ${length}`);
}
