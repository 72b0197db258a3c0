// Passes an upgrade on and, once the other side has agreed, bytes both ways, without looking into them. WebSocket and SPDY are alike here.
// When it does not agree, its answer is passed on and the connection ends: a client must never be left on an open connection to someone who
// trusts us (CVE-2018-1002105).
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { dialError, type Target, tlsOptions } from "./forward.ts";

// Not imported: the facade of an import evaluates all that node:http has, and so loads the client behind `fetch`, which no daemon uses.
const { request: httpRequest } = process.getBuiltinModule("node:http");

/** Long idle sessions must survive whatever forgets silent connections. */
const keepAliveMs = 30_000;
/** How long the other end may stay after everything has been said. */
const lingerMs = 10_000;
const ours: ReadonlySet<string> = new Set(["host", "authorization", "cookie"]);
const hopByHop: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);
const bearerProtocol = "base64url.bearer.authorization.k8s.io.";

/** Rejects with a StatusError when the target cannot be reached; afterwards the connection belongs to the two ends. */
export function passUpgrade(target: Target, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port, tls, path } = target;
    const options = {
      host,
      port,
      path,
      method: raw.method ?? "GET",
      headers: passedHeaders(target, raw),
      agent: false as const,
    };
    const outgoing =
      tls === undefined
        ? httpRequest(options)
        : httpsRequest({
            ...options,
            ...tlsOptions(target),
          });
    const leave = (): void => void outgoing.destroy();
    socket.once("close", leave);
    outgoing.on("error", (cause) => {
      if (socket.destroyed) resolve();
      else reject(dialError(target, cause));
    });
    outgoing.on("response", (answer) => {
      resolve();
      refuse(answer, socket);
    });
    outgoing.on("upgrade", (answer, upstream, first) => {
      resolve();
      socket.off("close", leave);
      socket.write(headOf(answer, answer.rawHeaders));
      if (first.length > 0) socket.write(first);
      if (head.length > 0) upstream.write(head);
      join(socket, upstream);
    });
    outgoing.end();
  });
}

function join(socket: Duplex, upstream: Duplex): void {
  for (const end of [socket, upstream])
    if ("setTimeout" in end) (end as Socket).setTimeout(0).setNoDelay(true).setKeepAlive(true, keepAliveMs);
  // The error itself tells nobody anything new: an end is gone, and the other one learns it.
  upstream.on("error", () => upstream.destroy()).on("close", () => finish(socket));
  socket.on("error", () => socket.destroy()).on("close", () => finish(upstream));
  if (socket.destroyed) upstream.destroy();
  socket.pipe(upstream);
  upstream.pipe(socket);
}

/** The answer of someone who does not upgrade, to its end, which is the connection's. */
function refuse(answer: IncomingMessage, socket: Duplex): void {
  const headers: string[] = ["Connection", "close"];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [answer.rawHeaders[i], answer.rawHeaders[i + 1]];
    if (!hopByHop.has(name.toLowerCase())) headers.push(name, value);
  }
  socket.write(headOf(answer, headers));
  answer.on("error", () => socket.destroy());
  answer.pipe(socket);
  // What the client says from here on is for nobody.
  socket.resume();
}

/** Lets out what is written, the exit code above all, before the connection goes. */
function finish(end: Duplex): void {
  if (end.destroyed) return;
  if (!end.writableEnded) end.end();
  end.resume();
  if ("setTimeout" in end) (end as Socket).setTimeout(lingerMs, () => end.destroy());
}

function headOf(answer: IncomingMessage, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ""}`];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The headers as they came, names and order included, without what was meant for us. */
function passedHeaders(target: Target, raw: IncomingMessage): string[] {
  const headers = ["Host", `${target.host}:${target.port}`];
  for (const [name, values] of Object.entries(target.headers ?? {}))
    for (const value of Array.isArray(values) ? values : [values]) headers.push(name, value);
  for (let i = 0; i + 1 < raw.rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [raw.rawHeaders[i], raw.rawHeaders[i + 1]];
    const lower = name.toLowerCase();
    if (ours.has(lower) || lower.startsWith("impersonate-") || lower.startsWith("x-remote-")) continue;
    if (target.withheld?.some((start) => lower.startsWith(start))) continue;
    if (lower !== "sec-websocket-protocol") headers.push(name, value);
    else {
      const protocols = value
        .split(",")
        .map((text) => text.trim())
        .filter((text) => !text.startsWith(bearerProtocol));
      if (protocols.length > 0) headers.push(name, protocols.join(", "));
    }
  }
  return headers;
}
