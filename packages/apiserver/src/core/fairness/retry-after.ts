// When whom a priority level has refused should come again: later the more were refused of late, as kube-apiserver's dropped requests tracker has
// it. Doubles under pressure, falls by a second when it is over.

const mostSeconds = 32;

export class RetryAfter {
  #seconds = 1;
  #raisedAt = 0;
  #second = 0;
  #count = 0;
  #history: { readonly second: number; readonly count: number }[] = [];

  /** Of one more that is refused now. */
  refuse(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#second) {
      this.#count += 1;
      return this.#seconds;
    }
    this.#history.push({ second: this.#second, count: this.#count });
    this.#history = this.#history.filter((one) => second - one.second <= mostSeconds);
    this.#second = second;
    this.#count = 1;
    const refused = this.#history
      .filter((one) => second - one.second <= this.#seconds)
      .reduce((sum, { count }) => sum + count, 0);
    if (second - this.#raisedAt >= this.#seconds && refused >= 3 * this.#seconds) {
      this.#seconds = Math.min(mostSeconds, this.#seconds * 2);
      this.#raisedAt = second;
    } else if (refused < this.#seconds && this.#seconds > 1) this.#seconds -= 1;
    return this.#seconds;
  }
}
