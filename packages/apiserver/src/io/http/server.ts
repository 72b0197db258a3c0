// The listener: HTTP/2 and HTTP/1.1 on one TLS port, client certificates asked for but not demanded, upgrades for streams.
// Certificates are read again when their files change.
import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@coxswain/clock";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Component, Logger, TlsFiles, TlsMaterial } from "@coxswain/daemon";
import { listenFailure, readTlsFiles, StartError, tlsFilesStamp } from "@coxswain/daemon";
import type { AuditOutcome } from "../../core/audit/trail.ts";
import { statusOf } from "../../errors.ts";
import type { Passage, Reply } from "../../pipeline.ts";
import { createPassage, pass } from "../../pipeline.ts";
import { createFanOut } from "./fan-out.ts";
import type { HandlerPorts } from "./handler.ts";
import { failureText, handle, representationFor, send } from "./handler.ts";
import { boundHandshakes } from "./handshakes.ts";
import { createRequest } from "./incoming.ts";
import { createListener } from "./listener.ts";
import type { Listener, Material } from "./listener.ts";
import { httpDate } from "./stream-messages.ts";
import { createTrust } from "./trust.ts";
import { asksForWebSocket, webSocketResponse } from "./web-socket-response.ts";

export interface ServerConfig extends TlsFiles {
  /** Authority of proxies that speak for others. */
  readonly proxyCaFile?: string | undefined;
  readonly host: string;
  readonly port: number;
}

const reloadIntervalMs = 5_000;
/** How long open requests may take to end when the server stops. */
const drainMs = 2000;

export function createApiHttpServer(
  config: ServerConfig,
  outer: Omit<HandlerPorts, "trust" | "fanOut"> & { readonly clock: Clock; readonly log: Logger },
): Component {
  let listener: Listener | undefined;
  let timer: Timer | undefined;
  const connections = new Set<Duplex>();
  const upgraded = new Set<Duplex>();

  return {
    async start() {
      let stamp = await stampOf(config).catch(() => "");
      const material = await readMaterial(config);
      const trust = createTrust(material.ca, material.proxyCa);
      const ports = { ...outer, trust, fanOut: createFanOut(outer.clock) };
      const created = createListener(
        contextOf(material),
        (request, response) => void handle(request, response, ports),
        httpDate(() => ports.clock.now()),
      );
      const { server } = created;
      boundHandshakes(server);
      server.on("secureConnection", (socket) => {
        connections.add(socket);
        socket.on("close", () => connections.delete(socket));
      });
      server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        upgraded.add(socket);
        socket.on("close", () => upgraded.delete(socket));
        void upgrade(request, socket, head, ports);
      });
      try {
        await listen(server, config);
      } catch (cause) {
        server.close();
        throw new StartError(listenFailure(cause as NodeJS.ErrnoException, config.host, config.port), { cause });
      }
      const look = async (): Promise<void> => {
        const now = await stampOf(config);
        if (now === stamp) return;
        const changed = await readMaterial(config);
        server.setSecureContext(contextOf(changed));
        trust.update(changed.ca, changed.proxyCa);
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
      listener = created;
    },
    ready: () => (listener ? [] : ["the API does not listen yet"]),
    async stop() {
      timer?.cancel();
      const closing = listener;
      listener = undefined;
      if (!closing) return;
      closing.shutdown();
      const closed = new Promise<void>((resolve) => void closing.server.close(() => resolve()));
      const force = outer.clock.setTimeout(() => {
        for (const socket of upgraded) socket.destroy();
        for (const socket of connections) socket.destroy();
      }, drainMs);
      await closed;
      force.cancel();
    },
  };
}

type ServerMaterial = TlsMaterial & { readonly proxyCa: Buffer | undefined };

async function readMaterial(config: ServerConfig): Promise<ServerMaterial> {
  const { proxyCaFile } = config;
  const { ca: proxyCa } = proxyCaFile === undefined ? {} : await readTlsFiles({ ...config, clientCaFile: proxyCaFile });
  return { ...(await readTlsFiles(config)), proxyCa };
}

async function stampOf(config: ServerConfig): Promise<string> {
  const { proxyCaFile } = config;
  const proxies = proxyCaFile === undefined ? "" : await tlsFilesStamp({ ...config, clientCaFile: proxyCaFile });
  return `${await tlsFilesStamp(config)} ${proxies}`;
}

function contextOf({ cert, key, ca, proxyCa }: ServerMaterial): Material {
  const authorities = [ca, proxyCa].filter((one) => one !== undefined);
  // Without an authority of our own, the system's would verify strangers: an empty list verifies nobody.
  return { cert, key, ca: authorities.length > 0 ? authorities : Buffer.alloc(0), minVersion: "TLSv1.2" };
}

function listen(server: Server, { host, port }: ServerConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function upgrade(raw: IncomingMessage, socket: Duplex, head: Buffer, ports: HandlerPorts): Promise<void> {
  const aborter = new AbortController();
  socket.on("close", () => aborter.abort(new DOMException("the client has gone", "AbortError")));
  socket.on("error", () => socket.destroy());
  const memory = ports.parts.memory.open("CONNECT");
  const request = createRequest(raw, ports.trust, aborter.signal, memory);
  const passage = createPassage(request, request.header("audit-id")?.slice(0, 64) || ports.parts.random.uuid());
  let outcome: AuditOutcome = { code: 101 };
  try {
    const reply = await pass(passage, ports.parts);
    const content = streamedBy(reply, passage);
    if (content !== undefined && asksForWebSocket(raw)) {
      const response = await webSocketResponse(raw, socket, head, content);
      passage.audit?.started(101);
      const representation = representationFor(passage.request, passage, ports);
      return await send(raw, response, passage, reply, representation, aborter.signal, ports);
    }
    if (reply.type !== "tunnel") throw new StatusError(statuses.badRequest("this request cannot be upgraded"));
    passage.audit?.started(101);
    await ports.tunnel.upgrade(reply.request, raw, socket, head);
  } catch (error) {
    const { status, isBug } = statusOf(error);
    if (isBug)
      ports.log.error({ err: error, path: passage.info.path }, "an upgrade failed for a reason nobody expected");
    outcome = { code: status.code, status };
    if (socket.writable) socket.end(failureText(status));
  } finally {
    passage.isOver = true;
    passage.audit?.completed(outcome);
    for (const end of passage.onEnd) end();
    memory.release();
  }
}

/** What is sent bit by bit and read only, so that a WebSocket may carry it. */
function streamedBy(reply: Reply, { info }: Passage): "watch" | "log" | undefined {
  if (reply.type === "watch") return "watch";
  return reply.type === "tunnel" && info.isResourceRequest && info.subresource === "log" ? "log" : undefined;
}
