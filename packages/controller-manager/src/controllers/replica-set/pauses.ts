// How long a set of many pods rests between two looks: each pod that changes calls for one, and one costs as much as there are pods.
import type { Clock } from "@coxswain/clock";

export interface Pauses {
  /** What is left of the rest; 0 when it may be looked at. */
  rest(key: string): number;
  looked(key: string, pods: number): void;
}

/** Rests shorter than this are not kept. */
const shortestMs = 5;

/** A millisecond of rest for so many pods. */
export function createPauses(podsPerMs: number, clock: Pick<Clock, "monotonic">): Pauses {
  const until = new Map<string, number>();
  return {
    rest(key) {
      const leftMs = (until.get(key) ?? 0) - clock.monotonic();
      if (leftMs > 0) return leftMs;
      until.delete(key);
      return 0;
    },
    looked(key, pods) {
      const restMs = pods / podsPerMs;
      if (restMs >= shortestMs) until.set(key, clock.monotonic() + restMs);
    },
  };
}
