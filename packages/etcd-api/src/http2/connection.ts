// One HTTP/2 connection (RFC 9113) over a socket, for either side: frames, settings, header blocks, windows. Written for
// many small calls: what is sent within one turn of the event loop leaves in one write. It has no priorities and no pushes.
//
//   socket ─► FrameCutter ─► HEADERS, DATA … ─► streams ─► their handlers
//   streams ─► small frames gather in a chunk, large ones stand beside it ─► one write per turn ─► socket
//
// node:http2 keeps several objects and crossings into C++ for each stream: docs/decisions has the comparison.
import type { Socket } from "node:net";
import {
  ConnectionError,
  FrameCutter,
  defaultWindowBytes,
  errorCodes,
  expectBytes,
  frameFlags,
  frameTypes,
  maxWindowBytes,
  preface,
  settingIds,
  withoutPadding,
} from "./frame.ts";
import { HeaderDecoder } from "./hpack.ts";
import type { Headers } from "./hpack.ts";
import { Outbox } from "./outbox.ts";
import { initialPeerSettings, takeSettings } from "./settings.ts";
import { Http2Stream } from "./stream.ts";
import type { StreamCarrier } from "./stream.ts";

export interface ConnectionEvents {
  /** A server's peer opened a stream. Sets the stream's handler. */
  opened?(stream: Http2Stream, headers: Headers, last: boolean): void;
  /** The peer's settings have arrived: it speaks HTTP/2 and is alive. */
  settled?(): void;
  /** The peer takes no new streams; those after `lastStreamId` it has not looked at. */
  goaway?(lastStreamId: number): void;
  /** After all streams were closed. */
  closed(error: Error | undefined): void;
}

export interface ConnectionOptions {
  readonly role: "server" | "client";
  /** How much may arrive on one stream before its handler has taken it. */
  readonly streamWindowBytes: number;
  /** How many streams a client may have open on a connection; left out: more than any needs. */
  readonly mostStreams?: number;
  /** For fewer writes rather than early ones: they leave when all that has come on any connection is answered. */
  readonly gathersWrites?: boolean;
}

const connectionWindowBytes = 16 << 20;
const mostHeaderBlockBytes = 64 * 1024;
/** Beyond this in the socket's buffer streams are told to wait. */
const congestedBytes = 4 << 20;
/** Beyond this a client is refused further streams. */
const mostStreams = 100_000;
const lastStreamId = 2 ** 31 - 1;

export class Http2Connection implements StreamCarrier {
  readonly socket: Socket;
  readonly streams = new Map<number, Http2Stream>();
  sendWindow: number = defaultWindowBytes;
  /** Whoever wonders whether the peer is there looks whether this grows. */
  chunksRead = 0;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #outbox: Outbox;
  readonly #decoder = new HeaderDecoder();
  readonly #cutter = new FrameCutter((type, flags, id, payload) => this.#frame(type, flags, id, payload));
  readonly #peer = initialPeerSettings();
  #prefaceLeft: number;
  #settled = false;
  #received = 0;
  #highest = 0;
  #nextId = 1;
  #goingAway = false;
  #over = false;
  #error: Error | undefined;
  #block: { readonly id: number; readonly last: boolean; readonly parts: Buffer[]; bytes: number } | undefined;
  #blocked = new Set<Http2Stream>();
  #pings: (() => void)[] = [];
  #peerRoom: (() => void)[] = [];

  constructor(socket: Socket, options: ConnectionOptions, events: ConnectionEvents) {
    this.socket = socket;
    this.#outbox = new Outbox(socket, options.gathersWrites);
    this.#options = options;
    this.#events = events;
    this.#prefaceLeft = options.role === "server" ? preface.length : 0;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => this.#socketDrained());
    socket.on("error", (error) => (this.#error ??= error));
    socket.on("close", () => this.#closed());
    if (options.role === "client") this.#outbox.bytes(preface);
    this.#sendSettings();
  }

  /** A client may open streams here. */
  get open(): boolean {
    return !this.#over && !this.#goingAway && this.#nextId <= lastStreamId && !this.socket.destroyed;
  }

  /** Resolves when the peer takes one more stream; undefined when it does so now. */
  whenRoom(): Promise<void> | undefined {
    if (this.streams.size < this.#peer.maxStreams || this.#over) return undefined;
    return new Promise((resolve) => this.#peerRoom.push(resolve));
  }

  get congested(): boolean {
    return this.socket.writableLength > congestedBytes;
  }

  /** Opens a stream with a request's headers. */
  request(block: Buffer, last: boolean): Http2Stream {
    const stream = this.#stream(this.#nextId);
    this.#nextId += 2;
    stream.sendHeaders(block, last);
    return stream;
  }

  /** Resolves with the peer's answer; never when the connection breaks. */
  ping(): Promise<void> {
    this.#outbox.frame(frameTypes.ping, 0, 0, 8).fill(0);
    return new Promise((resolve) => this.#pings.push(resolve));
  }

  /** Takes no more streams, and ends when those that run are done. */
  shutdown(): void {
    if (this.#goingAway || this.#over) return;
    this.#goingAway = true;
    this.#outbox.goaway(this.#highest, errorCodes.noError);
    this.#endIfIdle();
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.socket.destroy();
  }

  // What streams ask for.

  sendData(id: number, bytes: Buffer, from: number, windowBytes: number, last: boolean): number {
    const length = Math.min(bytes.length - from, windowBytes, this.sendWindow, this.#peer.maxFrameBytes);
    if (length <= 0 && bytes.length > from) return -1;
    this.sendWindow -= length;
    const end = from + length;
    const whole = from === 0 && end === bytes.length;
    this.#outbox.data(id, whole ? bytes : bytes.subarray(from, end), last && end === bytes.length);
    return length;
  }

  sendHeaders(id: number, block: Buffer, last: boolean): void {
    this.#outbox.headers(id, block, last);
  }

  sendReset(id: number, code: number): void {
    this.#outbox.reset(id, code);
  }

  sendWindowUpdate(id: number, bytes: number): void {
    this.#outbox.windowUpdate(id, bytes);
  }

  wait(stream: Http2Stream): void {
    this.#blocked.add(stream);
  }

  forget(stream: Http2Stream): void {
    this.#blocked.delete(stream);
    this.streams.delete(stream.id);
    if (this.#peerRoom.length > 0) this.#peerRoom.shift()?.();
    if (this.#goingAway) this.#endIfIdle();
  }

  #sendSettings(): void {
    const settings: [number, number][] = [
      [settingIds.initialWindowSize, this.#options.streamWindowBytes],
      [settingIds.maxHeaderListSize, mostHeaderBlockBytes],
    ];
    if (this.#options.role === "client") settings.push([settingIds.enablePush, 0]);
    if (this.#options.mostStreams !== undefined)
      settings.push([settingIds.maxConcurrentStreams, this.#options.mostStreams]);
    this.#outbox.settings(settings);
    this.#outbox.windowUpdate(0, connectionWindowBytes - defaultWindowBytes);
  }

  #socketDrained(): void {
    if (this.socket.isPaused()) this.socket.resume();
    this.#flushBlocked();
  }

  #flushBlocked(): void {
    for (const stream of Array.from(this.#blocked)) if (stream.flush()) this.#blocked.delete(stream);
  }

  // Receiving.

  #take(chunk: Buffer): void {
    this.chunksRead++;
    if (this.#over) return;
    try {
      this.#cutter.push(this.#prefaceLeft > 0 ? this.#takePreface(chunk) : chunk);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #takePreface(chunk: Buffer): Buffer {
    const length = Math.min(this.#prefaceLeft, chunk.length);
    const from = preface.length - this.#prefaceLeft;
    if (!chunk.subarray(0, length).equals(preface.subarray(from, from + length)))
      throw new ConnectionError(errorCodes.protocolError, "a connection that does not begin as HTTP/2 does");
    this.#prefaceLeft -= length;
    return chunk.subarray(length);
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    if (this.#over) return;
    if (this.#block !== undefined && (type !== frameTypes.continuation || id !== this.#block.id))
      throw new ConnectionError(errorCodes.protocolError, "a header block is not finished");
    switch (type) {
      case frameTypes.data:
        this.#data(flags, id, payload);
        return;
      case frameTypes.headers: {
        let block = withoutPadding(flags, payload);
        if (flags & frameFlags.priority) block = block.subarray(5);
        this.#headerBlock(id, (flags & frameFlags.endStream) !== 0, flags, block);
        return;
      }
      case frameTypes.continuation:
        if (this.#block === undefined) throw new ConnectionError(errorCodes.protocolError, "nothing to continue");
        this.#headerBlock(id, this.#block.last, flags, payload);
        return;
      case frameTypes.reset:
        expectBytes(payload, 4);
        this.streams.get(id)?.close({ complete: false, code: payload.readUInt32BE(0) });
        return;
      case frameTypes.settings:
        this.#settings(flags, payload);
        return;
      case frameTypes.ping:
        expectBytes(payload, 8);
        if (flags & frameFlags.ack) this.#pings.shift()?.();
        else payload.copy(this.#outbox.frame(frameTypes.ping, frameFlags.ack, 0, 8));
        return;
      case frameTypes.goaway:
        this.#goaway(payload);
        return;
      case frameTypes.windowUpdate:
        expectBytes(payload, 4);
        this.#windowUpdate(id, payload.readUInt32BE(0) & 0x7fff_ffff);
        return;
      case frameTypes.pushPromise:
        throw new ConnectionError(errorCodes.protocolError, "a push was not asked for");
      default:
        // Priorities, and what is not known, are passed over.
        return;
    }
  }

  #data(flags: number, id: number, payload: Buffer): void {
    this.#received += payload.length;
    if (this.#received > connectionWindowBytes)
      throw new ConnectionError(errorCodes.flowControlError, "more data than the connection's window");
    if (this.#received >= connectionWindowBytes / 4) {
      this.sendWindowUpdate(0, this.#received);
      this.#received = 0;
    }
    const stream = this.streams.get(id);
    if (stream === undefined || stream.remoteDone) {
      if (stream === undefined && this.#isIdle(id))
        throw new ConnectionError(errorCodes.protocolError, `data on stream ${id}, which was never opened`);
      stream?.reset(errorCodes.streamClosed);
      return;
    }
    const bytes = withoutPadding(flags, payload);
    if (!stream.receiveData(bytes, payload.length, (flags & frameFlags.endStream) !== 0))
      stream.reset(errorCodes.flowControlError);
  }

  #headerBlock(id: number, last: boolean, flags: number, part: Buffer): void {
    const begun = this.#block;
    if ((begun?.bytes ?? 0) + part.length > mostHeaderBlockBytes)
      throw new ConnectionError(errorCodes.enhanceYourCalm, "a header block that is too long");
    if ((flags & frameFlags.endHeaders) === 0) {
      if (begun === undefined) this.#block = { id, last, parts: [part], bytes: part.length };
      else {
        begun.parts.push(part);
        begun.bytes += part.length;
      }
      return;
    }
    this.#block = undefined;
    const headers = this.#decoder.decode(begun === undefined ? part : Buffer.concat([...begun.parts, part]));
    const known = this.streams.get(id);
    if (known !== undefined) {
      if (known.remoteDone) known.reset(errorCodes.streamClosed);
      else known.receiveHeaders(headers, last);
      return;
    }
    if (this.#options.role === "client") {
      if (this.#isIdle(id))
        throw new ConnectionError(errorCodes.protocolError, `headers on stream ${id}, never opened`);
      return;
    }
    this.#opened(id, headers, last);
  }

  #opened(id: number, headers: Headers, last: boolean): void {
    if (id % 2 === 0) throw new ConnectionError(errorCodes.protocolError, `a client opened stream ${id}`);
    // Of a stream that was reset, or that came after our GOAWAY.
    if (id <= this.#highest || this.#goingAway) return;
    this.#highest = id;
    if (this.streams.size >= (this.#options.mostStreams ?? mostStreams)) {
      this.#outbox.reset(id, errorCodes.refusedStream);
      return;
    }
    const stream = this.#stream(id);
    stream.remoteDone = last;
    this.#events.opened?.(stream, headers, last);
  }

  #settings(flags: number, payload: Buffer): void {
    if (flags & frameFlags.ack) return;
    const change = takeSettings(this.#peer, payload);
    for (const stream of this.streams.values()) {
      if (!stream.growWindow(change)) throw new ConnectionError(errorCodes.flowControlError, "a window over its limit");
    }
    this.#outbox.frame(frameTypes.settings, frameFlags.ack, 0, 0);
    this.#flushBlocked();
    if (this.#settled) return;
    this.#settled = true;
    this.#events.settled?.();
  }

  #goaway(payload: Buffer): void {
    if (payload.length < 8) throw new ConnectionError(errorCodes.frameSizeError, "a GOAWAY that is too short");
    if (this.#options.role === "server") return;
    const last = payload.readUInt32BE(0) & 0x7fff_ffff;
    this.#goingAway = true;
    this.#events.goaway?.(last);
    for (const stream of Array.from(this.streams.values()))
      if (stream.id > last) stream.close({ complete: false, code: errorCodes.refusedStream });
    this.#endIfIdle();
  }

  #windowUpdate(id: number, bytes: number): void {
    if (id === 0) {
      this.sendWindow += bytes;
      if (bytes === 0 || this.sendWindow > maxWindowBytes)
        throw new ConnectionError(errorCodes.flowControlError, "a window over its limit");
      this.#flushBlocked();
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    if (bytes === 0 || !stream.growWindow(bytes)) stream.reset(errorCodes.flowControlError);
    else if (this.#blocked.has(stream) && stream.flush()) this.#blocked.delete(stream);
  }

  // Beginning and end.

  #stream(id: number): Http2Stream {
    const stream = new Http2Stream(
      id,
      this,
      { send: this.#peer.initialWindowBytes, receive: this.#options.streamWindowBytes },
      this.#options.role === "server",
    );
    this.streams.set(id, stream);
    return stream;
  }

  #isIdle(id: number): boolean {
    return this.#options.role === "server" ? id > this.#highest : id >= this.#nextId;
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#goingAway = true;
    this.#outbox.goaway(this.#highest, error instanceof ConnectionError ? error.code : errorCodes.internalError);
    this.#outbox.flush();
    this.#over = true;
    this.socket.destroySoon();
    this.#closeStreams();
  }

  #endIfIdle(): void {
    if (this.streams.size > 0 || this.#over) return;
    this.#outbox.flush();
    this.socket.end();
  }

  #closed(): void {
    this.#over = true;
    this.#closeStreams();
    this.#events.closed(this.#error);
  }

  #closeStreams(): void {
    for (const stream of Array.from(this.streams.values())) stream.close({ complete: false });
    for (const go of this.#peerRoom.splice(0)) go();
  }
}
