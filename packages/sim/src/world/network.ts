// The network between members: delays, losses, repetitions, reordering, and links that are cut, each way by itself. Behaves to the store
// as its own transport does: connections to dead processes are noticed, those to dead machines are not. Bytes, not objects, travel.
import type { PeerReceiver, PeerTransport, StorePorts } from "@coxswain/store";
import { decodeMessage, encodeMessage, readCluster } from "@coxswain/store/testing";
import type { Dice } from "./dice.ts";
import type { SimProcess } from "./process.ts";
import { Transfer } from "./transfer.ts";
import type { Micros, World } from "./world.ts";

type TransportConfig = Parameters<StorePorts["createTransport"]>[0];
type PeerQuestion = Parameters<PeerTransport["ask"]>[1];
const askTimeout: Micros = 5_000_000;
type Messages = Parameters<PeerTransport["send"]>[0];
export type Message = Messages[number];

export interface NetworkFaults {
  latency: Micros;
  loss: number;
  duplicate: number;
  /** A message that overtakes others. */
  reorder: number;
  /** A message that takes up to a second. */
  delay: number;
}

export const soundNetwork: NetworkFaults = { latency: 300, loss: 0, duplicate: 0, reorder: 0, delay: 0 };

export interface Endpoint {
  /** The machine. */
  readonly host: string;
  readonly process: SimProcess;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly receiver: PeerReceiver;
  /** Members whose messages have come here: they are answered over their own connections where their address is not known. */
  readonly callers: Map<bigint, Endpoint>;
}

export class Network {
  readonly faults: NetworkFaults = { ...soundNetwork };
  readonly #world: World;
  readonly #dice: Dice;
  readonly #tap: (host: string, message: Message) => void;
  /** By peer URL. A machine without power keeps its endpoint until another process takes its place. */
  readonly #endpoints = new Map<string, Endpoint>();
  #cut = new Set<string>();
  readonly #isolated = new Set<string>();
  readonly #busyUntil = new Map<string, Micros>();
  readonly #transfers = new Set<Transfer>();

  /** `tap` sees every message as it is sent. */
  constructor(world: World, dice: Dice, tap: (host: string, message: Message) => void) {
    this.#world = world;
    this.#dice = dice;
    this.#tap = tap;
  }

  /** Cuts these links, `from>to` by host, and no others. */
  cut(links: Iterable<string>): void {
    this.#cut = new Set(links);
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`) || this.#isolated.has(from) || this.#isolated.has(to);
  }

  /** Nothing reaches this host and nothing leaves it, whatever else is cut, until it is readmitted. */
  isolate(host: string): void {
    this.#isolated.add(host);
  }

  readmit(host: string): void {
    this.#isolated.delete(host);
  }

  transportFor(host: string, process: SimProcess): (config: TransportConfig) => PeerTransport {
    return (config) => {
      let endpoint: Endpoint | undefined;
      let peers = new Map<bigint, readonly string[]>();
      return {
        start: async (receiver) => {
          endpoint = {
            host,
            process,
            clusterId: config.clusterId,
            memberId: config.memberId,
            receiver,
            callers: new Map(),
          };
          for (const url of config.listen) this.#endpoints.set(url.origin, endpoint);
        },
        setPeers: (next) => void (peers = new Map(next)),
        send: (messages) => {
          if (endpoint && process.alive) for (const each of messages) this.#send(endpoint, peers, each);
        },
        connected: (id) => id === config.memberId || (endpoint !== undefined && this.#reaches(endpoint, peers, id)),
        ask: (to, question, payload) =>
          endpoint ? this.#ask(endpoint, peers, to, question, payload) : Promise.reject(new Error("not started")),
        stop: async () => {
          if (endpoint) this.#leave(endpoint);
        },
      };
    };
  }

  /** The kernel closes a dead process's connections; its peers hear of it. */
  processDied(process: SimProcess): void {
    for (const endpoint of new Set(this.#endpoints.values())) if (endpoint.process === process) this.#leave(endpoint);
  }

  /** Nobody closes anything: peers only notice that nothing comes any more. */
  powerFailed(process: SimProcess): void {
    for (const transfer of [...this.#transfers]) if (transfer.involves(process)) this.#break(transfer);
  }

  askCluster(host: string, process: SimProcess): StorePorts["askCluster"] {
    return async (urls) => {
      await process.wait(this.faults.latency, "dial");
      for (const url of urls) {
        const target = this.#endpoints.get(url);
        if (!target?.process.alive || this.isCut(host, target.host) || this.isCut(target.host, host)) continue;
        const bytes = await new Promise<Uint8Array | undefined>((resolve) => {
          const timeout = process.post(1_000_000, "dial-timeout", () => resolve(undefined));
          target.process.post(this.#latency(), "describe-cluster", () => {
            const described = target.receiver.describeCluster();
            process.post(this.#latency(), "cluster", () => {
              timeout.cancel();
              resolve(described);
            });
          });
        });
        if (bytes) return readCluster(bytes);
      }
      throw new Error(`no member answered at ${urls.join(", ")}`);
    };
  }

  #send(from: Endpoint, peers: ReadonlyMap<bigint, readonly string[]>, message: Message): void {
    this.#tap(from.host, message);
    const caller = peers.has(message.to) ? undefined : from.callers.get(message.to);
    const target = caller?.process.alive ? caller : this.#targetOf(from, peers, message.to);
    if (message.type === "snapshot") {
      this.#sendSnapshot(from, caller ? undefined : target, message);
      return;
    }
    if (!target) {
      if (message.type === "append") from.receiver.unreachable(message.to);
      return;
    }
    const bytes = encodeMessage(message);
    const label = `${message.type} ${from.host}>${target.host} t${message.term} ${bytes.length}`;
    const deliver = (): void => {
      target.callers.set(from.memberId, from);
      target.receiver.step(decodeMessage(bytes));
    };
    for (
      let copies = message.type !== "propose" && this.#dice.chance(this.faults.duplicate) ? 2 : 1;
      copies > 0;
      copies--
    ) {
      if (this.isCut(from.host, target.host) || this.#dice.chance(this.faults.loss)) continue;
      target.process.post(this.#arrival(from.host, target.host) - this.#world.now, label, deliver, from.host);
    }
  }

  #reaches(from: Endpoint, peers: ReadonlyMap<bigint, readonly string[]>, id: bigint): boolean {
    const target = this.#targetOf(from, peers, id);
    return target?.process.alive === true && !this.isCut(from.host, target.host) && !this.isCut(target.host, from.host);
  }

  /** A question outside Raft, as over a connection of its own. */
  #ask(
    from: Endpoint,
    peers: ReadonlyMap<bigint, readonly string[]>,
    to: bigint,
    question: PeerQuestion,
    payload: Uint8Array,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const timeout = from.process.post(askTimeout, "ask-timeout", () => reject(new Error("no answer in time")));
      const target = this.#targetOf(from, peers, to);
      if (!target || !this.#reaches(from, peers, to)) return;
      const back = (settle: () => void): void => {
        from.process.post(this.#latency(), "answer", () => {
          timeout.cancel();
          settle();
        });
      };
      target.process.post(this.#latency(), `ask ${question}`, () => {
        target.receiver.answer(question, payload).then(
          (bytes) => back(() => resolve(bytes)),
          (error: unknown) => back(() => reject(error as Error)),
        );
      });
    });
  }

  /** Undefined where nobody listens: the connection is refused. */
  #targetOf(from: Endpoint, peers: ReadonlyMap<bigint, readonly string[]>, id: bigint): Endpoint | undefined {
    for (const url of peers.get(id) ?? []) {
      const target = this.#endpoints.get(url);
      // As the hello of the real transport: the wrong member, or another cluster's, is refused.
      if (target && target.memberId === id && target.clusterId === from.clusterId) return target;
    }
    return undefined;
  }

  /** In order, as on a connection, unless it overtakes. */
  #arrival(from: string, to: string): Micros {
    const link = `${from}>${to}`;
    const slow = this.#dice.chance(this.faults.delay) ? this.#dice.between(0, 1_000_000) : 0;
    const at = this.#world.now + this.#latency() + slow;
    if (slow > 0 || this.#dice.chance(this.faults.reorder)) return at;
    const inOrder = Math.max(at, (this.#busyUntil.get(link) ?? 0) + 1);
    this.#busyUntil.set(link, inOrder);
    return inOrder;
  }

  #latency(): Micros {
    return this.#dice.latency(this.faults.latency);
  }

  #sendSnapshot(from: Endpoint, target: Endpoint | undefined, message: Extract<Message, { type: "snapshot" }>): void {
    if (!target || this.isCut(from.host, target.host)) {
      from.process.post(this.#latency(), "snapshot-refused", () => from.receiver.snapshotDelivered(message.to, false));
      return;
    }
    const transfer = new Transfer(from, target, message, {
      blocked: () => this.isCut(from.host, target.host) || this.isCut(target.host, from.host),
      latency: () => this.#latency(),
      lagMicros: this.#dice.chance(0.3) ? this.#dice.between(10_000, 3_000_000) : 1000,
      over: () => this.#transfers.delete(transfer),
    });
    this.#transfers.add(transfer);
    void transfer.run();
  }

  #break(transfer: Transfer): void {
    this.#transfers.delete(transfer);
    transfer.break();
  }

  #leave(endpoint: Endpoint): void {
    for (const [url, each] of this.#endpoints) if (each === endpoint) this.#endpoints.delete(url);
    for (const transfer of [...this.#transfers]) if (transfer.involves(endpoint.process)) this.#break(transfer);
    for (const peer of new Set(this.#endpoints.values())) {
      if (this.isCut(endpoint.host, peer.host) || peer.clusterId !== endpoint.clusterId) continue;
      peer.process.post(this.#latency(), `closed ${endpoint.host}`, () => peer.receiver.unreachable(endpoint.memberId));
    }
  }
}
