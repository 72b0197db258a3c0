// The sizes a terminal takes, for one reader. Only the newest unread one is kept: older ones are no longer true.
import type { TerminalSize } from "./session.ts";

export class SizeQueue implements AsyncIterable<TerminalSize> {
  #newest: TerminalSize | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  push(size: TerminalSize): void {
    this.#newest = size;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TerminalSize> {
    for (;;) {
      const size = this.#newest;
      this.#newest = undefined;
      if (size !== undefined) yield size;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
