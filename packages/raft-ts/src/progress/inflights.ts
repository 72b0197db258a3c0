// The window of appends that are under way to one follower, limited by number and by bytes.
import { assert } from "../assert.ts";
import type { Index } from "../entry.ts";

export class Inflights {
  private readonly maxMessages: number;
  private readonly maxBytes: number;
  private queue: { readonly lastIndex: Index; readonly bytes: number }[] = [];
  private bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
  }

  add(lastIndex: Index, bytes: number): void {
    assert(!this.full(), `expected room for one more append, found ${this.queue.length} in flight`);
    this.queue.push({ lastIndex, bytes });
    this.bytes += bytes;
  }

  /** Everything up to and with `index` has arrived. */
  freeTo(index: Index): void {
    const left = this.queue.findIndex((sent) => sent.lastIndex > index);
    this.queue = left < 0 ? [] : this.queue.slice(left);
    this.bytes = this.queue.reduce((sum, sent) => sum + sent.bytes, 0);
  }

  count(): number {
    return this.queue.length;
  }

  full(): boolean {
    return this.queue.length >= this.maxMessages || (this.maxBytes > 0 && this.bytes >= this.maxBytes);
  }

  reset(): void {
    this.queue = [];
    this.bytes = 0;
  }
}
