// One service's UDP relay: each client that sends has a socket of its own towards its backend, until it is silent for a while.
// What the backend answers goes back to the client.
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import type { Clock, Timer } from "@coxswain/clock";
import { hostPort } from "../../core/address.ts";
import type { Rotation } from "../../core/rotation.ts";
import type { Relay } from "./relays.ts";

/** A client that was silent for so long is a new one when it comes again. */
const idleMs = 10_000;
/** At so many clients the one that has been silent longest goes. */
const mostClients = 4_096;

export async function createUdpRelay(host: string, rotation: Rotation, clock: Clock): Promise<Relay> {
  const type = host.includes(":") ? "udp6" : "udp4";
  const server = createSocket({ type, ipv6Only: type === "udp6" });
  const clients = new Map<string, { readonly socket: Socket; timer: Timer }>();

  const drop = (key: string): void => {
    const client = clients.get(key);
    if (!client) return;
    clients.delete(key);
    client.timer.cancel();
    client.socket.close();
  };
  const open = (key: string, address: string, port: number): { readonly socket: Socket; timer: Timer } | undefined => {
    const backend = rotation.next(address, clock.now());
    if (!backend) return undefined;
    const socket = createSocket(type);
    socket.on("message", (message) => {
      touch(key);
      server.send(message, port, address, () => undefined);
    });
    // A backend that refuses is left; the next datagram finds another.
    socket.on("error", () => drop(key));
    socket.connect(backend.port, backend.address);
    const client = { socket, timer: clock.setTimeout(() => drop(key), idleMs) };
    clients.set(key, client);
    const [oldest] = clients.keys();
    if (clients.size > mostClients && oldest !== undefined) drop(oldest);
    return client;
  };
  const touch = (key: string): void => {
    const client = clients.get(key);
    if (!client) return;
    client.timer.cancel();
    client.timer = clock.setTimeout(() => drop(key), idleMs);
    clients.delete(key);
    clients.set(key, client);
  };

  server.on("message", (message, { address, port }) => {
    const key = hostPort({ address, port });
    const known = clients.get(key);
    if (known) {
      touch(key);
      return void known.socket.send(message, (error) => (error ? drop(key) : undefined));
    }
    const client = open(key, address, port);
    client?.socket.once("connect", () => client.socket.send(message, (error) => (error ? drop(key) : undefined)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.bind({ address: host, port: 0 }, () => resolve());
  });
  server.on("error", () => undefined);
  return {
    port: server.address().port,
    close() {
      for (const key of [...clients.keys()]) drop(key);
      server.close();
    },
  };
}
