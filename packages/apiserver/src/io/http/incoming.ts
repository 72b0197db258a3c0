// A request as it arrives over HTTP/1.1 or HTTP/2, in the words of the pipeline. The body is read when a verb asks for it,
// up to its limit.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { pipeline } from "node:stream";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Credentials, ShownCertificate } from "../../core/request.ts";
import type { MemoryShare } from "../../memory-budget.ts";
import type { Request } from "../../pipeline.ts";
import { firstGeneration } from "./trust.ts";
import type { Trust } from "./trust.ts";

/** Kubernetes' limit for a body. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** What an IncomingMessage of Node and a StreamRequest have in common. */
export interface RawRequest extends Readable {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values in turns, as they came. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  /** The whole body, where it is there at once and nobody has begun to read it. */
  takeWhole?(): Buffer | undefined;
}

export function createRequest(raw: RawRequest, trust: Trust, signal: AbortSignal, memory: MemoryShare): Request {
  const url = raw.url ?? "/";
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  const header = (name: string): string | undefined => {
    const value = raw.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  };
  let body: Promise<Buffer> | undefined;
  return {
    method: raw.method ?? "GET",
    path,
    uri: url,
    remoteAddress: raw.socket.remoteAddress ?? "",
    query: new URLSearchParams(at < 0 ? "" : url.slice(at + 1)),
    header,
    headersOf: (prefix) => pairsOf(raw, prefix),
    credentials: credentialsOf(raw, trust, header),
    body: () => (body ??= readBody(raw, header("content-encoding"), memory)),
    signal,
    memory,
  };
}

/** Most requests have none of them: what there is is looked through before it is taken apart. */
function pairsOf(raw: RawRequest, prefix: string): readonly (readonly [name: string, value: string])[] {
  let any = false;
  for (const name in raw.headers) any ||= name.startsWith(prefix);
  if (!any) return none;
  const pairs: [string, string][] = [];
  const { rawHeaders } = raw;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    if (name.startsWith(prefix)) pairs.push([name, rawHeaders[at + 1] ?? ""]);
  }
  return pairs;
}

const none: readonly never[] = [];

function credentialsOf(raw: RawRequest, trust: Trust, header: (name: string) => string | undefined): Credentials {
  const authorization = header("authorization") ?? "";
  const bearer = /^Bearer +(\S+)\s*$/i.exec(authorization)?.[1];
  const { subject, isClient, isProxy } = shownOn(raw, trust);
  return {
    certificate: isClient ? subject : undefined,
    certificateRejected: subject !== undefined && !isClient,
    proxy: isProxy && subject ? { certificate: subject, headersOf: (prefix) => pairsOf(raw, prefix) } : undefined,
    bearerToken: bearer ?? tokenFromProtocols(header("sec-websocket-protocol")),
  };
}

/** Browsers cannot set headers on a WebSocket: the token travels as a subprotocol. */
function tokenFromProtocols(protocols: string | undefined): string | undefined {
  const prefix = "base64url.bearer.authorization.k8s.io.";
  const found = protocols
    ?.split(",")
    .map((text) => text.trim())
    .find((text) => text.startsWith(prefix));
  return found && Buffer.from(found.slice(prefix.length), "base64url").toString();
}

type PeerSubject = Readonly<Record<string, string | string[] | undefined>>;
/** What a connection has shown, and which of our authorities believe it. */
interface Shown {
  readonly subject: ShownCertificate | undefined;
  readonly isClient: boolean;
  readonly isProxy: boolean;
}
const nothing: Shown = { subject: undefined, isClient: false, isProxy: false };
const subjects = new WeakMap<TLSSocket, { readonly shown: Shown; readonly generation: number }>();

/** The same for a connection's whole life: looked up once, and again when other authorities are believed. */
function shownOn(raw: RawRequest, trust: Trust): Shown {
  const { socket } = raw;
  if (!(socket instanceof TLSSocket)) return nothing;
  const generation = trust.generation();
  const known = subjects.get(socket);
  if (known?.generation === generation) return known.shown;
  const atHandshake = known?.shown ?? readCertificate(socket);
  const suffices = generation === firstGeneration && !trust.hasProxies();
  const shown = suffices ? atHandshake : judge(socket, atHandshake, trust);
  subjects.set(socket, { shown, generation });
  return shown;
}

/** What the handshake refused stays refused: it looked at more than who has signed. */
function judge(socket: TLSSocket, shown: Shown, trust: Trust): Shown {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return { ...shown, isClient: false, isProxy: false };
  return { ...shown, isClient: trust.believes(certificate), isProxy: trust.believesProxy(certificate) };
}

function readCertificate(socket: TLSSocket): Shown {
  // An empty object when the client has none.
  const shown = socket.getPeerCertificate();
  const subject = shown.subject as PeerSubject | undefined;
  if (subject === undefined) return nothing;
  return {
    isClient: socket.authorized,
    isProxy: false,
    subject: {
      commonName: textsOf(subject["CN"])[0] ?? "",
      organizations: textsOf(subject["O"]),
      validFromMs: Date.parse(shown.valid_from),
      validToMs: Date.parse(shown.valid_to),
    },
  };
}

function textsOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** Bytes of memory for one of a body, while it is decoded, compared and written. */
const memoryPerByte = 8;

async function readBody(raw: RawRequest, encoding: string | undefined, memory: MemoryShare): Promise<Buffer> {
  // A failure on the way ends the reading below, too.
  const stream = encoding === "gzip" ? pipeline(raw, createGunzip(), () => undefined) : raw;
  const declared = Number(raw.headers["content-length"] ?? 0);
  if (declared > maxBodyBytes) throw tooLarge();
  const whole = encoding === "gzip" ? undefined : raw.takeWhole?.();
  if (whole) {
    if (whole.length > maxBodyBytes) throw tooLarge();
    memory.reserve(whole.length * memoryPerByte);
    return whole;
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  // A stream's own iterator would cost more than most bodies.
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    try {
      if (size > maxBodyBytes) throw tooLarge();
      memory.reserve(chunk.length * memoryPerByte);
      chunks.push(chunk);
    } catch (error) {
      stream.off("data", take);
      stream.destroy();
      reject(error as Error);
    }
  };
  let ended = false;
  stream.on("data", take);
  stream.once("end", () => {
    ended = true;
    resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  });
  stream.once("error", (error: NodeJS.ErrnoException) => {
    const isPacked = error.code?.startsWith("Z_") === true;
    reject(isPacked ? new StatusError(statuses.badRequest(`gzip: ${error.message}`), { cause: error }) : error);
  });
  stream.once("close", () => {
    // An error with its stack is dear, and every body is followed by a close.
    if (!ended) reject(new Error("the body ended before its end"));
  });
  if (stream.readableEnded) resolve(Buffer.alloc(0));
  else if (stream.destroyed) reject(new Error("the body ended before it was read"));
  return promise;
}

function tooLarge(): StatusError {
  return new StatusError(statuses.requestEntityTooLarge(`limit is ${maxBodyBytes}`));
}
