// Time as a value that is passed. Only this package touches Date and the timers; everything else receives a Clock.
// It does not format durations and knows no calendar beyond RFC 3339.

/** A source of time and of wake-ups. The system's, or a simulated one from `@coxswain/clock/testing`. */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never goes back; for measuring durations. */
  monotonic(): number;
  /** Calls `wake` once after `delayMs`, unless the timer is cancelled first. */
  setTimeout(wake: () => void, delayMs: number): Timer;
  /** Resolves after `delayMs`. Rejects with the signal's reason as soon as the signal is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Timer {
  /** Takes the wake-up back. Harmless after it has fired and when called twice. */
  cancel(): void;
}

/** Longest delay the platform's timers take; longer ones would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: startTimer,
  sleep: (delayMs, signal) => sleepWith(startTimer, delayMs, signal),
};

function startTimer(wake: () => void, delayMs: number): Timer {
  const deadline = performance.now() + delayMs;
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const remaining = deadline - performance.now();
    handle =
      remaining > longestTimerMs
        ? setTimeout(arm, longestTimerMs)
        : setTimeout(wake, Math.max(0, Math.ceil(remaining)));
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

/** The one implementation of `sleep`, over whichever timers a clock has. */
export function sleepWith(start: Clock["setTimeout"], delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const abandon = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = start(() => {
      signal?.removeEventListener("abort", abandon);
      resolve();
    }, delayMs);
    signal?.addEventListener("abort", abandon, { once: true });
  });
}
