// Chooses HTTP/2 or HTTP/1.1 for one server: what TLS negotiates (ALPN). Keeps the HTTP/2 connection and replaces it when it
// breaks, goes away, or our certificate has changed. What a connection does not need is not loaded, and HTTP/2 while the server thinks.
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { Clock } from "@coxswain/clock";
import type { Http2Session } from "./http2.ts";
import { createLazyTransport } from "./lazy.ts";
import type { Patience } from "./patience.ts";
import { connectError } from "./tls.ts";
import type { TlsMaterial } from "./tls.ts";
import type { Transport } from "./transport.ts";

const connectTimeoutMs = 5_000;

export function createNegotiatingTransport(
  server: URL,
  tls: TlsMaterial,
  clock: Clock,
  patience: () => Patience,
  proxy?: URL,
): Transport {
  // Kubernetes' servers and ours speak HTTP/2, and every daemon carries this client.
  const http1 = createLazyTransport(async () => (await import("./http1.ts")).createHttp1Transport(server, tls, proxy));
  if (server.protocol === "http:") return http1;
  let pending: Promise<Http2Session | undefined> | undefined;
  let session: Http2Session | undefined;
  let sessionGeneration = -1;
  let onlyHttp1 = false;

  const negotiate = async (): Promise<Http2Session | undefined> => {
    const opening = openSocket(server, tls, clock, proxy);
    const [socket, { createHttp2Session }] = await Promise.all([opening, import("./http2.ts")]);
    if (socket.destroyed) throw connectError(server.origin, socket.errored ?? new Error("closed by the server"));
    if (socket.alpnProtocol === "h2") {
      sessionGeneration = tls.generation();
      session = createHttp2Session(server, socket, clock, patience());
      return session;
    }
    onlyHttp1 = true;
    socket.destroy();
    return undefined;
  };

  return {
    async send(request) {
      if (onlyHttp1) return http1.send(request);
      // An outdated connection is left to its streams and closes with the last of them.
      if (session?.usable() && sessionGeneration === tls.generation()) return session.send(request);
      pending ??= negotiate().finally(() => (pending = undefined));
      return ((await pending) ?? http1).send(request);
    },
    close() {
      http1.close();
      session?.close();
    },
  };
}

async function openSocket(server: URL, tls: TlsMaterial, clock: Clock, proxy: URL | undefined): Promise<TLSSocket> {
  const host = server.hostname.replace(/^\[|\]$/g, "");
  const port = Number(server.port || 443);
  const tunnel = proxy === undefined ? undefined : await (await import("./tunnel.ts")).openTunnel(proxy, host, port);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...(tunnel === undefined ? {} : { socket: tunnel }),
      ALPNProtocols: ["h2", "http/1.1"],
      ...tls.options(host),
    });
    socket.setNoDelay(true);
    const timer = clock.setTimeout(() => {
      socket.destroy(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
    }, connectTimeoutMs);
    const failed = (cause: NodeJS.ErrnoException): void => {
      timer.cancel();
      reject(connectError(server.origin, cause));
    };
    socket.once("error", failed);
    socket.once("secureConnect", () => {
      timer.cancel();
      // The listener stays: what breaks before somebody else listens is seen by `destroyed`.
      resolve(socket);
    });
  });
}
