// Tells who asks when the leader has changed, and when there has been none for so long that a client who insists on one should go
// elsewhere (etcd: three election timeouts).
import type { Clock, Timer } from "@coxswain/clock";

export class LeaderWatch {
  readonly #lostAfterMs: number;
  readonly #clock: Clock;
  readonly #changed = new Set<() => void>();
  readonly #lost = new Set<() => void>();
  #timer: Timer | undefined;

  constructor(lostAfterMs: number, clock: Clock) {
    this.#lostAfterMs = lostAfterMs;
    this.#clock = clock;
  }

  /** To be called whenever it has changed. */
  leaderIs(leader: bigint | undefined): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const tell of this.#changed) tell();
    if (leader !== undefined) return;
    this.#timer = this.#clock.setTimeout(() => {
      for (const tell of this.#lost) tell();
    }, this.#lostAfterMs);
  }

  onChange(tell: () => void): () => void {
    this.#changed.add(tell);
    return () => void this.#changed.delete(tell);
  }

  onLost(tell: () => void): () => void {
    this.#lost.add(tell);
    return () => void this.#lost.delete(tell);
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
