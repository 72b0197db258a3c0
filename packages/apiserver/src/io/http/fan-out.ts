// When watchers are written to. Their lines are gathered and written for all of them in one go: at once when there is little to do, and
// when a round takes long, after a rest that is longer. So requests have their turn between the rounds, and the more events there are, the more
// of them go out with one write. It knows no events and no order among watchers.
import type { Clock } from "@coxswain/clock";

export interface FanOut {
  /** Has it called in the next round, once. */
  schedule(flush: () => void): void;
}

/** A pause shorter than this is not worth a timer. */
const shortestPauseMs = 2;
/** Rounds take at most a third of the time: what they leave is for those who write. */
const restsPerRound = 2;
/** Longer nobody waits, however long the last round took. */
const longestPauseMs = 50;

export function createFanOut(clock: Clock, soon: (run: () => void) => void = (run) => void setImmediate(run)): FanOut {
  let waiting = new Set<() => void>();
  let resting = false;
  let under = false;

  const round = (): void => {
    under = false;
    const flushes = waiting;
    waiting = new Set();
    const startedMs = clock.monotonic();
    for (const flush of flushes) flush();
    const pauseMs = Math.min(longestPauseMs, restsPerRound * (clock.monotonic() - startedMs));
    if (pauseMs < shortestPauseMs) return;
    resting = true;
    clock.setTimeout(() => {
      resting = false;
      begin();
    }, pauseMs);
  };
  const begin = (): void => {
    if (under || resting || waiting.size === 0) return;
    under = true;
    soon(round);
  };
  return {
    schedule(flush) {
      waiting.add(flush);
      begin();
    },
  };
}
