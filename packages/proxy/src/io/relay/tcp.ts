// One service's TCP relay: takes connections on a port of the node, picks a backend in turn, and carries bytes both ways. A
// backend that does not answer is passed over. Half-closed connections stay half open.
import { createServer, connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "@coxswain/clock";
import type { Rotation } from "../../core/rotation.ts";
import type { Relay } from "./relays.ts";

const connectTimeoutMs = 3_000;

export async function createTcpRelay(host: string, rotation: Rotation, clock: Clock): Promise<Relay> {
  const open = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    keep(client);
    client.on("error", () => client.destroy());
    void reach(client, rotation, clock, keep).then((backend) =>
      backend ? join(client, backend) : client.resetAndDestroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: 0 }, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Each backend is tried once. */
async function reach(
  client: Socket,
  rotation: Rotation,
  clock: Clock,
  keep: (socket: Socket) => Socket,
): Promise<Socket | undefined> {
  const from = client.remoteAddress ?? "";
  for (let tries = 0; tries < rotation.size && !client.destroyed; tries++) {
    const backend = rotation.next(from, clock.now(), tries > 0);
    if (!backend) return undefined;
    const socket = connect({ host: backend.address, port: backend.port, allowHalfOpen: true, noDelay: true });
    const timer = clock.setTimeout(() => socket.destroy(new Error("the backend does not answer")), connectTimeoutMs);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    timer.cancel();
    if (connected) return keep(socket);
  }
  return undefined;
}

/** The end of one direction ends the other side's; an error ends both. */
function join(client: Socket, backend: Socket): void {
  backend.on("error", () => client.resetAndDestroy());
  client.once("close", () => backend.destroy());
  backend.once("close", () => client.destroySoon());
  client.pipe(backend);
  backend.pipe(client);
}
