// The listener: HTTP/2 and HTTP/1.1 on one TLS port, client certificates asked for but not demanded, upgrades for streams.
// Certificates are read again when their files change.
import type { IncomingMessage } from "node:http";
import { createSecureServer } from "node:http2";
import type { Http2SecureServer, Http2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { fastify } from "fastify";
import type { Clock, Timer } from "@coxswain/clock";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Component, Logger, TlsFiles, TlsMaterial } from "@coxswain/daemon";
import { listenFailure, readTlsFiles, StartError, tlsFilesStamp } from "@coxswain/daemon";
import { statusOf } from "../../errors.ts";
import { createPassage, pass } from "../../pipeline.ts";
import type { HandlerPorts } from "./handler.ts";
import { failureText, handle } from "./handler.ts";
import { boundHandshakes, handshakeTimeoutMs } from "./handshakes.ts";
import { createRequest } from "./incoming.ts";
import { createTrust } from "./trust.ts";

export interface ServerConfig extends TlsFiles {
  readonly host: string;
  readonly port: number;
}

const reloadIntervalMs = 5_000;
/**
 * Clients keep connections for reuse: one that closes under a request looks like a failure. Headers must come in time; a body that is
 * proxied may take its own, all others are ended with their request.
 */
const http1Times = { keepAliveTimeout: 120_000, headersTimeout: 30_000, requestTimeout: 3_600_000 };
/** How long open requests may take to end when the server stops. */
const drainMs = 2000;

export function createApiHttpServer(
  config: ServerConfig,
  outer: Omit<HandlerPorts, "trust"> & { readonly clock: Clock; readonly log: Logger },
): Component {
  let app: ReturnType<typeof createApp> | undefined;
  let timer: Timer | undefined;
  const sessions = new Set<Http2Session>();
  const upgraded = new Set<Duplex>();

  return {
    async start() {
      let stamp = await tlsFilesStamp(config).catch(() => "");
      const material = await readTlsFiles(config);
      const trust = createTrust(material.ca);
      const ports = { ...outer, trust };
      const server = createListener(material);
      boundHandshakes(server);
      server.on("session", (session) => {
        sessions.add(session);
        session.on("close", () => sessions.delete(session));
        session.on("error", () => session.destroy());
      });
      server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        upgraded.add(socket);
        socket.on("close", () => upgraded.delete(socket));
        void upgrade(request, socket, head, ports);
      });
      app = createApp(server, ports);
      try {
        await app.listen({ host: config.host, port: config.port });
      } catch (cause) {
        await app.close();
        throw new StartError(listenFailure(cause as NodeJS.ErrnoException, config.host, config.port), { cause });
      }
      const look = async (): Promise<void> => {
        const now = await tlsFilesStamp(config);
        if (now === stamp) return;
        const changed = await readTlsFiles(config);
        server.setSecureContext(contextOf(changed));
        trust.update(changed.ca);
        stamp = now;
        ports.log.info({ certFile: config.certFile }, "certificates reloaded");
      };
      const arm = (): void => {
        timer = ports.clock.setTimeout(() => {
          look()
            .catch((err: unknown) => ports.log.error({ err }, "certificates not reloaded; the old ones stay in use"))
            .finally(arm);
        }, reloadIntervalMs);
      };
      arm();
    },
    ready: () => (app ? [] : ["the API does not listen yet"]),
    async stop() {
      timer?.cancel();
      const closing = app;
      app = undefined;
      if (!closing) return;
      for (const session of sessions) session.close();
      const closed = closing.close();
      const force = outer.clock.setTimeout(() => {
        for (const session of sessions) session.destroy();
        for (const socket of upgraded) socket.destroy();
        if ("closeAllConnections" in closing.server)
          (closing.server as { closeAllConnections(): void }).closeAllConnections();
      }, drainMs);
      await closed;
      force.cancel();
    },
  };
}

function createListener(material: TlsMaterial): Http2SecureServer {
  return createSecureServer({
    ...contextOf(material),
    allowHTTP1: true,
    ...http1Times,
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
    // A client that cancels many watches is not an attacker; Node would close its connection.
    streamResetBurst: 100_000,
    streamResetRate: 10_000,
    maxSessionMemory: 1000,
    settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1000 },
  });
}

function contextOf({ cert, key, ca }: TlsMaterial): { cert: Buffer; key: Buffer; ca: Buffer; minVersion: "TLSv1.2" } {
  // Without an authority of our own, the system's would verify strangers: an empty list verifies nobody.
  return { cert, key, ca: ca ?? Buffer.alloc(0), minVersion: "TLSv1.2" };
}

/** fastify brings the requests in; what happens to them is the pipeline's. */
function createApp(server: Http2SecureServer, ports: HandlerPorts) {
  const app = fastify({
    http2: true,
    serverFactory: (handler) => server.on("request", handler),
    routerOptions: { maxParamLength: 65_536, ignoreTrailingSlash: false },
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      void handle(request.raw, reply.raw, ports);
    },
  });
  // Bodies are read by the verbs, as bytes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => {
    reply.hijack();
    void handle(request.raw, reply.raw, ports);
  });
  app.setErrorHandler((_error, request, reply) => {
    reply.hijack();
    void handle(request.raw, reply.raw, ports);
  });
  app.all("/*", (request, reply) => {
    reply.hijack();
    void handle(request.raw, reply.raw, ports);
  });
  return app;
}

async function upgrade(raw: IncomingMessage, socket: Duplex, head: Buffer, ports: HandlerPorts): Promise<void> {
  const aborter = new AbortController();
  socket.on("close", () => aborter.abort(new DOMException("the client has gone", "AbortError")));
  socket.on("error", () => socket.destroy());
  const memory = ports.parts.memory.open("CONNECT");
  const passage = createPassage(createRequest(raw, ports.trust, aborter.signal, memory));
  try {
    const reply = await pass(passage, ports.parts);
    if (reply.type !== "tunnel") throw new StatusError(statuses.badRequest("this request cannot be upgraded"));
    await ports.tunnel.upgrade(reply.request, raw, socket, head);
  } catch (error) {
    const { status, isBug } = statusOf(error);
    if (isBug)
      ports.log.error({ err: error, path: passage.info.path }, "an upgrade failed for a reason nobody expected");
    if (socket.writable) socket.end(failureText(status));
  } finally {
    for (const end of passage.onEnd) end();
    memory.release();
  }
}
