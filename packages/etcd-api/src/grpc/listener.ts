// The sockets of a gRPC server: one port that speaks HTTP/2 for gRPC and HTTP/1.1 or HTTP/2 for everything else (health,
// metrics, the JSON gateway), with TLS or without. The first bytes tell which protocol it is, so that clients which know
// beforehand need no negotiation (h2c, as gRPC clients without TLS do it).
import type * as http from "node:http";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import * as tls from "node:tls";
import type { SecureContextOptions, TLSSocket, TlsOptions } from "node:tls";
import { Http2Connection } from "../http2/connection.ts";
import { preface } from "../http2/frame.ts";
import { createHttpBridge } from "./http-bridge.ts";
import { handleGrpc, isGrpc } from "./serve.ts";
import type { ServeOptions } from "./serve.ts";
import type { Timers } from "./timers.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { createServer: createHttpServer } = process.getBuiltinModule("node:http");

export interface GrpcServerOptions extends ServeOptions {
  /** Certificates, and whether clients must show one (`requestCert`, `rejectUnauthorized`). Absent: no TLS. */
  readonly tls?: Pick<
    TlsOptions,
    "cert" | "key" | "ca" | "crl" | "ciphers" | "requestCert" | "rejectUnauthorized" | "minVersion" | "maxVersion"
  >;
  /** Requests that are not gRPC, in HTTP/1.1 or HTTP/2. Absent: 404. */
  readonly http?: (request: http.IncomingMessage, response: http.ServerResponse) => void;
}

export interface GrpcServer {
  /** Resolves with the port when connections are accepted. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** New certificates for new connections. */
  reload(tls: SecureContextOptions): void;
  /** Bytes to and from all connections so far, as the sockets count them. */
  traffic(): { readonly receivedBytes: number; readonly sentBytes: number };
  /** Stops accepting, tells clients to go elsewhere (GOAWAY), and cuts what has not ended after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

const streamWindowBytes = 1 << 20;

/** A server that does nothing until `listen`. */
export function createGrpcServer(options: GrpcServerOptions, timers: Timers): GrpcServer {
  const connections = new Set<Http2Connection>();
  const sockets = new Set<net.Socket>();
  const ended = { receivedBytes: 0, sentBytes: 0 };
  const http1 = createHttpServer(options.http ?? notFound);
  const serveGrpc = handleGrpc(options, timers);
  const serveHttp = createHttpBridge(http1);
  const accept = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      ended.receivedBytes += socket.bytesRead;
      ended.sentBytes += socket.bytesWritten;
    });
    speak(socket, http1, () => {
      const connection = new Http2Connection(
        socket,
        { role: "server", streamWindowBytes },
        {
          opened(stream, headers, last) {
            if (isGrpc(headers)) serveGrpc(stream, headers, last, socket as TLSSocket);
            else serveHttp(stream, headers, last);
          },
          closed: () => connections.delete(connection),
        },
      );
      connections.add(connection);
    });
  };
  const secure =
    options.tls === undefined
      ? undefined
      : tls.createServer({ ...options.tls, ALPNProtocols: ["h2", "http/1.1"] }, accept);
  // A client that breaks off its handshake, or shows no good certificate, is no business of ours.
  secure?.on("tlsClientError", (_error, socket) => socket.destroy());
  const listener = secure ?? net.createServer(accept);
  let closing: Promise<void> | undefined;
  const close = (graceMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cut = timers.setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      const closed = (): void => {
        cut.cancel();
        resolve();
      };
      for (const connection of connections) connection.shutdown();
      http1.closeIdleConnections();
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
    traffic: () => {
      let { receivedBytes, sentBytes } = ended;
      for (const { bytesRead, bytesWritten } of sockets) {
        receivedBytes += bytesRead;
        sentBytes += bytesWritten;
      }
      return { receivedBytes, sentBytes };
    },
    reload: (context) => secure?.setSecureContext(context),
    close: (graceMs = 0) => (closing ??= close(graceMs)),
  };
}

/** Looks at a connection's first bytes: HTTP/2 goes to `http2`, everything else to the HTTP/1.1 server. */
function speak(socket: net.Socket, http1: http.Server, serveHttp2: () => void): void {
  const look = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      socket.once("readable", look);
      return;
    }
    socket.unshift(chunk);
    const known = Math.min(chunk.length, preface.length);
    if (chunk.subarray(0, known).equals(preface.subarray(0, known))) serveHttp2();
    else http1.emit("connection", socket);
  };
  socket.once("readable", look);
}

function notFound(_request: unknown, response: http.ServerResponse): void {
  response.statusCode = 404;
  response.end();
}
