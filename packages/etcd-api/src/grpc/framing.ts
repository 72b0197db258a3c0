// gRPC's length-prefixed messages on a byte stream: one byte "compressed", four bytes length, the message. A message over
// the limit is refused by its prefix, before it is buffered, or while it is unpacked. Of the encodings only gzip is known.
import { gunzipSync } from "node:zlib";
import type { Init, Message } from "../wire/message.ts";
import { WireWriter } from "../wire/writer.ts";
import { GrpcError, statusCodes } from "./status.ts";

const prefixBytes = 5;

/** One message with its prefix. */
export function frame<T>(message: Message<T>, value: Init<T>): Buffer {
  const writer = new WireWriter(prefixBytes);
  message.write(value, writer);
  const framed = writer.finish();
  framed[0] = 0;
  framed.writeUInt32BE(framed.length - prefixBytes, 1);
  return framed;
}

/** The message, when the chunk is exactly one; undefined for the `FrameReader` to look closer. */
export function onlyMessage(chunk: Buffer, maxMessageBytes: number): Buffer | undefined {
  if (chunk.length < prefixBytes || chunk[0] !== 0) return undefined;
  const length = chunk.readUInt32BE(1);
  return length === chunk.length - prefixBytes && length <= maxMessageBytes ? chunk.subarray(prefixBytes) : undefined;
}

/** Cuts a stream of chunks into messages. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  readonly #gzip: boolean;
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Bytes of the message being collected, prefix included; 0 before its prefix is complete. */
  #needed = 0;

  /** `encoding`: the call's grpc-encoding, which says how messages that are marked as compressed are. */
  constructor(maxMessageBytes: number, encoding?: string) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#gzip = encoding === "gzip";
  }

  /** True when no part of a message is left over. */
  get empty(): boolean {
    return this.#buffered === 0;
  }

  /** Messages that `chunk` completes. Throws a GrpcError that ends the call. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      if (this.#needed === 0) {
        if (this.#buffered < prefixBytes) return messages;
        this.#needed = prefixBytes + this.#messageLength(this.#joined());
      }
      if (this.#buffered < this.#needed) return messages;
      const joined = this.#joined();
      const message = joined.subarray(prefixBytes, this.#needed);
      messages.push(joined[0] === 0 ? message : this.#unpack(message));
      const rest = joined.subarray(this.#needed);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#buffered = rest.length;
      this.#needed = 0;
    }
  }

  #messageLength(joined: Buffer): number {
    if (joined[0] !== 0 && !this.#gzip)
      throw new GrpcError(statusCodes.internal, "grpc: compressed flag set with identity or empty encoding");
    const length = joined.readUInt32BE(1);
    if (length > this.#maxMessageBytes) {
      throw new GrpcError(
        statusCodes.resourceExhausted,
        `grpc: received message larger than max (${length} vs. ${this.#maxMessageBytes})`,
      );
    }
    return length;
  }

  #unpack(packed: Buffer): Buffer {
    try {
      return gunzipSync(packed, { maxOutputLength: this.#maxMessageBytes });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
        throw new GrpcError(
          statusCodes.resourceExhausted,
          `grpc: received message after decompression larger than max ${this.#maxMessageBytes}`,
          { cause },
        );
      throw new GrpcError(
        statusCodes.internal,
        `grpc: failed to decompress the received message: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#buffered)];
    return this.#chunks[0] as Buffer;
  }
}
