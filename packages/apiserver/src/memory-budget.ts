// A bound for the memory that requests under way may take together: who wants more than is left hears 429 and may come again. What
// is counted is what grows with a request (bodies while they are read and decoded, lists read from the store); what is streamed in
// pieces is not. The heap's own state counts, too: when it is nearly full, big requests wait for better times.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Metrics } from "@coxswain/daemon";
import type { metricTable } from "./metrics.ts";

export interface MemoryLimits {
  /** Bytes that all requests may hold together. */
  readonly requestBytes: number;
  /** Share of the heap beyond which big requests are refused. */
  readonly heapShare: number;
}

/** How full the heap is, from 0 to 1. */
export type HeapGauge = () => number;

/** What one request holds. */
export interface MemoryShare {
  /** Throws 429 when there is not as much left. */
  reserve(bytes: number): void;
  /** Gives everything back; may be called again. */
  release(): void;
}

export interface MemoryBudget {
  open(verb: string): MemoryShare;
}

/** Below this a request is let through however full the heap is: mending must stay possible. */
const smallBytes = 256 * 1024;
const retryAfterSeconds = 1;

export function createMemoryBudget(
  limits: MemoryLimits,
  ports: { readonly heap: HeapGauge; readonly metrics: Metrics<typeof metricTable> },
): MemoryBudget {
  let used = 0;
  return {
    open(verb) {
      let own = 0;
      const refuse = (): never => {
        ports.metrics.memoryRefused.inc({ verb });
        throw new StatusError(
          statuses.tooManyRequests(
            "answering this request now would take more memory than the server may use, please try again later.",
            retryAfterSeconds,
          ),
        );
      };
      return {
        reserve(bytes) {
          const isBig = own + bytes > smallBytes;
          if (isBig && (used + bytes > limits.requestBytes || ports.heap() > limits.heapShare)) refuse();
          own += bytes;
          used += bytes;
        },
        release() {
          used -= own;
          own = 0;
        },
      };
    },
  };
}
