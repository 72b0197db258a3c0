// The HTTP side of WebSocket: which subprotocol, and pings, so that nothing between us and the client takes silence for death.
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@coxswain/clock";
import { WebSocketServer, type WebSocket } from "ws";

const pingIntervalMs = 30_000;
const largestMessageBytes = 4 << 20;

/** Answers the upgrade with the first of our protocols that the client offers, or with none, as the kubelet does. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  ours: readonly string[],
): Promise<{ readonly webSocket: WebSocket; readonly protocol: string }> {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((text) => text.trim());
  const protocol = ours.find((name) => offered.includes(name)) ?? "";
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: largestMessageBytes });
  // `ws` refuses names with a slash ("SPDY/3.1+portforward.k8s.io"), so the choice is made without it.
  delete request.headers["sec-websocket-protocol"];
  if (protocol !== "") server.on("headers", (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(new Error("the client has gone")));
    server.handleUpgrade(request, socket, head, (webSocket) => resolve({ webSocket, protocol }));
  });
}

/** Pings until the socket closes; one that did not answer the last ping is cut. */
export function keepAlive(webSocket: WebSocket, clock: Clock): void {
  let answered = true;
  webSocket.on("pong", () => (answered = true));
  const arm = (): void => {
    const timer = clock.setTimeout(() => {
      if (!answered) {
        webSocket.terminate();
        return;
      }
      answered = false;
      webSocket.ping();
      arm();
    }, pingIntervalMs);
    webSocket.once("close", () => timer.cancel());
  };
  arm();
}
