// A snapshot on its way from one member to another, as on a connection of its own: a head, then pairs in portions, then a word back.
// It breaks when a link is cut or either end dies; both ends that live hear of that.
import { decodeMessage, decodeSnapshot, encodeMessage, encodeSnapshot } from "@coxswain/store/testing";
import type { Endpoint, Message } from "./network.ts";
import type { SimProcess } from "./process.ts";
import type { Micros } from "./world.ts";

type Pair = readonly [Uint8Array, Uint8Array];

export interface TransferPorts {
  readonly blocked: () => boolean;
  readonly latency: () => Micros;
  /** How long everything takes to arrive: a slow transfer may end when its receiver is far beyond it. */
  readonly lagMicros: Micros;
  readonly over: () => void;
}

const portionPairs = 32;

export class Transfer {
  readonly #from: Endpoint;
  readonly #to: Endpoint;
  readonly #message: Extract<Message, { type: "snapshot" }>;
  readonly #ports: TransferPorts;
  readonly #arrived = new ArrivedPairs();
  readonly #word = Promise.withResolvers<boolean>();
  #broken = false;

  constructor(from: Endpoint, to: Endpoint, message: Extract<Message, { type: "snapshot" }>, ports: TransferPorts) {
    this.#from = from;
    this.#to = to;
    this.#message = message;
    this.#ports = ports;
  }

  involves(process: SimProcess): boolean {
    return this.#from.process === process || this.#to.process === process;
  }

  /** Runs in the sender's process. */
  async run(): Promise<void> {
    const { receiver, process } = this.#from;
    let delivered = false;
    try {
      // Newer than what Raft asked for is as good, as in the store's own transport.
      const { snapshot, pairs } = await receiver.copyBackend();
      const head = encodeSnapshot(snapshot);
      const message = encodeMessage({ ...this.#message, snapshot });
      this.#carry("snapshot-head", () => this.#receive(head, message));
      let portion: Pair[] = [];
      for await (const pair of pairs) {
        portion.push(pair);
        if (portion.length < portionPairs) continue;
        await this.#carryPairs(portion);
        portion = [];
        if (this.#broken) break;
      }
      if (!this.#broken) await this.#carryPairs(portion);
      this.#carry("snapshot-end", () => this.#arrived.end());
      delivered = await this.#word.promise;
    } catch {
      // What went wrong here is the same to Raft as a broken connection: the snapshot was not delivered.
      this.break();
    }
    this.#ports.over();
    if (process.alive) receiver.snapshotDelivered(this.#message.to, delivered);
  }

  break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#from.process.post(this.#ports.latency(), "snapshot-broken", () => this.#word.resolve(false));
    this.#to.process.post(this.#ports.latency(), "snapshot-broken", () => this.#arrived.fail());
  }

  async #carryPairs(pairs: readonly Pair[]): Promise<void> {
    const copies = pairs.map(([key, value]): Pair => [Buffer.from(key), Buffer.from(value)]);
    this.#carry(`snapshot-pairs ${pairs.length}`, () => this.#arrived.push(copies));
    await this.#from.process.wait(this.#ports.latency(), "snapshot-sent");
  }

  #sequence: Micros = 0;

  #carry(label: string, arrive: () => void): void {
    if (this.#ports.blocked()) this.break();
    if (this.#broken) return;
    // Never before what was sent earlier: the portions of one connection arrive in order.
    this.#sequence += 1;
    this.#to.process.post(this.#ports.lagMicros + this.#sequence, label, arrive);
  }

  #receive(head: Buffer, message: Buffer): void {
    const answer = (delivered: boolean): void => {
      if (this.#broken) return;
      if (this.#ports.blocked()) this.break();
      else this.#from.process.post(this.#ports.latency(), "snapshot-word", () => this.#word.resolve(delivered));
    };
    this.#to.receiver.receiveBackend(decodeSnapshot(head), this.#arrived).then(
      () => {
        if (!this.#to.process.alive) return;
        this.#to.receiver.step(decodeMessage(message));
        answer(true);
      },
      () => answer(false),
    );
  }
}

/** What has arrived and was not read yet. */
class ArrivedPairs implements AsyncIterable<Pair> {
  readonly #pairs: Pair[] = [];
  #state: "open" | "ended" | "broken" = "open";
  #wake: PromiseWithResolvers<void> | undefined;

  push(pairs: readonly Pair[]): void {
    this.#pairs.push(...pairs);
    this.#wake?.resolve();
  }

  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#wake?.resolve();
  }

  fail(): void {
    if (this.#state === "open") this.#state = "broken";
    this.#wake?.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Pair> {
    for (;;) {
      const pair = this.#pairs.shift();
      if (pair) {
        yield pair;
        continue;
      }
      if (this.#state === "ended") return;
      if (this.#state === "broken") throw new Error("the connection broke before the snapshot was complete");
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }
}
