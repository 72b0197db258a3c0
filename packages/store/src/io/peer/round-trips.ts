// How long a heartbeat and its answer take. Only a leader sends them, so only a leader knows.
import type { Clock } from "@coxswain/clock";

export class RoundTrips {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #askedMs = new Map<bigint, number>();
  tell: ((to: bigint, ms: number) => void) | undefined;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** A heartbeat leaves. One that left before and is unanswered yet counts from then: a slow peer must not look fast. */
  asked(peer: bigint): void {
    if (!this.#askedMs.has(peer)) this.#askedMs.set(peer, this.#clock.monotonic());
  }

  answered(peer: bigint): void {
    const sinceMs = this.#askedMs.get(peer);
    if (sinceMs === undefined) return;
    this.#askedMs.delete(peer);
    this.tell?.(peer, this.#clock.monotonic() - sinceMs);
  }
}
