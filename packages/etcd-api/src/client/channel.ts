// One HTTP/2 connection to one endpoint, opened at need and opened again after it broke. It carries calls and streams;
// which endpoint to take, and whether to try again, is decided in `balancer.ts`.
import * as net from "node:net";
import * as tls from "node:tls";
import type { SecureContextOptions } from "node:tls";
import { FrameReader, onlyMessage } from "../grpc/framing.ts";
import { createInbox } from "../grpc/inbox.ts";
import { GrpcError, decodeStatusMessage, statusCodes } from "../grpc/status.ts";
import { formatTimeout } from "../grpc/timeout.ts";
import type { Timers } from "../grpc/timers.ts";
import { Http2Connection } from "../http2/connection.ts";
import { errorCodes } from "../http2/frame.ts";
import { encodeHeaders } from "../http2/hpack.ts";
import type { Headers } from "../http2/hpack.ts";
import { watchLiveness } from "./liveness.ts";
import type { Liveness } from "./liveness.ts";

export interface ChannelOptions {
  /** "https://host:port" or "http://host:port". */
  readonly endpoint: string;
  /** Asked at each new connection, so that certificates can be replaced. */
  readonly tls: () => ClientTls | undefined;
  readonly maxResponseBytes: number;
  /** Fewer writes rather than early ones. */
  readonly gathersWrites: boolean;
  readonly connectTimeoutMs: number;
  /** A connection with open streams is pinged this often; one that does not answer is cut. */
  readonly pingIntervalMs: number;
  /** Silence under a call is looked into at once: there is another endpoint to go to. */
  readonly quick: boolean;
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
  /** Where it goes. */
  readonly endpoint: string;
  /** Sends one framed message. */
  send(framed: Buffer): void;
  /** No more messages from this side. */
  end(): void;
  /** Ends the stream at once. */
  cancel(): void;
  /** Ends normally with status OK; throws a GrpcError otherwise. Empty when the messages go to a taker. */
  readonly messages: AsyncIterable<Buffer>;
}

/** Takes messages as they arrive, for streams with many: there is nothing between it and the socket. */
export type TakeMessage = (message: Buffer) => void;

export interface Channel {
  readonly endpoint: string;
  unary(path: string, framed: Buffer, options: CallOptions): Promise<Buffer>;
  stream(path: string, options: CallOptions, take?: TakeMessage): Promise<ClientStream>;
  close(): void;
}

const streamInboxLimit = 1024;
const streamWindowBytes = 4 << 20;

/** A channel that connects with its first call. */
export function createChannel(options: ChannelOptions, timers: Timers): Channel {
  const url = new URL(options.endpoint);
  const blocks = new RequestBlocks(url);
  let line: Line | undefined;
  let connecting: Promise<Line> | undefined;
  let closed = false;

  const connect = (): Promise<Line> => {
    if (closed) return Promise.reject(new TransportError("the client is closed", false));
    connecting ??= open(url, options, timers).then(
      (opened) => {
        connecting = undefined;
        if (closed) opened.connection.destroy();
        line = opened;
        return opened;
      },
      (error: unknown) => {
        connecting = undefined;
        throw error;
      },
    );
    return connecting;
  };
  /** A connection that takes one more stream. */
  const current = async (): Promise<Line> => {
    for (;;) {
      const usable = line?.connection.open === true ? line : await connect();
      const room = usable.connection.whenRoom();
      if (room === undefined) return usable;
      await room;
    }
  };

  return {
    endpoint: options.endpoint,
    async unary(path, framed, call) {
      const usable =
        line?.connection.open === true && line.connection.whenRoom() === undefined ? line : await current();
      return await unary(usable, blocks.block(path, call), framed, call, options, timers);
    },
    async stream(path, call, take) {
      return startStream(await current(), blocks.block(path, call), call, options, take);
    },
    close() {
      closed = true;
      line?.connection.destroy();
      line = undefined;
    },
  };
}

interface Line {
  readonly connection: Http2Connection;
  readonly liveness: Liveness;
}

function open(url: URL, options: ChannelOptions, timers: Timers): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = dial(url, options.tls());
    let failure: Error | undefined;
    const fail = (error: Error | undefined): void => {
      timer.cancel();
      const reason = (error ?? failure)?.message ?? "closed";
      reject(new TransportError(`connection to ${options.endpoint} failed: ${reason}`, false, error ?? failure));
    };
    const timer = timers.setTimeout(
      () => socket.destroy(new Error(`no connection to ${options.endpoint} within ${options.connectTimeoutMs} ms`)),
      options.connectTimeoutMs,
    );
    const failed = (error: Error): void => void (failure = error);
    const gone = (): void => fail(undefined);
    socket.on("error", failed);
    socket.on("close", gone);
    socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
      if (socket instanceof tls.TLSSocket && socket.alpnProtocol !== "h2") {
        socket.destroy(new Error("the server does not speak HTTP/2"));
        return;
      }
      socket.off("close", gone);
      const connection = new Http2Connection(
        socket,
        { role: "client", streamWindowBytes, gathersWrites: options.gathersWrites },
        {
          settled() {
            timer.cancel();
            socket.unref();
            resolve({ connection, liveness: watchLiveness(connection, options, timers) });
          },
          closed: fail,
        },
      );
    });
  });
}

function dial(url: URL, material: ClientTls | undefined): net.Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const address = { host, port: Number(url.port || (secure ? "443" : "80")) };
  if (!secure) return net.connect(address);
  const servername = net.isIP(host) > 0 ? {} : { servername: host };
  return tls.connect({ ...address, ...servername, ...material, ALPNProtocols: ["h2"] });
}

/** Header blocks of requests; those without metadata of their own are made once. */
class RequestBlocks {
  readonly #fixed: Readonly<Record<string, string>>;
  readonly #made = new Map<string, Buffer>();

  constructor(url: URL) {
    this.#fixed = { ":method": "POST", ":scheme": url.protocol.slice(0, -1), ":authority": url.host };
  }

  block(path: string, { timeoutMs, metadata }: CallOptions): Buffer {
    const headers = {
      ...this.#fixed,
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": timeoutMs === undefined ? undefined : formatTimeout(timeoutMs),
    };
    if (metadata !== undefined) return encodeHeaders({ ...headers, ...metadata });
    const name = `${path} ${timeoutMs}`;
    let block = this.#made.get(name);
    if (block === undefined) {
      block = encodeHeaders(headers);
      if (this.#made.size < 256) this.#made.set(name, block);
    }
    return block;
  }
}

/** What the status in headers or trailers says; undefined while there is none. */
function statusOf(headers: Headers): GrpcError | "ok" | undefined {
  const status = headers["grpc-status"];
  if (status === undefined) {
    const http = headers[":status"];
    return http === undefined || Number(http) === 200
      ? undefined
      : new GrpcError(statusCodes.unknown, `unexpected HTTP status code ${http}`);
  }
  const code = Number(status);
  return code === 0 ? "ok" : new GrpcError(code, decodeStatusMessage(headers["grpc-message"] ?? ""));
}

function unary(
  { connection, liveness }: Line,
  block: Buffer,
  framed: Buffer,
  call: CallOptions,
  options: ChannelOptions,
  timers: Timers,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    call.signal?.throwIfAborted();
    const stream = connection.request(block, false);
    let frames: FrameReader | undefined;
    let response: Buffer | undefined;
    let status: GrpcError | "ok" | undefined;
    let failure: Error | undefined;
    const giveUp = (error: Error): void => {
      failure ??= error;
      stream.reset(errorCodes.cancel);
    };
    const timer =
      call.timeoutMs === undefined
        ? undefined
        : timers.setTimeout(
            () => giveUp(new GrpcError(statusCodes.deadlineExceeded, "context deadline exceeded")),
            call.timeoutMs,
          );
    const abandon = (): void => giveUp(call.signal?.reason as Error);
    call.signal?.addEventListener("abort", abandon, { once: true });
    stream.handler = {
      headers: (headers) => {
        status = statusOf(headers);
      },
      data(chunk) {
        try {
          const whole = frames === undefined ? onlyMessage(chunk, options.maxResponseBytes) : undefined;
          response = whole ?? (frames ??= new FrameReader(options.maxResponseBytes)).push(chunk)[0] ?? response;
        } catch (error) {
          giveUp(error as Error);
        }
      },
      closed({ code }) {
        liveness.end();
        timer?.cancel();
        call.signal?.removeEventListener("abort", abandon);
        if (status === "ok" && response !== undefined) resolve(response);
        else if (status !== undefined && status !== "ok") reject(status);
        else reject(failure ?? brokenStream(code));
      },
    };
    liveness.begin();
    stream.sendData(framed, true);
  });
}

function brokenStream(code: number | undefined): TransportError {
  const reason = code === undefined ? "connection closed" : `error code ${code}`;
  return new TransportError(`the stream broke off: ${reason}`, code !== errorCodes.refusedStream);
}

function startStream(
  { connection, liveness }: Line,
  block: Buffer,
  call: CallOptions,
  options: ChannelOptions,
  take: TakeMessage | undefined,
): ClientStream {
  call.signal?.throwIfAborted();
  const stream = connection.request(block, false);
  const frames = new FrameReader(options.maxResponseBytes);
  const cancel = (): void => stream.reset(errorCodes.cancel);
  const inbox = createInbox<Buffer>(streamInboxLimit, () => stream.resume(), cancel);
  let status: GrpcError | "ok" | undefined;
  let failure: Error | undefined;
  const abandon = (): void => {
    failure ??= call.signal?.reason as Error;
    cancel();
  };
  call.signal?.addEventListener("abort", abandon, { once: true });
  stream.handler = {
    headers: (headers) => {
      status = statusOf(headers) ?? status;
    },
    data(chunk) {
      try {
        const whole = frames.empty ? onlyMessage(chunk, options.maxResponseBytes) : undefined;
        const deliver = take ?? inbox.push;
        if (whole !== undefined) deliver(whole);
        else for (const bytes of frames.push(chunk)) deliver(bytes);
        if (inbox.full) stream.pause();
      } catch (error) {
        failure ??= error as Error;
        cancel();
      }
    },
    closed({ code }) {
      call.signal?.removeEventListener("abort", abandon);
      if (status === "ok") inbox.end();
      else inbox.fail(status ?? failure ?? brokenStream(code));
    },
  };
  return {
    endpoint: options.endpoint,
    send(framed) {
      liveness.asked();
      stream.sendData(framed, false);
    },
    end: () => void stream.sendData(Buffer.alloc(0), true),
    cancel,
    messages: inbox,
  };
}
