// Gathers what is to be sent and sends it many at once: when there is enough for a batch, or when the first has waited long enough; no more batches
// a second than is allowed. What does not fit any more is refused, so that a receiver that is away costs no more memory than is set. After
// apiserver's `audit/buffered`.
import type { Clock, Timer } from "@coxswain/clock";

export interface BatchConfig {
  /** How many may wait. */
  readonly bufferSize: number;
  readonly maxSize: number;
  readonly maxWaitMs: number;
  /** Batches a second, and how many at once after a rest; left out: no limit. */
  readonly throttle: { readonly qps: number; readonly burst: number } | undefined;
}

export interface Batches {
  /** False when there is no room. */
  add(line: string): boolean;
  /** Sends what is left, and resolves when all that was sent has ended. */
  stop(): Promise<void>;
}

/** More wait than may. */
export class BufferFullError extends Error {}

/** Batches that are on their way at once; the next ones wait. */
const mostUnderWay = 64;

/** `send` must not reject. */
export function createBatches(
  { bufferSize, maxSize, maxWaitMs, throttle }: BatchConfig,
  { send, clock }: { readonly send: (lines: readonly string[]) => Promise<void>; readonly clock: Clock },
): Batches {
  const waiting: string[] = [];
  const underWay = new Set<Promise<void>>();
  let isStopped = false;
  let isDue = false;
  let timer: Timer | undefined;
  let allowed = throttle?.burst ?? 0;
  let allowedAtMs = clock.monotonic();
  let isRunning = false;
  let lastRun: Promise<void> = Promise.resolve();

  /** Resolves when one more batch is allowed. */
  const turn = async (): Promise<void> => {
    if (!throttle) return;
    for (;;) {
      const now = clock.monotonic();
      allowed = Math.min(throttle.burst, allowed + (Math.max(0, now - allowedAtMs) / 1000) * throttle.qps);
      allowedAtMs = now;
      if (allowed >= 1) break;
      await clock.sleep(Math.ceil(((1 - allowed) / throttle.qps) * 1000));
    }
    allowed -= 1;
  };
  const run = async (): Promise<void> => {
    while (waiting.length >= maxSize || (waiting.length > 0 && (isDue || isStopped))) {
      await turn();
      while (underWay.size >= mostUnderWay) await Promise.race(underWay);
      timer?.cancel();
      timer = undefined;
      isDue = false;
      const sending = send(waiting.splice(0, maxSize)).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
    if (waiting.length > 0) timer ??= clock.setTimeout(due, maxWaitMs);
    isRunning = false;
  };
  const look = (): void => {
    if (isRunning) return;
    isRunning = true;
    lastRun = run();
  };
  const due = (): void => {
    isDue = true;
    timer = undefined;
    look();
  };
  return {
    add(line) {
      if (isStopped || waiting.length >= bufferSize) return false;
      waiting.push(line);
      if (waiting.length >= maxSize) look();
      else if (!isRunning) timer ??= clock.setTimeout(due, maxWaitMs);
      return true;
    },
    async stop() {
      isStopped = true;
      while (waiting.length > 0 || isRunning) {
        look();
        await lastRun;
      }
      timer?.cancel();
      await Promise.all(underWay);
    },
  };
}
