// Port-forward: pairs of streams (data and error), each pair a connection to one port of the pod. Over SPDY, over SPDY inside WebSocket
// messages, which is how kubectl does it since 1.31, or over plain WebSocket channels. Who is connected to is the caller's business.
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { createWebSocketStream } from "ws";
import { SpdyConnection, type SpdyStream } from "./spdy/connection.ts";
import { switchToSpdy } from "./spdy/upgrade.ts";
import { portChannelVersions, servePortChannels } from "./websocket/port-forward.ts";
import { acceptWebSocket, keepAlive, offeredProtocols } from "./websocket/upgrade.ts";

const protocol = "portforward.k8s.io";
const tunnelled = `SPDY/3.1+${protocol}`;

/** A connection to a port of the pod. `failure` resolves when it is over, with a sentence if it broke or never stood. */
export interface PortConnection {
  readonly stream: Duplex;
  readonly failure: Promise<string | undefined>;
}

/** May throw or reject, too, with a sentence for the person at the other end. */
export type ConnectPort = (port: number) => PortConnection | Promise<PortConnection>;

/** What is forwarded, for the request and for the sentences of failures. */
export interface ForwardedPod {
  readonly name: string;
  readonly uid: string;
  /** The ports that the request names; needed by clients that speak plain channels. */
  readonly ports: readonly number[];
}

/** Serves one client until it goes. Resolves at its end. A connection that fails is told to the client and leaves the others alone. */
export async function servePortForward(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  pod: ForwardedPod,
  connect: ConnectPort,
  clock: Clock,
): Promise<void> {
  const sayFailure = (port: number, why: string): string =>
    `error forwarding port ${port} to pod ${pod.name}, uid ${pod.uid}: ${why}`;
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    if (switchToSpdy(request, socket, [protocol]) !== undefined) await servePairs(socket, head, connect, sayFailure);
    return;
  }
  const accepted = await acceptWebSocket(request, socket, head, [tunnelled, ...portChannelVersions]);
  if (accepted === undefined) return;
  const { webSocket } = accepted;
  keepAlive(webSocket, socket, clock);
  if (accepted.protocol === tunnelled)
    await servePairs(createWebSocketStream(webSocket), Buffer.alloc(0), connect, sayFailure);
  else await servePortChannels(webSocket, accepted.protocol, pod.ports, connect, sayFailure);
}

/** Whether the client means the channels, which need the ports in the request. */
export function offersPortChannels(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket" && !offeredProtocols(request).includes(tunnelled);
}

async function servePairs(
  wire: Duplex,
  head: Buffer,
  connect: ConnectPort,
  sayFailure: (port: number, why: string) => string,
): Promise<void> {
  const pairs = new Map<string, Pair>();
  const connection = new SpdyConnection(wire, head, (stream) => {
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
      void forward(pair.data, pair.error, connect, sayFailure);
    }
  });
  await new Promise<void>((resolve) => connection.closed.addEventListener("abort", () => resolve(), { once: true }));
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
}

/** Both directions until both have ended. A failure is told on the error stream, whose plain end tells that there was none. */
async function forward(
  data: SpdyStream,
  error: SpdyStream,
  connect: ConnectPort,
  sayFailure: (port: number, why: string) => string,
): Promise<void> {
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
  if (!error.destroyed) error.end(failure === undefined ? undefined : sayFailure(port, failure));
}

/** Resolves at the end or the break of either side: the other direction learns it from its own stream. */
function copied(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    from.on("error", () => to.destroy());
    to.on("error", () => from.destroy());
    // Whoever is not listened to any more must not wait for it.
    to.once("close", () => from.destroy());
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
