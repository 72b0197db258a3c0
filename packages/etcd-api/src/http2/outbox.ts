// The sending half of a connection's socket: frames of one turn of the event loop gather here and leave in one write. Small
// ones are written into a chunk, large payloads stand beside it uncopied.
import type { Socket } from "node:net";
import { nextTick } from "node:process";
import { defaultMaxFrameBytes, frameFlags, frameHeadBytes, frameTypes, writeFrameHead } from "./frame.ts";

const smallFrameBytes = 4096;
const firstChunkBytes = 2048;
const chunkBytes = 32 * 1024;
/** With more than this in the socket's buffer, the peer does not read its answers: it is not read either. */
const stuckBytes = 16 << 20;

export class Outbox {
  readonly #socket: Socket;
  #chunk: Buffer = Buffer.alloc(0);
  #from = 0;
  #at = 0;
  #outgoing: Buffer[] = [];
  #flushing = false;
  readonly #gathers: boolean;
  readonly #flush = (): void => this.flush();

  /** `gathers`: waits with what it has until all that has come in this turn of the loop is answered. */
  constructor(socket: Socket, gathers = false) {
    this.#socket = socket;
    this.#gathers = gathers;
  }

  data(id: number, payload: Buffer, last: boolean): void {
    const flags = last ? frameFlags.endStream : 0;
    if (payload.length <= smallFrameBytes) {
      payload.copy(this.frame(frameTypes.data, flags, id, payload.length));
      return;
    }
    writeFrameHead(this.#room(frameHeadBytes), 0, payload.length, frameTypes.data, flags, id);
    this.bytes(payload);
  }

  headers(id: number, block: Buffer, last: boolean): void {
    const first = block.subarray(0, defaultMaxFrameBytes);
    const whole = first.length === block.length ? frameFlags.endHeaders : 0;
    first.copy(this.frame(frameTypes.headers, (last ? frameFlags.endStream : 0) | whole, id, first.length));
    for (let at = first.length; at < block.length;) {
      const part = block.subarray(at, at + defaultMaxFrameBytes);
      at += part.length;
      const end = at === block.length ? frameFlags.endHeaders : 0;
      part.copy(this.frame(frameTypes.continuation, end, id, part.length));
    }
  }

  reset(id: number, code: number): void {
    this.frame(frameTypes.reset, 0, id, 4).writeUInt32BE(code);
  }

  windowUpdate(id: number, bytes: number): void {
    this.frame(frameTypes.windowUpdate, 0, id, 4).writeUInt32BE(bytes);
  }

  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    const payload = this.frame(frameTypes.settings, 0, 0, settings.length * 6);
    for (const [position, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, position * 6);
      payload.writeUInt32BE(value, position * 6 + 2);
    }
  }

  goaway(lastStreamId: number, code: number): void {
    const payload = this.frame(frameTypes.goaway, 0, 0, 8);
    payload.writeUInt32BE(lastStreamId, 0);
    payload.writeUInt32BE(code, 4);
  }

  /** Room for a small frame's payload; its head is written. */
  frame(type: number, flags: number, id: number, length: number): Buffer {
    const bytes = this.#room(frameHeadBytes + length);
    writeFrameHead(bytes, 0, length, type, flags, id);
    return bytes.subarray(frameHeadBytes);
  }

  /** Takes over the bytes as they are. */
  bytes(bytes: Buffer): void {
    this.#endChunk();
    this.#outgoing.push(bytes);
    this.#flushSoon();
  }

  flush(): void {
    this.#flushing = false;
    this.#endChunk();
    const outgoing = this.#outgoing;
    if (outgoing.length === 0) return;
    this.#outgoing = [];
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) return;
    if (outgoing.length === 1) socket.write(outgoing[0] as Buffer);
    else {
      socket.cork();
      for (const bytes of outgoing) socket.write(bytes);
      socket.uncork();
    }
    if (socket.writableLength > stuckBytes) socket.pause();
  }

  #room(length: number): Buffer {
    if (this.#at + length > this.#chunk.length) {
      this.#endChunk();
      const usual = this.#chunk.length === 0 ? firstChunkBytes : chunkBytes;
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(length, usual));
      this.#from = 0;
      this.#at = 0;
    }
    const bytes = this.#chunk.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#flushSoon();
    return bytes;
  }

  #endChunk(): void {
    if (this.#at > this.#from) this.#outgoing.push(this.#chunk.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  /** After everything that this socket's promises have to say, or all sockets': then what many say leaves in one write, a little later. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    if (this.#gathers) setImmediate(this.#flush);
    else nextTick(this.#flush);
  }
}
