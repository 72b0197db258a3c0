// The server's side of one SPDY/3.1 connection: streams that the client opens become Duplex streams.
//
//   socket ── frames ──► header codec ──► SpdyStream (readable)      SpdyStream (writable) ──► data frames ──► socket
//
// Kubernetes' clients (spdystream) keep no windows, so neither do we: a reader that is slow stops the whole connection, and TCP pushes
// back. Frames are handled one after the other, since header blocks share one compression state.
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { dataFrame, FrameReader, goAwayFrame, pingFrame, rstStreamFrame, synReplyFrame, type Frame } from "./frames.ts";
import { HeaderCodec, type Headers } from "./headers.ts";

/** More streams than any port-forward needs at a time. */
const mostStreams = 1000;

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #accept: (stream: SpdyStream) => void;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #reader = new FrameReader();
  readonly #codec = new HeaderCodec();
  readonly #gone = new AbortController();
  #lastStream = 0;

  /** Takes the socket over. `accept` gets every stream that the client opens. */
  constructor(socket: Duplex, head: Buffer, accept: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#accept = accept;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#end());
    this.#reader.push(head);
    void this.#run();
  }

  /** Aborted when the connection is over, for whatever reason. */
  get closed(): AbortSignal {
    return this.#gone.signal;
  }

  /** Says goodbye and ends the connection after everything written so far. */
  close(): void {
    if (this.#socket.writable) this.#socket.end(goAwayFrame(this.#lastStream));
  }

  async #run(): Promise<void> {
    try {
      await this.#drainReader();
      for await (const chunk of this.#socket) {
        this.#reader.push(chunk as Buffer);
        await this.#drainReader();
      }
    } catch (error) {
      // Broken bytes or a broken connection: either way there is nobody left to talk to.
      this.#gone.abort(error);
    } finally {
      this.#end();
    }
  }

  async #drainReader(): Promise<void> {
    for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) await this.#handle(frame);
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case "syn-stream":
        return this.#open(frame.stream, await this.#codec.decode(frame.headers), frame.fin);
      case "headers":
      case "syn-reply":
        // Nothing of interest is in it, but the compression state must see it.
        await this.#codec.decode(frame.headers);
        return;
      case "data": {
        const stream = this.#streams.get(frame.stream);
        if (frame.bytes.length > 0) await stream?.deliver(frame.bytes);
        if (frame.fin) await stream?.deliver(null);
        return;
      }
      case "rst-stream":
        this.#streams.get(frame.stream)?.destroyByPeer();
        return;
      case "ping":
        // Odd numbers are the client's; it wants them back.
        if (frame.id % 2 === 1) this.#socket.write(pingFrame(frame.id));
        return;
      case "goaway":
      case "other":
        return;
      default:
        return frame satisfies never;
    }
  }

  async #open(id: number, headers: Headers, fin: boolean): Promise<void> {
    if (this.#streams.size >= mostStreams || this.#streams.has(id)) {
      this.#socket.write(rstStreamFrame(id, 3));
      return;
    }
    this.#lastStream = id;
    const stream = new SpdyStream(id, headers, {
      write: (frame, done) =>
        void (this.#socket.writable ? this.#socket.write(frame, done) : done(new Error("the connection has ended"))),
      forget: () => this.#streams.delete(id),
    });
    this.#streams.set(id, stream);
    this.#socket.write(synReplyFrame(id, await this.#codec.encode(new Map())));
    if (fin) await stream.deliver(null);
    this.#accept(stream);
  }

  #end(): void {
    for (const stream of this.#streams.values()) stream.destroyByPeer();
    this.#streams.clear();
    this.#codec.close();
    this.#socket.destroy();
    this.#gone.abort(new Error("the connection has ended"));
  }
}

interface Outlet {
  write(frame: Buffer, done: (error?: Error | null) => void): void;
  forget(): void;
}

/** One stream of a connection. Ending it sends FIN, destroying it RST. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #outlet: Outlet;
  #wanted: (() => void) | undefined;
  #peerGone = false;

  constructor(id: number, headers: Headers, outlet: Outlet) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#outlet = outlet;
    // Streams may be cut at any time; whoever uses one learns it from its end.
    this.on("error", () => this.#release());
  }

  /** Resolves when there is room for more. */
  deliver(bytes: Buffer | null): Promise<void> {
    if (this.destroyed || this.readableEnded) return Promise.resolve();
    if (this.push(bytes) || bytes === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wanted = resolve;
    });
  }

  destroyByPeer(): void {
    this.#peerGone = true;
    if (!this.readableEnded && !this.destroyed) this.push(null);
    this.destroy();
  }

  override _read(): void {
    this.#release();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#outlet.write(dataFrame(this.id, chunk, false), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#peerGone) done();
    else this.#outlet.write(dataFrame(this.id, Buffer.alloc(0), true), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#release();
    this.#outlet.forget();
    const open = !this.#peerGone && !(this.writableFinished && this.readableEnded);
    if (open) this.#outlet.write(rstStreamFrame(this.id, 5), () => done(error));
    else done(error);
  }

  #release(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }
}
