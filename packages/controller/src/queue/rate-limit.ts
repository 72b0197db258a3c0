// How long to wait before trying a key again: per key 5 ms, 10 ms, 20 ms … up to the longest wait, and over all keys no more
// than ten a second after a burst of a hundred (client-go's DefaultTypedControllerRateLimiter).
import type { Clock } from "@coxswain/clock";

export interface RateLimiter<K> {
  /** Counts a failure and says how long to wait. */
  delayMs(key: K): number;
  failures(key: K): number;
  forget(key: K): void;
}

export interface RateLimits {
  readonly baseMs: number;
  readonly longestMs: number;
  readonly perSecond: number;
  readonly burst: number;
}

export const defaultRateLimits: RateLimits = { baseMs: 5, longestMs: 60_000, perSecond: 10, burst: 100 };

export function createRateLimiter<K>(clock: Clock, limits: RateLimits = defaultRateLimits): RateLimiter<K> {
  const failures = new Map<K, number>();
  /** Tokens may be negative: then their debt is the wait. */
  let tokens = limits.burst;
  let filledAt = clock.monotonic();

  const bucketDelayMs = (): number => {
    const now = clock.monotonic();
    tokens = Math.min(limits.burst, tokens + ((now - filledAt) / 1000) * limits.perSecond) - 1;
    filledAt = now;
    return tokens >= 0 ? 0 : (-tokens / limits.perSecond) * 1000;
  };

  return {
    delayMs(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return Math.max(Math.min(limits.baseMs * 2 ** count, limits.longestMs), bucketDelayMs());
    },
    failures: (key) => failures.get(key) ?? 0,
    forget: (key) => void failures.delete(key),
  };
}
