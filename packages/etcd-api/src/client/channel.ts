// One HTTP/2 connection to one endpoint, opened at need and opened again after it broke. It carries calls and streams;
// which endpoint to take, and whether to try again, is decided in `balancer.ts`.
import * as http2 from "node:http2";
import type { SecureContextOptions } from "node:tls";
import { FrameReader } from "../grpc/framing.ts";
import { createInbox } from "../grpc/inbox.ts";
import { GrpcError, decodeStatusMessage, statusCodes } from "../grpc/status.ts";
import { formatTimeout } from "../grpc/timeout.ts";
import type { Timers } from "../grpc/timers.ts";

export interface ChannelOptions {
  /** "https://host:port" or "http://host:port". */
  readonly endpoint: string;
  readonly tls: ClientTls | undefined;
  readonly maxResponseBytes: number;
  readonly connectTimeoutMs: number;
  /** An open connection is pinged this often; one that does not answer within the same time is cut. */
  readonly pingIntervalMs: number;
}

export type ClientTls = Pick<SecureContextOptions, "ca" | "cert" | "key"> & { readonly servername?: string };

/** The connection failed. `sent` says whether the server may have seen the request. */
export class TransportError extends GrpcError {
  readonly sent: boolean;

  constructor(details: string, sent: boolean, cause?: unknown) {
    super(statusCodes.unavailable, details, { cause });
    this.sent = sent;
  }
}

export interface CallOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface ClientStream {
  /** Sends one framed message. */
  send(framed: Buffer): void;
  /** No more messages from this side. */
  end(): void;
  /** Ends the stream at once. */
  cancel(): void;
  /** Ends normally with status OK; throws a GrpcError otherwise. */
  readonly messages: AsyncIterable<Buffer>;
}

export interface Channel {
  readonly endpoint: string;
  unary(path: string, framed: Buffer, options: CallOptions): Promise<Buffer>;
  stream(path: string, options: CallOptions): Promise<ClientStream>;
  close(): void;
}

const streamInboxLimit = 1024;

/** A channel that connects with its first call. */
export function createChannel(options: ChannelOptions, timers: Timers): Channel {
  let session: http2.ClientHttp2Session | undefined;
  let connecting: Promise<http2.ClientHttp2Session> | undefined;
  let closed = false;

  const connect = (): Promise<http2.ClientHttp2Session> => {
    if (closed) return Promise.reject(new TransportError("the client is closed", false));
    connecting ??= open(options, timers).then(
      (opened) => {
        connecting = undefined;
        if (closed) opened.destroy();
        session = opened;
        const forget = (): void => {
          if (session === opened) session = undefined;
        };
        opened.on("close", forget);
        opened.on("goaway", forget);
        return opened;
      },
      (error: unknown) => {
        connecting = undefined;
        throw error;
      },
    );
    return connecting;
  };
  const current = (): http2.ClientHttp2Session | undefined =>
    session !== undefined && !session.closed && !session.destroyed ? session : undefined;

  return {
    endpoint: options.endpoint,
    async unary(path, framed, call) {
      const open = current() ?? (await connect());
      return await unary(open, path, framed, call, options, timers);
    },
    async stream(path, call) {
      const open = current() ?? (await connect());
      return startStream(open, path, call, options);
    },
    close() {
      closed = true;
      session?.destroy();
      session = undefined;
    },
  };
}

function open(options: ChannelOptions, timers: Timers): Promise<http2.ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(options.endpoint, {
      ...options.tls,
      settings: { initialWindowSize: 4 << 20, enablePush: false },
      maxSessionMemory: 256,
      peerMaxConcurrentStreams: 1 << 20,
    });
    let failure: unknown;
    const timer = timers.setTimeout(
      () => session.destroy(new Error(`no connection to ${options.endpoint} within ${options.connectTimeoutMs} ms`)),
      options.connectTimeoutMs,
    );
    session.on("error", (error) => {
      failure = error;
    });
    session.on("close", () => {
      timer.cancel();
      reject(
        new TransportError(
          `connection to ${options.endpoint} failed: ${failure instanceof Error ? failure.message : "closed"}`,
          false,
          failure,
        ),
      );
    });
    session.on("connect", () => {
      timer.cancel();
      session.setLocalWindowSize(16 << 20);
      keepPinging(session, options.pingIntervalMs, timers);
      session.unref();
      resolve(session);
    });
  });
}

/** Cuts a connection whose other side no longer answers: a silent partition would hold its streams for ever. */
function keepPinging(session: http2.ClientHttp2Session, intervalMs: number, timers: Timers): void {
  let answered = true;
  const next = (): { cancel(): void } =>
    timers.setTimeout(() => {
      if (session.destroyed) return;
      if (!answered) {
        session.destroy(new Error(`no answer to a ping within ${intervalMs} ms`));
        return;
      }
      answered = false;
      session.ping(() => {
        answered = true;
      });
      timer = next();
    }, intervalMs);
  let timer = next();
  session.on("close", () => timer.cancel());
}

function requestHeaders(path: string, call: CallOptions): http2.OutgoingHttpHeaders {
  return {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...(call.timeoutMs === undefined ? {} : { "grpc-timeout": formatTimeout(call.timeoutMs) }),
    ...call.metadata,
  };
}

/** What the status in headers or trailers says; undefined while there is none. */
function statusOf(headers: http2.IncomingHttpHeaders): GrpcError | "ok" | undefined {
  const status = headers["grpc-status"];
  if (status === undefined) {
    const http = headers[":status"];
    return http === undefined || Number(http) === 200
      ? undefined
      : new GrpcError(statusCodes.unknown, `unexpected HTTP status code ${String(http)}`);
  }
  const code = Number(status);
  return code === 0 ? "ok" : new GrpcError(code, decodeStatusMessage(String(headers["grpc-message"] ?? "")));
}

function unary(
  session: http2.ClientHttp2Session,
  path: string,
  framed: Buffer,
  call: CallOptions,
  options: ChannelOptions,
  timers: Timers,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    call.signal?.throwIfAborted();
    const stream = session.request(requestHeaders(path, call));
    const frames = new FrameReader(options.maxResponseBytes);
    let response: Buffer | undefined;
    let status: GrpcError | "ok" | undefined;
    let failure: Error | undefined;
    const timer =
      call.timeoutMs === undefined
        ? undefined
        : timers.setTimeout(
            () => giveUp(new GrpcError(statusCodes.deadlineExceeded, "context deadline exceeded")),
            call.timeoutMs,
          );
    const giveUp = (error: Error): void => {
      failure ??= error;
      stream.close(http2.constants.NGHTTP2_CANCEL);
    };
    const abandon = (): void => giveUp(call.signal?.reason as Error);
    call.signal?.addEventListener("abort", abandon, { once: true });
    stream.on("response", (headers) => (status = statusOf(headers)));
    stream.on("trailers", (headers) => (status = statusOf(headers)));
    stream.on("data", (chunk: Buffer) => {
      try {
        response = frames.push(chunk)[0] ?? response;
      } catch (error) {
        giveUp(error as Error);
      }
    });
    stream.on("error", (error) => (failure ??= brokenStream(error, stream.rstCode)));
    stream.on("close", () => {
      timer?.cancel();
      call.signal?.removeEventListener("abort", abandon);
      if (status === "ok" && response !== undefined) resolve(response);
      else if (status !== undefined && status !== "ok") reject(status);
      else reject(failure ?? brokenStream(undefined, stream.rstCode));
    });
    stream.end(framed);
  });
}

function brokenStream(error: Error | undefined, rstCode: number | undefined): TransportError {
  const refused = rstCode === http2.constants.NGHTTP2_REFUSED_STREAM;
  return new TransportError(`the stream broke off: ${error?.message ?? "connection closed"}`, !refused, error);
}

function startStream(
  session: http2.ClientHttp2Session,
  path: string,
  call: CallOptions,
  options: ChannelOptions,
): ClientStream {
  call.signal?.throwIfAborted();
  const stream = session.request(requestHeaders(path, call), { endStream: false });
  const frames = new FrameReader(options.maxResponseBytes);
  const cancel = (): void => stream.close(http2.constants.NGHTTP2_CANCEL);
  const inbox = createInbox<Buffer>(streamInboxLimit, () => stream.resume(), cancel);
  let status: GrpcError | "ok" | undefined;
  let failure: Error | undefined;
  const abandon = (): void => {
    failure ??= call.signal?.reason as Error;
    cancel();
  };
  call.signal?.addEventListener("abort", abandon, { once: true });
  stream.on("response", (headers) => (status = statusOf(headers)));
  stream.on("trailers", (headers) => (status = statusOf(headers)));
  stream.on("data", (chunk: Buffer) => {
    try {
      for (const bytes of frames.push(chunk)) inbox.push(bytes);
      if (inbox.full) stream.pause();
    } catch (error) {
      failure ??= error as Error;
      cancel();
    }
  });
  stream.on("error", (error) => (failure ??= brokenStream(error, stream.rstCode)));
  stream.on("close", () => {
    call.signal?.removeEventListener("abort", abandon);
    if (status === "ok") inbox.end();
    else inbox.fail(status ?? failure ?? brokenStream(undefined, stream.rstCode));
  });
  return {
    send: (framed) => {
      if (!stream.destroyed && !stream.closed) stream.write(framed);
    },
    end: () => stream.end(),
    cancel,
    messages: inbox,
  };
}
