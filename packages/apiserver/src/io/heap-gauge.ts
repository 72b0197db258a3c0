// How full the heap is, measured a few times a second at most: asking costs, and the answer changes slowly.
import { getHeapStatistics } from "node:v8";
import type { Clock } from "@coxswain/clock";
import type { HeapGauge } from "../memory-budget.ts";

const everyMs = 200;

export function createHeapGauge(clock: Clock): HeapGauge {
  let share = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.monotonic();
    if (now - lookedMs >= everyMs) {
      const { used_heap_size, external_memory, heap_size_limit } = getHeapStatistics();
      share = Math.max(used_heap_size / heap_size_limit, (used_heap_size + external_memory) / (2 * heap_size_limit));
      lookedMs = now;
    }
    return share;
  };
}
