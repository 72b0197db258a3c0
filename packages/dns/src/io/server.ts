// Listens for questions by UDP and TCP on one address. Frames and limits only; what to answer is the caller's.
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Clock } from "@coxswain/clock";
import { StartError, listenFailure } from "@coxswain/daemon";
import type { Component, Logger } from "@coxswain/daemon";
import { lengthOf } from "./exchange.ts";

/** Answers one message; undefined sends nothing. `family` is "1" for IPv4 and "2" for IPv6, as CoreDNS counts. */
export type Handler = (
  message: Buffer,
  transport: "udp" | "tcp",
  family: "1" | "2",
) => Buffer | undefined | Promise<Buffer | undefined>;

const mostConnections = 256;
const idleMs = 10_000;
/** Room for the questions that come while one is being answered. */
const receiveBytes = 2 << 20;
const mostUnreadBytes = 1 << 20;

export function createDnsServer(
  config: { readonly address: string; readonly port: number },
  ports: { readonly clock: Clock; readonly log: Logger; readonly handle: Handler },
): Component {
  const { address, port } = config;
  const { log, handle } = ports;
  let udp: UdpSocket | undefined;
  let tcp: Server | undefined;
  const connections = new Set<Socket>();
  const family = address.includes(":") ? "2" : "1";
  const answer = (message: Buffer, transport: "udp" | "tcp", send: (reply: Buffer) => void): void => {
    const failed = (err: unknown): void => log.error({ err, transport }, "a question could not be answered");
    try {
      const reply = handle(message, transport, family);
      if (reply instanceof Promise) reply.then((late) => (late ? send(late) : undefined)).catch(failed);
      else if (reply) send(reply);
    } catch (error) {
      failed(error);
    }
  };

  const connect = (socket: Socket): void => {
    connections.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.once("close", () => connections.delete(socket));
    socket.on("error", () => socket.destroy());
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + message.length);
        answer(message, "tcp", (reply) => socket.write(Buffer.concat([lengthOf(reply), reply])));
      }
      // Who does not read its answers gets no more of them.
      if (socket.writableLength > mostUnreadBytes) socket.destroy();
    });
  };

  return {
    async start() {
      udp = createSocket({
        type: address.includes(":") ? "udp6" : "udp4",
        recvBufferSize: receiveBytes,
        // Answers go to addresses, never to names.
        lookup: (host, _options, done) => done(null, host, address.includes(":") ? 6 : 4),
      });
      const socket = udp;
      await listening(address, port, (done, failed) => socket.once("error", failed).bind(port, address, done));
      socket.removeAllListeners("error");
      socket.on("error", (err) => log.error({ err }, "the UDP socket failed"));
      socket.on("message", (message, peer) =>
        answer(message, "udp", (reply) => {
          // The socket may have been closed while another server was asked.
          if (udp === socket) socket.send(reply, peer.port, peer.address);
        }),
      );
      tcp = createServer(connect);
      const server = tcp;
      server.maxConnections = mostConnections;
      await listening(address, port, (done, failed) => server.once("error", failed).listen(port, address, done));
      server.removeAllListeners("error");
      server.on("error", (err) => log.error({ err }, "the TCP listener failed"));
    },
    ready: () => (tcp?.listening ? [] : [`port ${port} on ${address} is not open yet`]),
    async stop() {
      const [closingUdp, closingTcp] = [udp, tcp];
      udp = tcp = undefined;
      for (const socket of connections) socket.destroy();
      await Promise.all([
        closingUdp && new Promise<void>((resolve) => closingUdp.close(resolve)),
        closingTcp && new Promise<void>((resolve) => closingTcp.close(() => resolve())),
      ]);
    },
  };
}

function listening(
  address: string,
  port: number,
  open: (done: () => void, failed: (error: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    open(resolve, (cause) =>
      reject(new StartError(listenFailure(cause as NodeJS.ErrnoException, address, port), { cause })),
    );
  });
}
