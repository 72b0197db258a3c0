// The body of an answer as pieces that are pulled. A stream's own iterator does the same with three promises, two generators and a
// dozen listeners for every answer, which costs a busy client more than parsing what is in it. It knows no HTTP.
import type { Readable } from "node:stream";

export interface ReadStreamRules {
  readonly signal: AbortSignal | undefined;
  /** Asked at the end: whether that was the end that was meant. */
  isWhole(): boolean;
  failure(cause: Error | undefined): Error;
  /** Called when nobody wants more, once, also at the end. */
  leave(): void;
}

/** So much waits here for a reader; then the other side has to. */
const waitingBytes = 256 * 1024;

/** May be read once. What is not asked for is not taken from the stream. */
export function readStream(stream: Readable, rules: ReadStreamRules): AsyncIterableIterator<Uint8Array> {
  const waiting: Buffer[] = [];
  let bytes = 0;
  let begun = false;
  let paused = false;
  /** How it ended: whole, or with an error that is told once. */
  let ended: { error: Error | undefined } | undefined;
  let reader: ((result: Promise<IteratorResult<Uint8Array>>) => void) | undefined;

  const last = (): Promise<IteratorResult<Uint8Array>> => {
    const error = ended?.error;
    ended = { error: undefined };
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  };
  const end = (cause: Error | undefined, whole: boolean): void => {
    if (ended !== undefined) return;
    const { signal } = rules;
    const reason = signal?.aborted === true ? (signal.reason as Error) : undefined;
    ended = { error: reason ?? (whole ? undefined : rules.failure(cause)) };
    rules.leave();
    reader?.(last());
    reader = undefined;
  };
  const begin = (): void => {
    begun = true;
    stream.on("data", (chunk: Buffer) => {
      if (ended !== undefined) return;
      if (rules.signal?.aborted === true) return end(undefined, false);
      if (reader !== undefined) {
        reader(Promise.resolve({ done: false, value: chunk }));
        reader = undefined;
        return;
      }
      waiting.push(chunk);
      bytes += chunk.length;
      if (bytes < waitingBytes) return;
      paused = true;
      stream.pause();
    });
    stream.once("end", () => end(undefined, rules.isWhole()));
    stream.once("error", (cause: Error) => end(cause, false));
    stream.once("close", () => end(undefined, false));
    // It may be over before anybody asks.
    if (stream.readableEnded) end(undefined, rules.isWhole());
    else if (stream.destroyed) end(stream.errored ?? undefined, false);
  };

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      if (!begun) begin();
      const chunk = rules.signal?.aborted === true ? undefined : waiting.shift();
      if (chunk !== undefined) {
        bytes -= chunk.length;
        if (paused && bytes === 0) {
          paused = false;
          stream.resume();
        }
        return Promise.resolve({ done: false, value: chunk });
      }
      if (rules.signal?.aborted === true) end(undefined, false);
      if (ended !== undefined) return last();
      return new Promise((resolve) => (reader = resolve));
    },
    return() {
      waiting.length = 0;
      ended ??= { error: undefined };
      ended.error = undefined;
      // Nobody listens any more: what comes now is thrown away, and its failure is nobody's.
      stream.on("error", () => undefined);
      rules.leave();
      stream.resume();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}
