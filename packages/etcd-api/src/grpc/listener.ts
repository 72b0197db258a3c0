// The sockets of a gRPC server: one port that speaks HTTP/2 for gRPC and HTTP/1.1 or HTTP/2 for everything else (health,
// metrics, the JSON gateway), with TLS or without. Without TLS the first bytes tell which protocol it is (h2c by prior
// knowledge, as gRPC clients do it).
import * as http from "node:http";
import * as http2 from "node:http2";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions, TlsOptions } from "node:tls";
import { handleGrpc, isGrpc } from "./serve.ts";
import type { ServeOptions } from "./serve.ts";
import type { Timers } from "./timers.ts";

export interface GrpcServerOptions extends ServeOptions {
  /** Certificates, and whether clients must show one (`requestCert`, `rejectUnauthorized`). Absent: no TLS. */
  readonly tls?: Pick<TlsOptions, "cert" | "key" | "ca" | "requestCert" | "rejectUnauthorized" | "minVersion">;
  /** Requests that are not gRPC, in HTTP/1.1 or HTTP/2. Absent: 404. */
  readonly http?: (
    request: http.IncomingMessage | http2.Http2ServerRequest,
    response: http.ServerResponse | http2.Http2ServerResponse,
  ) => void;
}

export interface GrpcServer {
  /** Resolves with the port when connections are accepted. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** New certificates for new connections. */
  reload(tls: SecureContextOptions): void;
  /** Stops accepting, tells clients to go elsewhere (GOAWAY), and cuts what has not ended after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

// Cancelled watches are everyday here; Node's guard against rapid resets would close the connection after a thousand.
const http2Settings = {
  settings: { initialWindowSize: 1 << 20, maxConcurrentStreams: 2 ** 31 - 1 },
  streamResetBurst: 1_000_000,
  streamResetRate: 100_000,
  maxSessionMemory: 256,
  maxSendHeaderBlockLength: 1 << 16,
} satisfies http2.ServerOptions;

const connectionWindowBytes = 16 << 20;

/** A server that does nothing until `listen`. */
export function createGrpcServer(options: GrpcServerOptions, timers: Timers): GrpcServer {
  const serveHttp = options.http ?? notFound;
  const sessions = new Set<http2.ServerHttp2Session>();
  const sockets = new Set<net.Socket>();
  const { tls } = options;
  const secure =
    tls === undefined
      ? undefined
      : http2.createSecureServer(
          { ...tls, ...http2Settings, allowHTTP1: true, ALPNProtocols: ["h2", "http/1.1"] },
          serveHttp,
        );
  const speaker: http2.Http2Server | http2.Http2SecureServer = secure ?? http2.createServer(http2Settings, serveHttp);
  splitGrpc(speaker, handleGrpc(options, timers));
  speaker.on("session", (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.setLocalWindowSize(connectionWindowBytes);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  const listener = secure ?? listenPlain(speaker as http2.Http2Server, serveHttp);
  listener.on(secure === undefined ? "connection" : "secureConnection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  let closing: Promise<void> | undefined;
  const close = (graceMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cut = timers.setTimeout(() => {
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      const closed = (): void => {
        cut.cancel();
        resolve();
      };
      for (const session of sessions) session.close();
      if (listener.listening) listener.close(closed);
      else closed();
    });
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        listener.once("error", reject);
        listener.listen(port, host, () => {
          listener.off("error", reject);
          resolve((listener.address() as AddressInfo).port);
        });
      }),
    reload: (context) => secure?.setSecureContext(context),
    close: (graceMs = 0) => (closing ??= close(graceMs)),
  };
}

/** Sends gRPC streams to `serveGrpc`, the others through Node's request/response compatibility layer. */
function splitGrpc(
  server: http2.Http2Server | http2.Http2SecureServer,
  serveGrpc: ReturnType<typeof handleGrpc>,
): void {
  const compatibility = server.listeners("stream") as ((...args: unknown[]) => void)[];
  server.removeAllListeners("stream");
  server.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, ...rest: unknown[]) => {
    if (isGrpc(headers)) serveGrpc(stream, headers);
    else for (const listener of compatibility) listener.call(server, stream, headers, ...rest);
  });
}

const preface = Buffer.from("PRI * HTTP/2.0");

/** Without TLS: looks at a connection's first bytes and hands it to the server that speaks that protocol. */
function listenPlain(speaker: http2.Http2Server, serveHttp: NonNullable<GrpcServerOptions["http"]>): net.Server {
  const http1 = http.createServer(serveHttp);
  return net.createServer((socket) => {
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) {
        socket.once("readable", look);
        return;
      }
      socket.unshift(chunk);
      const known = Math.min(chunk.length, preface.length);
      const target = chunk.subarray(0, known).equals(preface.subarray(0, known)) ? speaker : http1;
      target.emit("connection", socket);
    };
    socket.once("readable", look);
  });
}

function notFound(_request: unknown, response: http.ServerResponse | http2.Http2ServerResponse): void {
  response.statusCode = 404;
  response.end();
}
