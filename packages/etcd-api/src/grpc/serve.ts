// Serves gRPC calls on HTTP/2 streams: routing, framing, deadlines, cancellation, trailers. It listens to nothing itself
// (`listener.ts` does) and knows no method's meaning. Errors are trailers-only while nothing has been sent.
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Init, Message } from "../wire/message.ts";
import { decode } from "../wire/message.ts";
import { WireError } from "../wire/reader.ts";
import { FrameReader, frame } from "./framing.ts";
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

/** A listener for the "stream" event of an HTTP/2 server. */
export function handleGrpc(
  options: ServeOptions,
  timers: Timers,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const routes = new Map<string, Route>();
  const services = new Set<string>();
  for (const implementation of options.services) {
    services.add(implementation.service);
    for (const [path, route] of implementation.routes) routes.set(path, route);
  }
  return (stream, headers) => {
    const path = String(headers[":path"]);
    const call = new ServedCall(stream, headers, path);
    stream.on("error", call.over);
    stream.on("close", call.over);
    const refusal = refuse(headers);
    if (refusal !== undefined) {
      call.fail(refusal);
      return;
    }
    const route = routes.get(path);
    if (route === undefined) {
      const [, service = "", method = ""] = path.split("/");
      call.fail(
        new GrpcError(
          statusCodes.unimplemented,
          services.has(service) ? `unknown method ${method} for service ${service}` : `unknown service ${service}`,
        ),
      );
      return;
    }
    const timeout = headers["grpc-timeout"];
    const timeoutMs = typeof timeout === "string" ? parseTimeout(timeout) : undefined;
    if (timeoutMs !== undefined) {
      call.timer = timers.setTimeout(
        () => call.fail(new GrpcError(statusCodes.deadlineExceeded, "context deadline exceeded")),
        timeoutMs,
      );
    }
    if (route.streaming === "unary") serveUnary(stream, call, route, options);
    else serveStream(stream, call, route, options);
  };
}

function refuse(headers: IncomingHttpHeaders): GrpcError | undefined {
  if (headers[":method"] !== "POST")
    return new GrpcError(statusCodes.internal, `unexpected HTTP method ${String(headers[":method"])}`);
  const encoding = headers["grpc-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    return new GrpcError(
      statusCodes.unimplemented,
      `grpc: Decompressor is not installed for grpc-encoding "${String(encoding)}"`,
    );
  }
  return undefined;
}

function serveUnary(
  stream: ServerHttp2Stream,
  call: ServedCall,
  route: Extract<Route, { streaming: "unary" }>,
  options: ServeOptions,
): void {
  const frames = new FrameReader(options.maxRequestBytes);
  let taken = false;
  stream.on("data", (chunk: Buffer) => {
    if (taken || call.ended) return;
    try {
      const [bytes] = frames.push(chunk);
      if (bytes === undefined) return;
      taken = true;
      void answer(bytes);
    } catch (error) {
      call.fail(asGrpcError(error, call.path, options));
    }
  });
  stream.on("end", () => {
    if (!taken) call.fail(new GrpcError(statusCodes.internal, "a unary call needs one request, found none"));
  });
  const answer = async (bytes: Buffer): Promise<void> => {
    try {
      const answered = route.handle(parse(route.request, bytes), call);
      const response = answered instanceof Promise ? await answered : answered;
      if (call.ended) return;
      call.open();
      stream.end(frame(route.response, response as Init<unknown>));
      call.finished();
    } catch (error) {
      call.fail(asGrpcError(error, call.path, options));
    }
  };
}

function serveStream(
  stream: ServerHttp2Stream,
  call: ServedCall,
  route: Exclude<Route, { streaming: "unary" }>,
  options: ServeOptions,
): void {
  const frames = new FrameReader(options.maxRequestBytes);
  const inbox: Inbox<unknown> = createInbox(inboxLimit, () => stream.resume());
  call.inbox = inbox;
  stream.on("data", (chunk: Buffer) => {
    if (call.ended) return;
    try {
      for (const bytes of frames.push(chunk)) inbox.push(parse(route.request, bytes));
      if (inbox.full) stream.pause();
    } catch (error) {
      call.fail(asGrpcError(error, call.path, options));
    }
  });
  stream.on("end", () => inbox.end());
  const streamCall: StreamCall<unknown> = {
    get signal() {
      return call.signal;
    },
    metadata: call.metadata,
    path: call.path,
    get peer() {
      return call.peer;
    },
    send: (response) => {
      if (call.ended) return true;
      call.open();
      return stream.write(frame(route.response, response));
    },
    drained: () => call.drained(),
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
      if (call.ended) return;
      call.open();
      stream.end();
      call.finished();
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

const contentType: OutgoingHttpHeaders = { ":status": 200, "content-type": "application/grpc" };

/** The state of one call on the server: opened once, ended once. */
class ServedCall implements Call {
  readonly metadata: IncomingHttpHeaders;
  readonly path: string;
  ended = false;
  timer: { cancel(): void } | undefined;
  inbox: Inbox<unknown> | undefined;
  readonly #stream: ServerHttp2Stream;
  #abort: AbortController | undefined;
  #gone = false;
  #trailers: OutgoingHttpHeaders = { "grpc-status": "0" };
  #waiting: (() => void)[] = [];

  constructor(stream: ServerHttp2Stream, metadata: IncomingHttpHeaders, path: string) {
    this.#stream = stream;
    this.metadata = metadata;
    this.path = path;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort(new GrpcError(statusCodes.cancelled, "context canceled"));
    }
    return this.#abort.signal;
  }

  get peer(): Peer {
    const socket = this.#stream.session?.socket as TLSSocket | undefined;
    const name = socket?.authorized === true ? socket.getPeerCertificate().subject?.CN : undefined;
    return {
      address: `${socket?.remoteAddress ?? ""}:${socket?.remotePort ?? 0}`,
      commonName: Array.isArray(name) ? name[0] : name,
    };
  }

  /** Sends the response's headers, once. */
  open(): void {
    if (this.#stream.headersSent || this.#stream.destroyed) return;
    this.#stream.respond(contentType, { waitForTrailers: true });
    this.#stream.on("wantTrailers", () => this.#stream.sendTrailers(this.#trailers));
  }

  /** The answer is complete; trailers follow by themselves. */
  finished(): void {
    this.ended = true;
    this.timer?.cancel();
  }

  fail(error: GrpcError): void {
    if (this.ended) return;
    this.finished();
    const status: OutgoingHttpHeaders = {
      "grpc-status": String(error.code),
      "grpc-message": encodeStatusMessage(error.details),
    };
    if (!this.#stream.destroyed) {
      if (this.#stream.headersSent) {
        this.#trailers = status;
        this.#stream.end();
      } else {
        this.#stream.respond({ ...contentType, ...status }, { endStream: true });
        this.#stream.resume();
      }
    }
    this.#release(error);
  }

  /** The stream is gone, for whatever reason. */
  readonly over = (): void => {
    this.ended = true;
    this.timer?.cancel();
    this.#release(new GrpcError(statusCodes.cancelled, "context canceled"));
  };

  drained(): Promise<void> {
    if (this.#gone || !this.#stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#stream.once("drain", () => this.#wake());
    });
  }

  #release(reason: GrpcError): void {
    if (this.#gone) return;
    this.#gone = true;
    this.inbox?.end();
    this.#abort?.abort(reason);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Whether a request is for gRPC at all; the rest goes to the HTTP handler. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers["content-type"]?.startsWith("application/grpc") === true;
}
