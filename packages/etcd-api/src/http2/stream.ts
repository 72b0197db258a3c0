// One HTTP/2 stream: a request and its answer. What it may send is bounded by two windows, its own and its connection's;
// what does not fit waits here. It hands what arrives to its handler, and never keeps it.
import { defaultWindowBytes, errorCodes, maxWindowBytes } from "./frame.ts";
import type { Headers } from "./hpack.ts";

/** What happens on a stream. Nothing comes after `closed`. */
export interface StreamHandler {
  /** Headers of the answer, or trailers. A server's requests come with theirs, so that it sees only trailers here. */
  headers?(headers: Headers, last: boolean): void;
  data(bytes: Buffer, last: boolean): void;
  /** Both sides are done (`complete`), or the stream was cut: by the peer's error code, or with its connection. */
  closed(how: { readonly complete: boolean; readonly code?: number | undefined }): void;
}

/** What a stream needs of its connection. */
export interface StreamCarrier {
  /** Bytes the peer lets us send on all streams together. */
  readonly sendWindow: number;
  /** Sends what fits into a frame and the connection's window; returns how many bytes of `bytes` went. */
  sendData(streamId: number, bytes: Buffer, from: number, windowBytes: number, last: boolean): number;
  sendHeaders(streamId: number, block: Buffer, last: boolean): void;
  sendReset(streamId: number, code: number): void;
  sendWindowUpdate(streamId: number, bytes: number): void;
  /** The socket's own buffer is long. */
  readonly congested: boolean;
  wait(stream: Http2Stream): void;
  forget(stream: Http2Stream): void;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly isHeaders: boolean;
  readonly last: boolean;
  at: number;
}

/** A stream with more than this unsent takes no more for now. */
const mostUnsentBytes = 256 * 1024;

export class Http2Stream {
  readonly id: number;
  handler: StreamHandler | undefined;
  sendWindow: number;
  localDone = false;
  remoteDone = false;
  over = false;
  readonly #carrier: StreamCarrier;
  readonly #server: boolean;
  readonly #receiveWindow: number;
  #received = 0;
  #paused = false;
  #unsentBytes = 0;
  #waiting: Waiting[] = [];
  #drained: (() => void)[] = [];

  constructor(id: number, carrier: StreamCarrier, windows: { send: number; receive: number }, server: boolean) {
    this.id = id;
    this.#carrier = carrier;
    this.sendWindow = windows.send;
    this.#receiveWindow = windows.receive;
    this.#server = server;
  }

  /** Nothing needs to wait before more is sent. */
  get writable(): boolean {
    return this.#unsentBytes < mostUnsentBytes && !this.#carrier.congested;
  }

  sendHeaders(block: Buffer, last: boolean): void {
    if (this.over || this.localDone) return;
    if (this.#waiting.length > 0) this.#waiting.push({ bytes: block, isHeaders: true, last, at: 0 });
    else this.#carrier.sendHeaders(this.id, block, last);
    if (last) this.#endLocal();
  }

  /** Takes over the bytes. False: wait for `whenWritable`. */
  sendData(bytes: Buffer, last: boolean): boolean {
    if (this.over || this.localDone) return true;
    const sent = this.#waiting.length > 0 ? 0 : this.#send(bytes, 0, last);
    if (sent < bytes.length || this.#waiting.length > 0) {
      this.#waiting.push({ bytes, isHeaders: false, last, at: sent });
      this.#unsentBytes += bytes.length - sent;
      this.#carrier.wait(this);
    }
    if (last) this.#endLocal();
    return this.writable;
  }

  whenWritable(): Promise<void> {
    if (this.over || this.writable) return Promise.resolve();
    this.#carrier.wait(this);
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Ends the stream at once, in both directions. */
  reset(code: number): void {
    if (this.over) return;
    this.#carrier.sendReset(this.id, code);
    this.close({ complete: false, code });
  }

  /** No more is taken than the window holds, until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#giveWindow();
  }

  /** From the connection: the windows have grown, or the socket has room. True when nothing waits here any more. */
  flush(): boolean {
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0] as Waiting;
      if (next.isHeaders) this.#carrier.sendHeaders(this.id, next.bytes, next.last);
      else {
        const from = next.at;
        next.at += this.#send(next.bytes, next.at, next.last);
        this.#unsentBytes -= next.at - from;
        if (next.at < next.bytes.length) return false;
      }
      this.#waiting.shift();
    }
    if (this.localDone) this.#maybeComplete();
    if (!this.writable && !this.over) return false;
    for (const wake of this.#drained.splice(0)) wake();
    return true;
  }

  /** From the connection. False: the peer sent more than it may. */
  receiveData(bytes: Buffer, frameBytes: number, last: boolean): boolean {
    this.#received += frameBytes;
    if (this.#received > this.#receiveWindow) return false;
    if (last) this.remoteDone = true;
    else if (!this.#paused) this.#giveWindow();
    this.handler?.data(bytes, last);
    if (last) this.#maybeComplete();
    return true;
  }

  receiveHeaders(headers: Headers, last: boolean): void {
    if (last) this.remoteDone = true;
    this.handler?.headers?.(headers, last);
    if (last) this.#maybeComplete();
  }

  /** From the connection. False: the window would pass its limit. */
  growWindow(bytes: number): boolean {
    this.sendWindow += bytes;
    return this.sendWindow <= maxWindowBytes;
  }

  close(how: { readonly complete: boolean; readonly code?: number | undefined }): void {
    if (this.over) return;
    this.over = true;
    this.#waiting = [];
    this.#unsentBytes = 0;
    this.#carrier.forget(this);
    for (const wake of this.#drained.splice(0)) wake();
    this.handler?.closed(how);
  }

  #send(bytes: Buffer, from: number, last: boolean): number {
    let at = from;
    do {
      const sent = this.#carrier.sendData(this.id, bytes, at, this.sendWindow, last);
      if (sent < 0) break;
      at += sent;
      this.sendWindow -= sent;
    } while (at < bytes.length);
    return at - from;
  }

  #giveWindow(): void {
    if (this.#received < Math.min(this.#receiveWindow, 2 * defaultWindowBytes) / 2 || this.remoteDone || this.over)
      return;
    this.#carrier.sendWindowUpdate(this.id, this.#received);
    this.#received = 0;
  }

  #endLocal(): void {
    this.localDone = true;
    if (this.#waiting.length === 0) this.#maybeComplete();
  }

  #maybeComplete(): void {
    if (!this.localDone || this.#waiting.length > 0) return;
    if (this.remoteDone) this.close({ complete: true });
    else if (this.#server) {
      // The answer is whole before the request is: its rest is of no use.
      this.#carrier.sendReset(this.id, errorCodes.noError);
      this.close({ complete: true });
    }
  }
}
