// The pairs of a snapshot on their way in.
import type * as net from "node:net";
import { decodePairs } from "./frame.ts";

/** Frames of pairs as an async iterable; holds the sender back while the consumer writes. */
export class PairQueue implements AsyncIterable<readonly [Uint8Array, Uint8Array]> {
  readonly #socket: net.Socket;
  #frames: Buffer[] = [];
  #done = false;
  #wake: PromiseWithResolvers<void> | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("close", () => this.#wake?.resolve());
  }

  push(frame: Buffer): void {
    this.#frames.push(frame);
    if (this.#frames.length > 16) this.#socket.pause();
    this.#wake?.resolve();
  }

  end(): void {
    this.#done = true;
    this.#wake?.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly [Uint8Array, Uint8Array]> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) {
        yield* decodePairs(frame);
        continue;
      }
      if (this.#done) return;
      if (this.#socket.destroyed) throw new Error("the connection broke before the snapshot was complete");
      this.#socket.resume();
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }
}
