// Passes one ordinary request on and its answer back, in chunks as they come. It does not retry. Addresses that answers redirect to, and links
// of HTML pages, are rewritten so that they lead through us again.
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { RawRequest } from "../http/incoming.ts";
import type { RawResponse } from "../http/outgoing.ts";
import type { TunnelRequest } from "../http/tunnel.ts";
import type { AgentTls } from "./agent.ts";
import { linkStreams } from "./links.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { request: httpRequest } = process.getBuiltinModule("node:http");

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: AgentTls | undefined;
  /** With the query. */
  readonly path: string;
  /** Whose certificate it must be; left out: it is verified where there is an authority, by the host. */
  readonly servername?: string;
  /** Said in addition, in place of what the client says under the same names. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Headers of the client that begin so, in lower case, are not passed on: they would say to the target who asks. */
  readonly withheld?: readonly string[];
  /** It knows the path as the client does: nothing has to lead back through us. */
  readonly isWhole?: boolean;
}

/** Headers of one connection, or of the way up to here, that are nobody's business behind us. */
const dropped: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "cookie",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const largestErrorBytes = 2048;

/** A stream of text, whose errors become a Status. */
export async function forwardLog(
  target: Target,
  raw: RawRequest,
  response: RawResponse,
  signal: AbortSignal,
): Promise<void> {
  const upstream = await send(target, raw, undefined, signal).catch((cause: Error) => {
    // The words of Go's client, which Kubernetes passes on without a reason of its own.
    const message = `Get "https://${target.host}:${target.port}${target.path}": ${dialWords(target, cause)}`;
    const head = { kind: "Status", apiVersion: "v1", metadata: {} } as const;
    throw new StatusError({ ...head, status: "Failure", code: 500, message }, { cause });
  });
  if (upstream.statusCode !== 200) throw await logError(upstream);
  // The first byte of a log may be long in coming; the client should know at once that there is one.
  beginAnswer(response, 200, { "content-type": "text/plain" });
  await copy(upstream, response, signal);
}

/** Method, headers, body and answer as they are. */
export async function forwardWhole(
  target: Target,
  { info }: Pick<TunnelRequest, "info">,
  raw: RawRequest,
  response: RawResponse,
  signal: AbortSignal,
): Promise<void> {
  const prefix = target.isWhole ? "" : info.path.slice(0, info.path.length - info.rest.length).replace(/\/$/, "");
  const host = String(raw.headers["host"] ?? raw.headers[":authority"] ?? "");
  const headers = {
    ...passedHeaders(raw.headers, target.withheld),
    ...target.headers,
    host: `${target.host}:${target.port}`,
    "x-forwarded-uri": info.path,
    "x-forwarded-host": host,
    "x-forwarded-proto": "https",
  };
  const upstream = await send(target, raw, headers, signal).catch((cause: Error) => {
    throw new StatusError(statuses.serviceUnavailable(`error trying to reach service: ${dialWords(target, cause)}`), {
      cause,
    });
  });
  const answered = passedHeaders(upstream.headers);
  const location = upstream.headers.location;
  if (location !== undefined) answered.location = throughUs(location, target, prefix);
  const hosts = { prefix, target: `${target.host}:${target.port}`, client: host };
  const streams = location === undefined && raw.method !== "HEAD" ? linkStreams(upstream.headers, hosts) : [];
  if (streams.length > 0) delete answered["content-length"];
  beginAnswer(response, upstream.statusCode ?? 502, answered);
  await copy(upstream, response, signal, streams);
}

/** An address on the target's own host, as the client reaches it. Addresses elsewhere stay as they are. */
function throughUs(location: string, target: Target, prefix: string): string {
  const base = new URL(target.path, `${target.tls ? "https" : "http"}://${target.host}:${target.port}`);
  if (!URL.canParse(location, base.href)) return location;
  const url = new URL(location, base);
  return url.host === base.host ? `${prefix}${url.pathname}${url.search}${url.hash}` : location;
}

async function copy(
  upstream: IncomingMessage,
  response: RawResponse,
  signal: AbortSignal,
  through: readonly Transform[] = [],
): Promise<void> {
  try {
    await pipeline([upstream, ...through, response]);
  } catch (error) {
    // After the first byte there is no better way to say it: the client sees a cut answer.
    upstream.destroy();
    if (!signal.aborted && !response.destroyed) response.destroy(error instanceof Error ? error : undefined);
  }
}

/** Sends status and headers at once. */
export function beginAnswer(response: RawResponse, status: number, headers: OutgoingHttpHeaders): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, typeof value === "number" ? String(value) : value);
  response.flushHeaders();
}

/** Without headers it is a plain GET. */
function send(
  target: Target,
  raw: RawRequest,
  headers: OutgoingHttpHeaders | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { tls } = target;
    const options = {
      host: target.host,
      port: target.port,
      path: target.path,
      method: headers === undefined ? "GET" : (raw.method ?? "GET"),
      headers: headers ?? {},
      agent: false as const,
      signal,
    };
    const outgoing =
      tls === undefined ? httpRequest(options, resolve) : httpsRequest({ ...options, ...tlsOptions(target) }, resolve);
    outgoing.on("error", reject);
    if (options.method === "GET" || options.method === "HEAD") outgoing.end();
    else raw.pipe(outgoing);
  });
}

/** How a connection to the target is secured. */
export function tlsOptions({ tls, servername, isWhole }: Target): object {
  return {
    cert: tls?.cert,
    key: tls?.key,
    ca: tls?.ca,
    rejectUnauthorized: servername !== undefined || (isWhole !== true && tls?.ca !== undefined),
    ...(servername !== undefined && { servername }),
  };
}

export function dialError(target: Target, cause: Error): StatusError {
  return new StatusError(statuses.internalError(`error dialing backend: ${dialWords(target, cause)}`), { cause });
}

/** The same words as Go's, so that people find them. */
function dialWords(target: Target, cause: NodeJS.ErrnoException): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connect: connection refused",
    EHOSTUNREACH: "connect: no route to host",
    ENETUNREACH: "connect: network is unreachable",
    ETIMEDOUT: "i/o timeout",
    ECONNRESET: "read: connection reset by peer",
  };
  return `dial tcp ${target.host}:${target.port}: ${words[cause.code ?? ""] ?? cause.message}`;
}

function passedHeaders(headers: RawRequest["headers"], withheld: readonly string[] = []): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        !dropped.has(name) &&
        !name.startsWith(":") &&
        !name.startsWith("impersonate-") &&
        !name.startsWith("x-remote-") &&
        !withheld.some((start) => name.startsWith(start)),
    ),
  );
}

async function logError(upstream: IncomingMessage): Promise<StatusError> {
  let text = "";
  for await (const chunk of upstream) {
    text += (chunk as Buffer).toString("utf8");
    if (text.length > largestErrorBytes) break;
  }
  text = text.slice(0, largestErrorBytes).trim();
  switch (upstream.statusCode) {
    case 400:
      return new StatusError(statuses.badRequest(text));
    case 404:
      return new StatusError({
        ...statuses.pathNotFound(),
        message: text === "" ? "the server could not find the requested resource" : text,
      });
    case 500:
      return new StatusError(statuses.internalError(text));
    default:
      return new StatusError(statuses.internalError(`the node agent answered ${upstream.statusCode ?? 0}: ${text}`));
  }
}
