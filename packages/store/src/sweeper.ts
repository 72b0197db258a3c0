// Work that follows from a compaction or a slow watch, done in portions so that nobody waits for it.
import type { Clock, Timer } from "@coxswain/clock";
import type { Mvcc } from "@coxswain/mvcc";

export interface SweeperPorts {
  readonly mvcc: () => Mvcc;
  /** False while the state is being replaced: nothing is swept or read until `start` and `pumpWatches` are called again. */
  readonly readable: () => boolean;
  readonly clock: Clock;
  /** Everything that compaction made unreachable is gone. */
  readonly onSwept: () => void;
}

const portion = 500;

export class Sweeper {
  readonly #ports: SweeperPorts;
  #sweepTimer: Timer | undefined;
  #pumpTimer: Timer | undefined;
  #waiting: (() => void)[] = [];
  #stopped = false;

  constructor(ports: SweeperPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#sweepTimer ??= this.#soon(() => {
      this.#sweepTimer = undefined;
      if (!this.#ports.readable()) return;
      if (!this.#ports.mvcc().sweep(portion)) return this.start();
      for (const done of this.#waiting.splice(0)) done();
      this.#ports.onSwept();
    });
  }

  /** Resolves when nothing is left to sweep. */
  swept(): Promise<void> {
    this.start();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets watches that are behind read a portion, until none is. */
  pumpWatches(): void {
    if (this.#ports.mvcc().watches.behind === 0) return;
    this.#pumpTimer ??= this.#soon(() => {
      this.#pumpTimer = undefined;
      if (!this.#ports.readable()) return;
      this.#ports.mvcc().watches.catchUp();
      this.pumpWatches();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#sweepTimer?.cancel();
    this.#pumpTimer?.cancel();
    for (const done of this.#waiting.splice(0)) done();
  }

  #soon(work: () => void): Timer | undefined {
    return this.#stopped ? undefined : this.#ports.clock.setTimeout(work, 0);
  }
}
