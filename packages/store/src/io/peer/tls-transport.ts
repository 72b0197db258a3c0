// Members talk over TLS sockets with frames of our own: one connection from each to each for messages, one more for every snapshot.
// A message that cannot go at once is dropped, Raft says it again. A connection that breaks is reported at once: it is the earliest
// sign that a process has died.
import * as net from "node:net";
import * as tls from "node:tls";
import type { Clock, Random, Timer } from "@coxswain/clock";
import type { Logger } from "@coxswain/daemon";
import type { Message } from "raft-ts";
import { decodeMessage, decodeSnapshot, encodeMessage, encodeSnapshot } from "./codec.ts";
import { decodeHello, encodeFrame, encodeHello, encodePair, frameHeadBytes, frameInPlace } from "./frame.ts";
import type { Frame, Hello } from "./frame.ts";
import { dialPeer, readFrames } from "./connection.ts";
import { PairQueue } from "./pair-queue.ts";
import type { PeerTls } from "./connection.ts";
import { RoundTrips } from "./round-trips.ts";
import { Traffic } from "./traffic.ts";
import { askOver, decodeQuestion } from "./ask.ts";
import { PeerRefusal, removedReason } from "./peer.ts";
import type { PeerQuestion, PeerReceiver, PeerTransport } from "./peer.ts";

export interface TransportConfig {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly listen: readonly URL[];
  readonly tls: PeerTls | undefined;
}

export interface TransportPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** More than this unsent to one peer: drop, and probe again later. */
const maxQueuedBytes = 64 * 1024 * 1024;
const pairsFrameBytes = 256 * 1024;
const askTimeoutMs = 5000;
const reconnectMs = { least: 100, most: 1000 };

export function createTlsTransport(config: TransportConfig, ports: TransportPorts): PeerTransport {
  return new TlsTransport(config, ports);
}

interface Peer {
  readonly id: bigint;
  urls: readonly string[];
  socket: net.Socket | undefined;
  welcome: boolean;
  retry: Timer | undefined;
  failures: number;
}

class TlsTransport implements PeerTransport {
  readonly #config: TransportConfig;
  readonly #ports: TransportPorts;
  readonly #peers = new Map<bigint, Peer>();
  /** Where others send their messages from. */
  readonly #callers = new Map<bigint, net.Socket>();
  readonly #servers: net.Server[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #traffic = new Traffic();
  readonly #roundTrips: RoundTrips;
  #receiver: PeerReceiver | undefined;
  #stopped = false;

  constructor(config: TransportConfig, ports: TransportPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#roundTrips = new RoundTrips(ports.clock);
  }

  async start(receiver: PeerReceiver, signal: AbortSignal): Promise<void> {
    this.#receiver = receiver;
    for (const url of this.#config.listen) {
      signal.throwIfAborted();
      const server = this.#serverFor(url);
      this.#servers.push(server);
      await listen(server, url);
    }
    for (const peer of this.#peers.values()) this.#connect(peer);
  }

  setPeers(peers: ReadonlyMap<bigint, readonly string[]>): void {
    for (const [id, peer] of this.#peers) {
      if (peers.has(id)) continue;
      this.#peers.delete(id);
      peer.retry?.cancel();
      peer.socket?.destroy();
    }
    for (const [id, urls] of peers) {
      if (id === this.#config.memberId) continue;
      const known = this.#peers.get(id);
      if (known) {
        known.urls = urls;
        continue;
      }
      const peer: Peer = { id, urls, socket: undefined, welcome: false, retry: undefined, failures: 0 };
      this.#peers.set(id, peer);
      if (this.#receiver) this.#connect(peer);
    }
  }

  send(messages: readonly Message[]): void {
    const written = new Set<net.Socket>();
    for (const message of messages) {
      const peer = this.#peers.get(message.to);
      if (message.type === "snapshot") {
        if (peer) void this.#sendSnapshot(peer, message);
        else this.#receiver?.snapshotDelivered(message.to, false);
        continue;
      }
      // One that is not known here yet is answered where it speaks: it may be the leader, and this member far behind.
      const socket = peer ? (peer.welcome ? peer.socket : undefined) : this.#callers.get(message.to);
      if (!socket || socket.writableLength > maxQueuedBytes) {
        if (peer) this.#traffic.drop(peer.id);
        if (peer && message.type === "append") this.#receiver?.unreachable(peer.id);
        continue;
      }
      // All that goes to one peer now leaves in one write.
      if (message.type === "heartbeat") this.#roundTrips.asked(message.to);
      if (!written.has(socket)) {
        written.add(socket);
        socket.cork();
      }
      socket.write(frameInPlace("message", encodeMessage(message, frameHeadBytes)));
    }
    for (const socket of written) socket.uncork();
  }

  connected(id: bigint): boolean {
    return id === this.#config.memberId || this.#peers.get(id)?.welcome === true;
  }

  traffic(): ReturnType<Traffic["totals"]> {
    return this.#traffic.totals();
  }

  onRoundTrip(tell: (to: bigint, ms: number) => void): void {
    this.#roundTrips.tell = tell;
  }

  async ask(to: bigint, question: PeerQuestion, payload: Uint8Array): Promise<Uint8Array> {
    const url = this.#peers.get(to)?.urls[0];
    if (url === undefined) throw new Error(`no address is known of member ${hex(to)}`);
    const { clusterId, memberId } = this.#config;
    const socket = this.#dial(new URL(url), { purpose: "ask", clusterId, from: memberId, to });
    return askOver(socket, question, payload, this.#ports.clock, askTimeoutMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const peer of this.#peers.values()) peer.retry?.cancel();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #connect(peer: Peer): void {
    if (this.#stopped || peer.socket || this.#peers.get(peer.id) !== peer) return;
    const url = peer.urls[peer.failures % Math.max(1, peer.urls.length)];
    if (!url) return;
    const socket = this.#dial(new URL(url), {
      purpose: "messages",
      clusterId: this.#config.clusterId,
      from: this.#config.memberId,
      to: peer.id,
    });
    peer.socket = socket;
    peer.welcome = false;
    readFrames(socket, (frame) => {
      if (frame.kind === "refused" && frame.payload.toString() === removedReason) this.#receiver?.removed();
      else if (frame.kind === "refused")
        this.#ports.log.error({ peer: hex(peer.id), reason: frame.payload.toString() }, "a peer refuses this member");
      if (frame.kind === "message") this.#step(peer.id, frame.payload);
      if (frame.kind !== "welcome") return;
      peer.welcome = true;
      peer.failures = 0;
      this.#ports.log.info({ peer: hex(peer.id) }, "connected to a peer");
    });
    socket.on("close", () => {
      if (peer.socket !== socket) return;
      if (peer.welcome) this.#ports.log.warn({ peer: hex(peer.id) }, "lost the connection to a peer");
      peer.socket = undefined;
      peer.welcome = false;
      peer.failures++;
      if (this.#stopped || this.#peers.get(peer.id) !== peer) return;
      this.#receiver?.unreachable(peer.id);
      const delay = Math.min(reconnectMs.most, reconnectMs.least * 2 ** Math.min(peer.failures, 5));
      peer.retry = this.#ports.clock.setTimeout(
        () => this.#connect(peer),
        delay * (0.5 + this.#ports.random.next() / 2),
      );
    });
  }

  async #sendSnapshot(peer: Peer, message: Extract<Message, { type: "snapshot" }>): Promise<void> {
    const receiver = this.#receiver;
    const url = peer.urls[0];
    if (!receiver) return;
    // Raft waits for a word about every snapshot.
    if (!url) return receiver.snapshotDelivered(peer.id, false);
    const socket = this.#dial(new URL(url), {
      purpose: "snapshot",
      clusterId: this.#config.clusterId,
      from: this.#config.memberId,
      to: peer.id,
    });
    const closed = new Promise<false>((resolve) => socket.on("close", () => resolve(false)));
    const delivered = new Promise<true>((resolve) =>
      readFrames(socket, (frame) => frame.kind === "end" && resolve(true)),
    );
    try {
      // Newer than what Raft asked for is as good: the follower says how far it is when it has it.
      const copy = await receiver.copyBackend();
      const { snapshot } = copy;
      socket.write(encodeFrame("message", encodeMessage({ ...message, snapshot })));
      socket.write(encodeFrame("snapshot", encodeSnapshot(snapshot)));
      let batch: Buffer[] = [];
      let bytes = 0;
      const flush = async (): Promise<void> => {
        const full = !socket.write(encodeFrame("pairs", Buffer.concat(batch)));
        batch = [];
        bytes = 0;
        if (full) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
      };
      for await (const [key, value] of copy.pairs) {
        if (socket.destroyed) break;
        batch.push(encodePair(key, value));
        bytes += key.length + value.length + 8;
        if (bytes >= pairsFrameBytes) await flush();
      }
      await flush();
      socket.write(encodeFrame("end", Buffer.alloc(0)));
      const done = await Promise.race([delivered, closed]);
      this.#ports.log.info({ peer: hex(peer.id), index: snapshot.index, delivered: done }, "sent a snapshot");
      receiver.snapshotDelivered(peer.id, done);
    } catch (err) {
      this.#ports.log.warn({ peer: hex(peer.id), err }, "could not send a snapshot");
      receiver.snapshotDelivered(peer.id, false);
    } finally {
      socket.destroy();
    }
  }

  #dial(url: URL, hello: Hello): net.Socket {
    const socket = dialPeer(url, this.#config.tls);
    this.#track(socket);
    this.#traffic.follow(hello.to, socket);
    socket.write(encodeFrame("hello", encodeHello(hello)));
    return socket;
  }

  #serverFor(url: URL): net.Server {
    const { tls: material } = this.#config;
    const accept = (socket: net.Socket): void => {
      this.#track(socket);
      this.#serve(socket);
    };
    if (url.protocol !== "https:" || !material) return net.createServer(accept);
    const options = (): tls.TlsOptions => {
      const { cert, key, ca, requireClientCertificate } = material;
      return {
        cert,
        key,
        ...(ca ? { ca } : {}),
        requestCert: requireClientCertificate,
        rejectUnauthorized: requireClientCertificate,
        minVersion: "TLSv1.2",
      };
    };
    const server = tls.createServer(options(), accept);
    material.onChange?.(() => server.setSecureContext(options()));
    return server;
  }

  #track(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // What went wrong shows in "close", which always follows.
    socket.on("error", (err) => this.#ports.log.debug({ err }, "a peer connection failed"));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const [id, caller] of this.#callers) if (caller === socket) this.#callers.delete(id);
    });
  }

  #step(from: bigint, payload: Buffer): void {
    const message = decodeMessage(payload);
    if (message.type === "heartbeat-response") this.#roundTrips.answered(from);
    if (message.from === from && message.to === this.#config.memberId) this.#receiver?.step(message);
  }

  #serve(socket: net.Socket): void {
    let hello: Hello | undefined;
    let incoming: Incoming | undefined;
    readFrames(socket, (frame) => {
      const receiver = this.#receiver;
      if (!receiver) return;
      if (!hello) {
        hello = this.#greet(socket, frame, receiver);
        if (hello) this.#traffic.follow(hello.from, socket);
        if (hello?.purpose === "messages") this.#callers.set(hello.from, socket);
        return;
      }
      if (hello.purpose === "messages" && frame.kind === "message") return this.#step(hello.from, frame.payload);
      if (hello.purpose === "ask" && frame.kind === "question") {
        this.#answer(socket, frame.payload, receiver);
        return;
      }
      if (hello.purpose !== "snapshot") return;
      incoming ??= { message: undefined, pairs: new PairQueue(socket) };
      this.#takeSnapshotFrame(socket, frame, incoming, receiver);
    });
  }

  #takeSnapshotFrame(socket: net.Socket, frame: Frame, incoming: Incoming, receiver: PeerReceiver): void {
    switch (frame.kind) {
      case "message":
        incoming.message = decodeMessage(frame.payload);
        return;
      case "snapshot": {
        const { message } = incoming;
        const snapshot = decodeSnapshot(frame.payload);
        receiver.receiveBackend(snapshot, incoming.pairs).then(
          () => {
            if (message) receiver.step(message);
            socket.end(encodeFrame("end", Buffer.alloc(0)));
          },
          (err: unknown) => {
            this.#ports.log.warn({ err }, "could not receive a snapshot");
            socket.destroy();
          },
        );
        return;
      }
      case "pairs":
        incoming.pairs.push(frame.payload);
        return;
      case "end":
        incoming.pairs.end();
        return;
      case "hello":
      case "welcome":
      case "refused":
      case "cluster":
        return;
    }
  }

  #answer(socket: net.Socket, bytes: Buffer, receiver: PeerReceiver): void {
    const asked = decodeQuestion(bytes);
    const answered = asked
      ? receiver.answer(asked.question, asked.payload)
      : Promise.reject(new PeerRefusal("unknown"));
    answered.then(
      (answer) => socket.end(encodeFrame("answer", answer)),
      (error: unknown) => {
        if (!(error instanceof PeerRefusal)) this.#ports.log.error({ err: error }, "a peer's question failed");
        socket.end(encodeFrame("refused", Buffer.from(error instanceof PeerRefusal ? error.message : "failed")));
      },
    );
  }

  #greet(socket: net.Socket, frame: Frame, receiver: PeerReceiver): Hello | undefined {
    const hello = frame.kind === "hello" ? decodeHello(frame.payload) : undefined;
    const refuse = (reason: string): undefined => {
      this.#ports.log.warn({ reason, peer: hello ? hex(hello.from) : undefined }, "refused a peer");
      socket.end(encodeFrame("refused", Buffer.from(reason)));
      return undefined;
    };
    if (!hello) return refuse("expected a hello");
    if (hello.purpose === "cluster") {
      socket.end(encodeFrame("cluster", receiver.describeCluster()));
      return hello;
    }
    if (hello.clusterId !== this.#config.clusterId)
      return refuse(`cluster ID mismatch: this is ${hex(this.#config.clusterId)}, not ${hex(hello.clusterId)}`);
    if (receiver.wasRemoved(hello.from)) return refuse(removedReason);
    if (hello.to !== this.#config.memberId)
      return refuse(`this member is ${hex(this.#config.memberId)}, not ${hex(hello.to)}`);
    socket.write(encodeFrame("welcome", Buffer.alloc(0)));
    return hello;
  }
}

interface Incoming {
  message: Message | undefined;
  readonly pairs: PairQueue;
}

function listen(server: net.Server, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(url.port || "2380"), url.hostname.replace(/^\[|\]$/g, ""), () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function hex(id: bigint): string {
  return id.toString(16);
}
