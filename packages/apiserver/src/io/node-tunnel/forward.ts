// Passes one ordinary request on and its answer back, in chunks as they come. It does not retry and does not rewrite pages.
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { request as httpRequest } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { AgentTls } from "./agent.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: AgentTls | undefined;
  /** With the query. */
  readonly path: string;
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

/** `log`: a stream of text, whose errors become a Status. `whole`: method, headers, body and answer as they are. */
export async function forward(
  target: Target,
  what: "log" | "whole",
  raw: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const upstream = await send(target, what, raw, signal);
  if (what === "log" && upstream.statusCode !== 200) throw await logError(upstream);
  // The first byte of a log may be long in coming; the client should know at once that there is one.
  beginAnswer(
    response,
    upstream.statusCode ?? 502,
    what === "log" ? { "content-type": "text/plain" } : passedHeaders(upstream.headers),
  );
  try {
    await pipeline(upstream, response);
  } catch (error) {
    // After the first byte there is no better way to say it: the client sees a cut answer.
    upstream.destroy();
    if (!signal.aborted && !response.destroyed) response.destroy(error instanceof Error ? error : undefined);
  }
}

/** Sends status and headers at once, over HTTP/1.1 and HTTP/2 alike (both have `flushHeaders`, though only one says so). */
export function beginAnswer(
  response: ServerResponse | Http2ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, typeof value === "number" ? String(value) : value);
  if ("flushHeaders" in response) response.flushHeaders();
}

function send(
  target: Target,
  what: "log" | "whole",
  raw: IncomingMessage | Http2ServerRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { tls } = target;
    const options = {
      host: target.host,
      port: target.port,
      path: target.path,
      method: what === "log" ? "GET" : (raw.method ?? "GET"),
      headers: what === "log" ? {} : { ...passedHeaders(raw.headers), host: `${target.host}:${target.port}` },
      agent: false as const,
      signal,
    };
    const outgoing =
      tls === undefined
        ? httpRequest(options, resolve)
        : httpsRequest(
            { ...options, cert: tls.cert, key: tls.key, ca: tls.ca, rejectUnauthorized: tls.ca !== undefined },
            resolve,
          );
    outgoing.on("error", (cause) => reject(dialError(target, cause)));
    if (what === "log" || options.method === "GET" || options.method === "HEAD") outgoing.end();
    else raw.pipe(outgoing);
  });
}

/** The same words as Go's, so that people find them. */
export function dialError(target: Target, cause: NodeJS.ErrnoException): StatusError {
  const where = `${target.host}:${target.port}`;
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connect: connection refused",
    EHOSTUNREACH: "connect: no route to host",
    ENETUNREACH: "connect: network is unreachable",
    ETIMEDOUT: "i/o timeout",
    ECONNRESET: "read: connection reset by peer",
  };
  const why = words[cause.code ?? ""] ?? cause.message;
  return new StatusError(statuses.internalError(`error dialing backend: dial tcp ${where}: ${why}`), { cause });
}

function passedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        !dropped.has(name) &&
        !name.startsWith(":") &&
        !name.startsWith("impersonate-") &&
        !name.startsWith("x-remote-"),
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
