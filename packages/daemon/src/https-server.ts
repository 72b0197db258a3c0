// The small HTTPS server that every daemon has: health, readiness, metrics, and what routes the daemon adds.
// Health is open to all; everything else asks for a certificate of the client authority. Certificates are read again
// when their files change. It speaks HTTP/1.1 only; the apiserver and the store bring their own servers. A daemon that runs as a
// pod may have no certificate: then it is plain HTTP, and the daemon's own gate says who may see more than health.
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { FastifyInstance } from "fastify";
import type { Clock, Timer } from "@coxswain/clock";
import type { Component } from "./component.ts";
import { StartError, UsageError } from "./errors.ts";
import { createRoutedApp, createSmallApp } from "./http-app.ts";
import type { App, Gate } from "./http-app.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./metrics.ts";
import { readTlsFiles, tlsFilesStamp } from "./tls-files.ts";
import type { TlsFiles, TlsMaterial } from "./tls-files.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { createServer: createHttpServer } = process.getBuiltinModule("node:http");

export interface HttpsServerConfig extends TlsFiles {
  readonly host: string;
  readonly port: number;
}

/** No certificate: plain HTTP. */
export interface PlainServerConfig {
  readonly host: string;
  readonly port: number;
  readonly certFile?: undefined;
}

interface ServerFlags {
  readonly "bind-address": string;
  readonly "secure-port": number;
  readonly "tls-cert-file": string | undefined;
  readonly "tls-private-key-file": string | undefined;
  readonly "client-ca-file": string | undefined;
}

/** The server that a daemon's flags ask for: plain where neither certificate nor key is given. Throws `UsageError` for one without the other. */
export function serverConfigOf(flags: ServerFlags): HttpsServerConfig | PlainServerConfig {
  const [host, port] = [flags["bind-address"], flags["secure-port"]];
  const [certFile, keyFile] = [flags["tls-cert-file"], flags["tls-private-key-file"]];
  if (certFile !== undefined && keyFile !== undefined)
    return { host, port, certFile, keyFile, clientCaFile: flags["client-ca-file"] };
  if (certFile === undefined && keyFile === undefined) return { host, port };
  throw new UsageError("--tls-cert-file and --tls-private-key-file are given together or not at all");
}

export interface PeerIdentity {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** Why a request is not let in. */
export interface Refusal {
  readonly status: 401 | 403 | 500;
  readonly text: string;
}

export interface HttpsServer extends Component {
  /** Reads the certificate files again now, rather than at the next look. */
  reloadCertificates(): Promise<void>;
}

export interface HttpsServerPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** What is missing; empty when ready. */
  readonly ready: () => readonly string[];
  /** Whether a verified client may use the routes that are not open; left out, every verified one may. */
  readonly authorize?: (peer: PeerIdentity) => boolean;
  /** Decides instead of the certificate check (tokens, delegated rights); may ask others. Open paths do not pass it. */
  readonly gate?: (request: IncomingMessage) => Promise<Refusal | undefined>;
  /** Adds the daemon's own routes, behind the certificate check. */
  readonly routes?: (app: FastifyInstance) => void;
  /** Takes upgraded connections (exec, attach, port-forward), behind the certificate check. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** How often certificate files are looked at, in milliseconds. */
const reloadIntervalMs = 30_000;

export function createHttpsServer(config: HttpsServerConfig | PlainServerConfig, ports: HttpsServerPorts): HttpsServer {
  let app: App | undefined;
  let certificates: { reload(): Promise<void>; cancel(): void } | undefined;

  const gate: Gate = async (request) => {
    if (ports.gate) return ports.gate(request);
    const peer = verifiedPeer(request);
    return peer !== undefined && (ports.authorize?.(peer) ?? true) ? undefined : { status: 401, text: "Unauthorized" };
  };

  return {
    async start() {
      const [server, watch] =
        config.certFile === undefined ? [createHttpServer(), undefined] : await openTls(config, ports);
      app = ports.routes ? await createRoutedApp(server, ports, gate) : createSmallApp(server, ports, gate);
      server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        void admitUpgrade(request, socket, ports, gate).then((admitted) => {
          if (admitted) ports.upgrade?.(request, socket, head);
        });
      });
      await listen(app, config);
      certificates = watch?.();
    },
    reloadCertificates: () => certificates?.reload() ?? Promise.resolve(),
    ready: () => (app ? [] : ["the HTTPS server does not listen yet"]),
    async stop() {
      certificates?.cancel();
      const closing = app;
      app = undefined;
      await closing?.close();
    },
  };
}

/** A server with the certificate of now, and what follows its files from when it listens. */
async function openTls(config: HttpsServerConfig, ports: HttpsServerPorts) {
  const stamp = await tlsFilesStamp(config).catch(() => "");
  const material = tlsOptions(await readTlsFiles(config));
  const server = createServer({ ...material, requestCert: true, rejectUnauthorized: false });
  return [server, () => reloadOnChange(server, config, ports, stamp)] as const;
}

/** The subject of a client certificate that the configured authority has signed. */
export function verifiedPeer(request: IncomingMessage): PeerIdentity | undefined {
  const socket = request.socket;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { CN, O } = socket.getPeerCertificate().subject;
  const [commonName, ...more] = valuesOf(CN);
  if (commonName === undefined || more.length > 0) return undefined;
  return { commonName, organizations: valuesOf(O) };
}

/** An attribute that a subject has once is a string, one that it has several times a list, whatever Node's types say. */
function valuesOf(attribute: string | readonly string[] | undefined): readonly string[] {
  return attribute === undefined ? [] : typeof attribute === "string" ? [attribute] : attribute;
}

/** Refuses in words; a gate that fails refuses, too. */
async function admitUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  ports: HttpsServerPorts,
  gate: Gate,
): Promise<boolean> {
  // Until the protocols own it, nobody else hears that the client has gone.
  const gone = (): void => void socket.destroy();
  socket.on("error", gone);
  let refusal: Refusal | undefined;
  try {
    refusal = ports.upgrade ? await gate(request) : { status: 401, text: "Unauthorized" };
  } catch (error) {
    ports.log.warn({ err: error }, "a connection could not be judged");
    refusal = { status: 401, text: "Unauthorized" };
  }
  socket.off("error", gone);
  if (!refusal) return !socket.destroyed;
  const { status, text } = refusal;
  const reason = { 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error" }[status];
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  return false;
}

async function listen(app: App, config: Pick<HttpsServerConfig, "host" | "port">): Promise<void> {
  try {
    await app.listen(config.host, config.port);
  } catch (cause) {
    await app.close();
    throw new StartError(listenFailure(cause as NodeJS.ErrnoException, config.host, config.port), { cause });
  }
}

/** One sentence for a person about a port that cannot be had. */
export function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is already in use`;
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine`;
    case "EACCES":
      return `no permission to listen on port ${port} of ${host}`;
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`;
  }
}

function reloadOnChange(
  server: Server,
  config: HttpsServerConfig,
  ports: HttpsServerPorts,
  loaded: string,
): { reload(): Promise<void>; cancel(): void } {
  const { clock, log } = ports;
  let current = loaded;
  let timer: Timer;
  const look = async (): Promise<void> => {
    const stamp = await tlsFilesStamp(config);
    if (stamp === current) return;
    server.setSecureContext(tlsOptions(await readTlsFiles(config)));
    current = stamp;
    log.info({ certFile: config.certFile }, "certificates reloaded");
  };
  const arm = (): void => {
    timer = clock.setTimeout(() => {
      look()
        .catch((err: unknown) => log.error({ err }, "certificates not reloaded; the old ones stay in use"))
        .finally(arm);
    }, reloadIntervalMs);
  };
  arm();
  return { reload: look, cancel: () => timer.cancel() };
}

function tlsOptions(material: TlsMaterial): { cert: Buffer; key: Buffer; ca?: Buffer; minVersion: "TLSv1.2" } {
  const { cert, key, ca } = material;
  // Without an authority of our own, the system's would verify strangers: an empty list verifies nobody.
  return { cert, key, ca: ca ?? Buffer.alloc(0), minVersion: "TLSv1.2" };
}
