// Port-forward: pairs of streams (data and error), each pair a connection to one port of the pod. Over SPDY, or over SPDY inside
// WebSocket messages, which is how kubectl does it since 1.31. Who is connected to is the caller's business.
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { createWebSocketStream } from "ws";
import { SpdyConnection, type SpdyStream } from "./spdy/connection.ts";
import { switchToSpdy } from "./spdy/upgrade.ts";
import { acceptWebSocket, keepAlive } from "./websocket/upgrade.ts";

const protocol = "portforward.k8s.io";
const tunnelled = `SPDY/3.1+${protocol}`;

/** A connection to a port of the pod. `failure` resolves when it is over, with a sentence if it broke or never stood. */
export interface PortConnection {
  readonly stream: Duplex;
  readonly failure: Promise<string | undefined>;
}

/** May throw or reject, too, with a sentence for the person at the other end. */
export type ConnectPort = (port: number) => PortConnection | Promise<PortConnection>;

/** Serves one client until it goes. Resolves at its end. */
export async function servePortForward(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  connect: ConnectPort,
  clock: Clock,
): Promise<void> {
  const carrier = await acceptCarrier(request, socket, head, clock);
  if (carrier === undefined) return;
  const pairs = new Map<string, Pair>();
  const connection = new SpdyConnection(carrier.duplex, carrier.head, (stream) => {
    const id = stream.headers.get("requestid") ?? stream.headers.get("port") ?? "";
    const type = stream.headers.get("streamtype");
    if (type !== "data" && type !== "error") {
      stream.destroy();
      return;
    }
    const pair: Pair = pairs.get(id) ?? {};
    pair[type] = stream;
    if (pair.data === undefined || pair.error === undefined) pairs.set(id, pair);
    else {
      pairs.delete(id);
      void forward(pair.data, pair.error, connect);
    }
  });
  await new Promise<void>((resolve) => connection.closed.addEventListener("abort", () => resolve(), { once: true }));
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
}

async function acceptCarrier(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  clock: Clock,
): Promise<{ duplex: Duplex; head: Buffer } | undefined> {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    return switchToSpdy(request, socket, [protocol]) === undefined ? undefined : { duplex: socket, head };
  }
  const { webSocket, protocol: chosen } = await acceptWebSocket(request, socket, head, [tunnelled]);
  if (chosen === "") {
    webSocket.close(1002, `expected the subprotocol ${tunnelled}`);
    return undefined;
  }
  keepAlive(webSocket, clock);
  return { duplex: createWebSocketStream(webSocket), head: Buffer.alloc(0) };
}

/** Both directions until both have ended. A failure is told on the error stream, whose plain end tells that there was none. */
async function forward(data: SpdyStream, error: SpdyStream, connect: ConnectPort): Promise<void> {
  error.resume();
  const port = Number(data.headers.get("port"));
  let failure: string | undefined;
  try {
    const target = await connect(port);
    await Promise.all([copied(data, target.stream), copied(target.stream, data)]);
    target.stream.destroy();
    failure = await target.failure;
  } catch (cause) {
    failure = cause instanceof Error ? cause.message : String(cause);
    data.resume();
    data.end();
  }
  if (!error.destroyed) error.end(failure === undefined ? undefined : `error forwarding port ${port}: ${failure}`);
}

/** Resolves at the end or the break of either side: the other direction learns it from its own stream. */
function copied(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    from.on("error", () => to.destroy());
    to.on("error", () => from.destroy());
    from.on("end", () => to.end());
    from.pipe(to, { end: false });
    const done = (): void => {
      if (from.destroyed && !to.writableEnded) to.end();
      resolve();
    };
    from.once("end", done);
    from.once("close", done);
  });
}
