// Connections that have not finished their handshake are strangers who cost memory: there are only so many of them, each has only so
// much time, and when there are too many the oldest goes. Who means it is through in milliseconds.
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";

export const handshakeTimeoutMs = 10_000;
const mostPending = 1000;

/** Keeps the number of unfinished handshakes of a listener below a bound. */
export function boundHandshakes(server: Pick<Server, "on">, most = mostPending): void {
  /** In the order of their coming. A peer's address and port tell its connection before and after the handshake. */
  const pending = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    pending.set(peer, socket);
    socket.once("close", () => {
      if (pending.get(peer) === socket) pending.delete(peer);
    });
    if (pending.size <= most) return;
    const [oldest] = pending;
    if (oldest === undefined) return;
    pending.delete(oldest[0]);
    oldest[1].destroy();
  });
  server.on("secureConnection", (socket: TLSSocket) => void pending.delete(peerOf(socket)));
}

function peerOf(socket: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${socket.remoteAddress ?? ""} ${socket.remotePort ?? 0}`;
}
