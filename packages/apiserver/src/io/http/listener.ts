// The sockets: one TLS port for HTTP/2 and HTTP/1.1, as a client's handshake chooses. HTTP/1.1 is Node's; HTTP/2 is etcd-api's, which costs a
// tenth of `node:http2` for a small request (docs/decisions/0004). What is asked on them is nobody's business here.
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { TLSSocket, TlsOptions } from "node:tls";
import { Http2Connection } from "@coxswain/etcd-api/http2";
import { handshakeTimeoutMs } from "./handshakes.ts";
import type { RawRequest } from "./incoming.ts";
import type { RawResponse } from "./outgoing.ts";
import { openExchange } from "./stream-messages.ts";

export type Material = Pick<TlsOptions, "cert" | "key" | "ca" | "minVersion">;

export interface Listener {
  /** Connections, handshakes, HTTP/1.1's upgrades and the like are heard of here; requests are not. */
  readonly server: Server;
  /** Tells the clients of HTTP/2 to go elsewhere; their connections end when their requests have. */
  shutdown(): void;
}

/**
 * Clients keep connections for reuse: one that closes under a request looks like a failure. Headers must come in time; a body that is
 * proxied may take its own, all others are ended with their request.
 */
const http1Times = { keepAliveTimeout: 120_000, headersTimeout: 30_000, requestTimeout: 3_600_000 };
/** A client whose machine has gone is noticed. */
const probeAfterMs = 30_000;
const mostStreams = 1000;
const streamWindowBytes = 1024 * 1024;

export function createListener(
  material: Material,
  serve: (request: RawRequest, response: RawResponse) => void,
  date: () => string,
): Listener {
  const server = createServer({
    ...material,
    ...http1Times,
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: probeAfterMs,
  });
  const connections = new Set<Http2Connection>();
  const serveHttp2 = (socket: TLSSocket): void => {
    const connection = new Http2Connection(
      socket,
      { role: "server", streamWindowBytes, mostStreams, gathersWrites: true },
      {
        opened(stream, headers, last) {
          const exchange = openExchange(stream, headers, last, socket, date);
          if (exchange) serve(exchange.request, exchange.answer);
        },
        closed: () => void connections.delete(connection),
      },
    );
    connections.add(connection);
  };
  // Node's own listener would speak HTTP/1.1 with everybody.
  const serveHttp1 = server.listeners("secureConnection");
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") serveHttp2(socket);
    else for (const serveOne of serveHttp1) serveOne.call(server, socket);
  });
  server.on("request", serve);
  return {
    server,
    shutdown() {
      for (const connection of connections) connection.shutdown();
    },
  };
}
