// A request over HTTP/2 and its answer as streams of Node, with those members of IncomingMessage and ServerResponse that this server uses:
// whoever serves them need not know which protocol a client speaks. Windows and frames are etcd-api's HTTP/2's.
import { Readable, Writable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { encodeHeaders, errorCodes, repeatedHeaders } from "@coxswain/etcd-api/http2";
import type { Headers, Http2Stream } from "@coxswain/etcd-api/http2";

/** Of one connection, not of an answer: HTTP/2 has none of them. */
const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Makes the two of a stream whose headers have come; undefined when they are no request's. */
export function openExchange(
  stream: Http2Stream,
  headers: Headers,
  last: boolean,
  socket: TLSSocket,
  date: () => string,
): { readonly request: StreamRequest; readonly answer: StreamAnswer } | undefined {
  const { ":method": method, ":path": path } = headers;
  if (method === undefined || path === undefined) {
    stream.handler = { data: () => undefined, closed: () => undefined };
    stream.reset(errorCodes.protocolError);
    return undefined;
  }
  const request = new StreamRequest(stream, method, path, headers, socket);
  const answer = new StreamAnswer(stream, method !== "HEAD", date);
  stream.handler = {
    data: (bytes, end) => request.arrive(bytes, end),
    headers: (_trailers, end) => {
      if (end) request.arrive(nothing, true);
    },
    closed({ complete }) {
      request.cut();
      if (!complete) answer.destroy();
    },
  };
  if (last) request.arrive(nothing, true);
  return { request, answer };
}

const nothing = Buffer.alloc(0);

export class StreamRequest extends Readable {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly socket: TLSSocket;
  readonly #stream: Http2Stream;
  /** What came before anybody began to read. */
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #isRead = false;
  #whole = false;

  constructor(stream: Http2Stream, method: string, url: string, headers: Headers, socket: TLSSocket) {
    super();
    this.#stream = stream;
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.socket = socket;
  }

  /** Names and values in turns, as they came. */
  get rawHeaders(): readonly string[] {
    const pairs = this.headers[repeatedHeaders] ?? Object.entries(this.headers);
    return pairs.flatMap(([name, value]) => (name.startsWith(":") || value === undefined ? [] : [name, value]));
  }

  arrive(bytes: Buffer, last: boolean): void {
    if (last) this.#whole = true;
    if (this.#isRead) {
      if (bytes.length > 0 && !this.push(bytes)) this.#stream.pause();
      if (last) this.push(null);
    } else if (bytes.length > 0) {
      this.#early.push(bytes);
      this.#earlyBytes += bytes.length;
      if (this.#earlyBytes >= this.readableHighWaterMark) this.#stream.pause();
    }
  }

  /**
   * All of the body, when it has come and nobody has begun to read it: nearly always, and for a fraction of what a stream's events cost.
   * There is nothing to be read any more then.
   */
  takeWhole(): Buffer | undefined {
    if (!this.#whole || this.#isRead) return undefined;
    this.#isRead = true;
    const [first = nothing] = this.#early;
    return this.#early.length < 2 ? first : Buffer.concat(this.#early);
  }

  /** The stream is over: nothing more will come. */
  cut(): void {
    if (!this.#whole) this.destroy();
  }

  override _read(): void {
    if (!this.#isRead) {
      this.#isRead = true;
      for (const bytes of this.#early) this.push(bytes);
      this.#early = [];
      if (this.#whole) this.push(null);
    }
    this.#stream.resume();
  }
}

export class StreamAnswer extends Writable {
  statusCode = 200;
  headersSent = false;
  readonly #stream: Http2Stream;
  readonly #hasBody: boolean;
  readonly #date: () => string;
  readonly #headers: Record<string, string | readonly string[]> = {};
  /** What is written is all there will be: it leaves in one frame with the end. */
  #isLast = false;

  constructor(stream: Http2Stream, hasBody: boolean, date: () => string) {
    super();
    this.#stream = stream;
    this.#hasBody = hasBody;
    this.#date = date;
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.#headers[name.toLowerCase()] = value;
  }

  writeHead(code: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    this.statusCode = code;
    for (const name in headers) if (headers[name] !== undefined) this.#headers[name] = headers[name];
  }

  /** They leave with the first bytes of the body otherwise. */
  flushHeaders(): void {
    this.#sendHeaders(false);
  }

  /** The whole body at once. */
  endWith(body: Buffer): void {
    this.#isLast = this.#hasBody && !this.headersSent && body.length > 0;
    this.end(body);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#sendHeaders(false);
    if (!this.#hasBody || this.#stream.sendData(chunk, this.#isLast)) done();
    else void this.#stream.whenWritable().then(done);
  }

  override _final(done: () => void): void {
    if (!this.headersSent) this.#sendHeaders(true);
    else if (!this.#isLast) this.#stream.sendData(nothing, true);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.writableFinished) this.#stream.reset(errorCodes.internalError);
    done(error);
  }

  #sendHeaders(last: boolean): void {
    if (this.headersSent) return;
    this.headersSent = true;
    const block: Record<string, string | readonly string[]> = { ":status": String(this.statusCode) };
    for (const name in this.#headers)
      if (!connectionHeaders.has(name)) block[name] = this.#headers[name] as string | readonly string[];
    block["date"] ??= this.#date();
    this.#stream.sendHeaders(encodeHeaders(block), last);
  }
}

/** The time as headers say it, made once a second. */
export function httpDate(now: () => number): () => string {
  let second = 0;
  let text = "";
  return () => {
    const nowMs = now();
    const current = Math.floor(nowMs / 1000);
    if (current !== second) text = new Date(nowMs).toUTCString();
    second = current;
    return text;
  };
}
