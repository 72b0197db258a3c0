// Serves gRPC calls on HTTP/2 streams: routing, framing, deadlines, cancellation, trailers. It listens to nothing itself
// (`listener.ts` does) and knows no method's meaning. Errors are trailers-only while nothing has been sent.
import type { TLSSocket } from "node:tls";
import { encodeHeaders } from "../http2/hpack.ts";
import type { Headers } from "../http2/hpack.ts";
import type { Http2Stream } from "../http2/stream.ts";
import type { Init, Message } from "../wire/message.ts";
import { decode } from "../wire/message.ts";
import { WireError } from "../wire/reader.ts";
import { FrameReader, frame, onlyMessage } from "./framing.ts";
import type { Call, Implementation, Peer, Route, StreamCall } from "./handlers.ts";
import { createInbox } from "./inbox.ts";
import type { Inbox } from "./inbox.ts";
import { GrpcError, encodeStatusMessage, statusCodes } from "./status.ts";
import { parseTimeout } from "./timeout.ts";
import type { Timers } from "./timers.ts";

export interface ServeOptions {
  readonly services: readonly Implementation[];
  /** Larger requests are refused by their length prefix. etcd: 1.5 MiB plus overhead. */
  readonly maxRequestBytes: number;
  /** Told of every handler's error that is not a GrpcError: a bug, answered with `Unknown`. */
  readonly onBug: (path: string, error: unknown) => void;
}

/** Requests of one stream that may wait for their handler before the peer is held back. */
const inboxLimit = 256;

/** Takes over a stream whose request's headers have arrived on that connection; `last` when nothing else will. */
export type ServeStream = (stream: Http2Stream, headers: Headers, last: boolean, socket: TLSSocket) => void;

export function handleGrpc(options: ServeOptions, timers: Timers): ServeStream {
  const routes = new Map<string, Route>();
  const services = new Set<string>();
  for (const implementation of options.services) {
    services.add(implementation.service);
    for (const [path, route] of implementation.routes) routes.set(path, route);
  }
  return (stream, headers, last, socket) => {
    const path = headers[":path"] ?? "";
    const call = new ServedCall(stream, headers, path, socket);
    const route = routes.get(path);
    const refusal = refuse(headers) ?? (route === undefined ? unknown(path, services) : undefined);
    if (refusal !== undefined || route === undefined) {
      stream.handler = { data: () => {}, closed: call.over };
      call.fail(refusal ?? unknown(path, services));
      return;
    }
    const timeout = headers["grpc-timeout"];
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
    if (timeoutMs !== undefined) {
      call.timer = timers.setTimeout(
        () => call.fail(new GrpcError(statusCodes.deadlineExceeded, "context deadline exceeded")),
        timeoutMs,
      );
    }
    if (route.streaming === "unary") serveUnary(stream, call, route, options);
    else serveStream(stream, call, route, options);
    if (last) stream.handler?.data(noBytes, true);
  };
}

const noBytes = Buffer.alloc(0);

function unknown(path: string, services: ReadonlySet<string>): GrpcError {
  const [, service = "", method = ""] = path.split("/");
  return new GrpcError(
    statusCodes.unimplemented,
    services.has(service) ? `unknown method ${method} for service ${service}` : `unknown service ${service}`,
  );
}

function refuse(headers: Headers): GrpcError | undefined {
  if (headers[":method"] !== "POST")
    return new GrpcError(statusCodes.internal, `unexpected HTTP method ${String(headers[":method"])}`);
  const encoding = headers["grpc-encoding"];
  if (encoding !== undefined && encoding !== "identity" && encoding !== "gzip") {
    return new GrpcError(
      statusCodes.unimplemented,
      `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`,
    );
  }
  return undefined;
}

function serveUnary(
  stream: Http2Stream,
  call: ServedCall,
  route: Extract<Route, { streaming: "unary" }>,
  options: ServeOptions,
): void {
  let frames: FrameReader | undefined;
  let taken = false;
  const answer = async (bytes: Buffer): Promise<void> => {
    try {
      const answered = route.handle(parse(route.request, bytes), call);
      const response = answered instanceof Promise ? await answered : answered;
      call.finish(frame(route.response, response as Init<unknown>));
    } catch (error) {
      call.fail(asGrpcError(error, call.path, options));
    }
  };
  stream.handler = {
    data(chunk, last) {
      if (taken || call.ended) return;
      try {
        // Nearly always the one message comes in one piece.
        let bytes = frames === undefined ? onlyMessage(chunk, options.maxRequestBytes) : undefined;
        if (bytes === undefined)
          [bytes] = (frames ??= new FrameReader(options.maxRequestBytes, call.metadata["grpc-encoding"])).push(chunk);
        if (bytes !== undefined) {
          taken = true;
          void answer(bytes);
        } else if (last) call.fail(new GrpcError(statusCodes.internal, "a unary call needs one request, found none"));
      } catch (error) {
        call.fail(asGrpcError(error, call.path, options));
      }
    },
    closed: call.over,
  };
}

function serveStream(
  stream: Http2Stream,
  call: ServedCall,
  route: Exclude<Route, { streaming: "unary" }>,
  options: ServeOptions,
): void {
  const frames = new FrameReader(options.maxRequestBytes, call.metadata["grpc-encoding"]);
  const inbox: Inbox<unknown> = createInbox(inboxLimit, () => stream.resume());
  call.inbox = inbox;
  stream.handler = {
    data(chunk, last) {
      if (call.ended) return;
      try {
        for (const bytes of frames.push(chunk)) inbox.push(parse(route.request, bytes));
        if (inbox.full) stream.pause();
        if (last) inbox.end();
      } catch (error) {
        call.fail(asGrpcError(error, call.path, options));
      }
    },
    closed: call.over,
  };
  const streamCall: StreamCall<unknown> = {
    get signal() {
      return call.signal;
    },
    metadata: call.metadata,
    path: call.path,
    get peer() {
      return call.peer;
    },
    send: (response) => call.send(frame(route.response, response)),
    drained: () => stream.whenWritable(),
  };
  const run = async (): Promise<void> => {
    try {
      let request: unknown = inbox;
      if (route.streaming === "server") {
        const first = await inbox[Symbol.asyncIterator]().next();
        if (first.done === true) throw new GrpcError(statusCodes.internal, "a call needs one request, found none");
        request = first.value;
      }
      await route.handle(request, streamCall);
      call.finish(undefined);
    } catch (error) {
      call.fail(asGrpcError(error, call.path, options));
    }
  };
  void run();
}

function parse<T>(message: Message<T>, bytes: Buffer): T {
  try {
    return decode(message, bytes);
  } catch (error) {
    if (error instanceof WireError)
      throw new GrpcError(statusCodes.internal, `grpc: error unmarshalling request: ${error.message}`, {
        cause: error,
      });
    throw error;
  }
}

function asGrpcError(error: unknown, path: string, options: ServeOptions): GrpcError {
  if (error instanceof GrpcError) return error;
  options.onBug(path, error);
  return new GrpcError(statusCodes.unknown, error instanceof Error ? error.message : String(error));
}

const answerHead = { ":status": 200, "content-type": "application/grpc" } as const;
const answerBlock = encodeHeaders(answerHead);
const okBlock = encodeHeaders({ "grpc-status": "0" });

/** The state of one call on the server: opened once, ended once. */
class ServedCall implements Call {
  readonly metadata: Headers;
  readonly path: string;
  ended = false;
  timer: { cancel(): void } | undefined;
  inbox: Inbox<unknown> | undefined;
  readonly #stream: Http2Stream;
  readonly #socket: TLSSocket;
  #abort: AbortController | undefined;
  #gone = false;
  #opened = false;

  constructor(stream: Http2Stream, metadata: Headers, path: string, socket: TLSSocket) {
    this.#stream = stream;
    this.#socket = socket;
    this.metadata = metadata;
    this.path = path;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort(cancelled());
    }
    return this.#abort.signal;
  }

  get peer(): Peer {
    const socket = this.#socket;
    const name = socket.authorized === true ? socket.getPeerCertificate().subject?.CN : undefined;
    return {
      address: `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`,
      commonName: Array.isArray(name) ? name[0] : name,
    };
  }

  /** False when the stream or its connection has enough for now. */
  send(framed: Buffer): boolean {
    if (this.ended) return true;
    this.#open();
    return this.#stream.sendData(framed, false);
  }

  /** The answer is complete with this message, if any. */
  finish(framed: Buffer | undefined): void {
    if (this.ended) return;
    this.#end();
    this.#open();
    if (framed !== undefined) this.#stream.sendData(framed, false);
    this.#stream.sendHeaders(okBlock, true);
  }

  fail(error: GrpcError): void {
    if (this.ended) return;
    this.#end();
    this.#release(error);
    const status = { "grpc-status": error.code, "grpc-message": encodeStatusMessage(error.details) };
    this.#stream.sendHeaders(encodeHeaders(this.#opened ? status : { ...answerHead, ...status }), true);
  }

  /** The stream is gone, for whatever reason. */
  readonly over = (): void => {
    this.#end();
    this.#release(undefined);
  };

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#stream.sendHeaders(answerBlock, false);
  }

  #end(): void {
    this.ended = true;
    this.timer?.cancel();
  }

  /** Without a reason: the client has cancelled, or everything is said. */
  #release(reason: GrpcError | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.inbox?.end();
    this.#abort?.abort(reason ?? cancelled());
  }
}

function cancelled(): GrpcError {
  return new GrpcError(statusCodes.cancelled, "context canceled");
}

/** Whether a request is for gRPC at all; the rest goes to the HTTP handler. */
export function isGrpc(headers: Headers): boolean {
  return headers["content-type"]?.startsWith("application/grpc") === true;
}
