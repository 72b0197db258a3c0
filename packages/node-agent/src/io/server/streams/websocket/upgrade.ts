// The HTTP side of WebSocket: which subprotocol, and pings, so that nothing between us and the client takes silence for death.
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { WebSocketServer, type WebSocket } from "ws";

const pingIntervalMs = 30_000;
const largestMessageBytes = 4 << 20;

export interface AcceptedWebSocket {
  readonly webSocket: WebSocket;
  /** "" when the client asked for none: channels in binary, as the oldest clients speak. */
  readonly protocol: string;
}

/**
 * Answers the upgrade with the first of our protocols that the client offers, or with none if it offers none. Undefined when it offers only
 * others: it has been told 403, as the kubelet does.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  ours: readonly string[],
): Promise<AcceptedWebSocket | undefined> {
  const offered = offeredProtocols(request);
  const protocol = ours.find((name) => offered.includes(name)) ?? "";
  if (protocol === "" && offered.length > 0) {
    socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return Promise.resolve(undefined);
  }
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: largestMessageBytes });
  // `ws` refuses names with a slash ("SPDY/3.1+portforward.k8s.io"), so the choice is made without it.
  delete request.headers["sec-websocket-protocol"];
  if (protocol !== "") server.on("headers", (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(new Error("the client has gone")));
    server.handleUpgrade(request, socket, head, (webSocket) => resolve({ webSocket, protocol }));
  });
}

export function offeredProtocols(request: IncomingMessage): readonly string[] {
  return (request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
}

/**
 * Pings until the socket closes. A peer is cut when it has not answered a ping before which it had read everything: only then does silence
 * mean that it is gone. One that is slow in reading, or that we do not listen to for the moment, lives; TCP finds out if it is dead.
 */
export function keepAlive(webSocket: WebSocket, socket: Duplex, clock: Clock): void {
  const written = (): number => (socket instanceof Socket ? socket.bytesWritten : 0);
  /** How much had been written after each ping that is not answered yet. */
  const unanswered: number[] = [];
  let readByPeer = written();
  let lastPingWasAlone = false;
  webSocket.on("pong", () => (readByPeer = unanswered.shift() ?? readByPeer));
  const arm = (): void => {
    const timer = clock.setTimeout(() => {
      if (unanswered.length > 0 && lastPingWasAlone && !webSocket.isPaused) {
        webSocket.terminate();
        return;
      }
      lastPingWasAlone = unanswered.length === 0 && written() === readByPeer;
      webSocket.ping();
      unanswered.push(written());
      arm();
    }, pingIntervalMs);
    webSocket.once("close", () => timer.cancel());
  };
  arm();
}
