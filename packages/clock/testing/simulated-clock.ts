// A clock that stands still until it is advanced. Timers fire in the order of their deadlines, then of their creation.
import { sleepWith } from "../src/clock.ts";
import type { Clock, Timer } from "../src/clock.ts";

export interface SimulatedClock extends Clock {
  /** Moves time forward and fires what falls due on the way; between two firings all pending promises settle. */
  advance(durationMs: number): Promise<void>;
  /** Moves the wall clock alone, as an administrator or NTP does; timers and `monotonic` do not notice. */
  jump(durationMs: number): void;
  /** How many timers wait. */
  pending(): number;
}

interface Waiting {
  readonly deadline: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Begins at `startMs` (default 2026-01-01T00:00:00Z). */
export function createSimulatedClock(startMs: number = Date.UTC(2026, 0, 1)): SimulatedClock {
  const waiting = new Set<Waiting>();
  let elapsed = 0;
  let wallOffset = startMs;
  let order = 0;

  const start = (wake: () => void, delayMs: number): Timer => {
    const entry: Waiting = { deadline: elapsed + Math.max(0, delayMs), order: order++, wake };
    waiting.add(entry);
    return { cancel: () => void waiting.delete(entry) };
  };

  const earliest = (until: number): Waiting | undefined => {
    let first: Waiting | undefined;
    for (const entry of waiting) {
      if (entry.deadline > until) continue;
      if (
        !first ||
        entry.deadline < first.deadline ||
        (entry.deadline === first.deadline && entry.order < first.order)
      ) {
        first = entry;
      }
    }
    return first;
  };

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    setTimeout: start,
    sleep: (delayMs, signal) => sleepWith(start, delayMs, signal),
    pending: () => waiting.size,
    jump: (durationMs) => void (wallOffset += durationMs),
    async advance(durationMs) {
      const until = elapsed + durationMs;
      await settle();
      for (let due = earliest(until); due; due = earliest(until)) {
        waiting.delete(due);
        elapsed = due.deadline;
        due.wake();
        await settle();
      }
      elapsed = until;
    },
  };
}

/** Lets every promise that can settle without the outside world do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
