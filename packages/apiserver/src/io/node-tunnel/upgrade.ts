// Passes an upgrade on and then bytes both ways, without looking into them. WebSocket and SPDY are alike here.
import type { IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { dialError, type Target } from "./forward.ts";

/** Long idle sessions must survive whatever forgets silent connections. */
const keepAliveMs = 30_000;
/** How long the other end may stay after everything has been said. */
const lingerMs = 10_000;
const ours: ReadonlySet<string> = new Set(["host", "authorization", "cookie"]);
const bearerProtocol = "base64url.bearer.authorization.k8s.io.";

/** Rejects with a StatusError when the target cannot be reached; afterwards the connection belongs to the two ends. */
export async function passUpgrade(target: Target, raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const upstream = await dial(target);
  upstream.setKeepAlive(true, keepAliveMs);
  upstream.setNoDelay(true);
  if ("setTimeout" in socket) (socket as Socket).setTimeout(0).setNoDelay(true).setKeepAlive(true, keepAliveMs);
  // The error itself tells nobody anything new: an end is gone, and the other one learns it.
  upstream.on("error", () => upstream.destroy()).on("close", () => finish(socket));
  socket.on("error", () => socket.destroy()).on("close", () => finish(upstream));
  upstream.write(requestHead(target, raw));
  if (head.length > 0) upstream.write(head);
  socket.pipe(upstream);
  upstream.pipe(socket);
}

/** Lets out what is written, the exit code above all, before the connection goes. */
function finish(end: Duplex): void {
  if (end.destroyed) return;
  if (!end.writableEnded) end.end();
  end.resume();
  if ("setTimeout" in end) (end as Socket).setTimeout(lingerMs, () => end.destroy());
}

function dial(target: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { host, port, tls } = target;
    const fail = (cause: Error): void => reject(dialError(target, cause));
    const socket: Socket =
      tls === undefined
        ? connectTcp({ host, port }, () => done())
        : connectTls(
            {
              host,
              port,
              cert: tls.cert,
              key: tls.key,
              ca: tls.ca,
              rejectUnauthorized: tls.ca !== undefined,
              ALPNProtocols: ["http/1.1"],
            },
            () => done(),
          );
    socket.once("error", fail);
    const done = (): void => {
      socket.off("error", fail);
      resolve(socket);
    };
  });
}

/** The request as it came, without what was meant for us. */
function requestHead(target: Target, raw: IncomingMessage): string {
  const lines = [`${raw.method ?? "GET"} ${target.path} HTTP/1.1`, `Host: ${target.host}:${target.port}`];
  for (let i = 0; i + 1 < raw.rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [raw.rawHeaders[i], raw.rawHeaders[i + 1]];
    const lower = name.toLowerCase();
    if (ours.has(lower) || lower.startsWith("impersonate-") || lower.startsWith("x-remote-")) continue;
    if (lower !== "sec-websocket-protocol") lines.push(`${name}: ${value}`);
    else {
      const protocols = value
        .split(",")
        .map((text) => text.trim())
        .filter((text) => !text.startsWith(bearerProtocol));
      if (protocols.length > 0) lines.push(`${name}: ${protocols.join(", ")}`);
    }
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
