// exec and attach, whichever way the client speaks: WebSocket (kubectl since 1.30) or SPDY/3.1.
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import type { CommandSession, WantedStreams } from "./session.ts";
import { acceptSpdyCommand } from "./spdy/command.ts";
import { acceptWebSocketCommand } from "./websocket/command.ts";
import { offeredProtocols } from "./websocket/upgrade.ts";

const newestVersion = "v5.channel.k8s.io";

/** The streams that the request's query asks for, in the kubelet's names and in the API's. */
export function wantedStreams(query: URLSearchParams): WantedStreams {
  const flag = (...names: readonly string[]): boolean =>
    names.some((name) => ["1", "true"].includes(query.get(name) ?? ""));
  const tty = flag("tty");
  return {
    stdin: flag("input", "stdin"),
    stdout: flag("output", "stdout"),
    stderr: flag("error", "stderr") && !tty,
    tty,
  };
}

/** Whether the client reads failures from the error channel of an accepted stream rather than from the answer to the upgrade. */
export function readsFailuresFromStream(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket" && offeredProtocols(request).includes(newestVersion);
}

/** Answers the upgrade. Undefined when the client speaks no version that we know; it has been told so. */
export async function acceptCommand(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  wanted: WantedStreams,
  clock: Clock,
): Promise<CommandSession | undefined> {
  const protocol = request.headers.upgrade?.toLowerCase();
  if (protocol === "websocket") return acceptWebSocketCommand(request, socket, head, wanted, clock);
  if (protocol === "spdy/3.1") return acceptSpdyCommand(request, socket, head, wanted, clock);
  const body = "unable to upgrade: missing upgrade headers in request";
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return undefined;
}
