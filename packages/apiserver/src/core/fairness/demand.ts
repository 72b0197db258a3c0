// How many seats a priority level has wanted over a while: the most, the average over time and how far from it, and from one look to the next a
// value that follows a rise at once and a fall slowly. After kube-apiserver's `seatDemandStats`.

/** How much of the past remains with each look. */
const memory = 0.977;

export class Demand {
  #value = 0;
  #highest = 0;
  #sinceMs: number;
  #fromMs: number;
  /** Integrals over time, in milliseconds, of the value and of its square. */
  #sum = 0;
  #squares = 0;
  #smoothed = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#fromMs = nowMs;
  }

  get value(): number {
    return this.#value;
  }

  set(value: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#value = value;
    if (value > this.#highest) this.#highest = value;
  }

  /** Of the time since the last look. */
  look(nowMs: number): { readonly highest: number; readonly smoothed: number } {
    this.#advance(nowMs);
    const spanMs = nowMs - this.#fromMs;
    const highest = this.#highest;
    if (spanMs > 0) {
      const average = this.#sum / spanMs;
      const deviation = Math.sqrt(Math.max(0, this.#squares / spanMs - average * average));
      const envelope = average + deviation;
      this.#smoothed = Math.max(envelope, memory * this.#smoothed + (1 - memory) * envelope);
    }
    this.#fromMs = nowMs;
    this.#sum = 0;
    this.#squares = 0;
    this.#highest = this.#value;
    return { highest, smoothed: this.#smoothed };
  }

  #advance(nowMs: number): void {
    const passedMs = nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
    this.#sum += this.#value * passedMs;
    this.#squares += this.#value * this.#value * passedMs;
  }
}
