// Times what a member does for its clients with the whole keyspace, and counts reads that could not be confirmed. Changes nothing else.
import type { Served } from "./io/rpc/ports.ts";
import type { StoreMetrics } from "./metrics.ts";

const slowReadMs = 1000;

export function measured(served: Served, metrics: StoreMetrics): Served {
  const timed = async <T>(histogram: StoreMetrics["backendDefrag"], work: () => Promise<T>): Promise<T> => {
    const startMs = served.nowMs();
    const result = await work();
    histogram.observe((served.nowMs() - startMs) / 1000);
    return result;
  };
  return {
    ...served,
    hash: (revision) => timed(metrics.hashOfRevision, () => served.hash(revision)),
    etcdFile: () => timed(metrics.backendSnapshot, () => served.etcdFile()),
    defragment: () => timed(metrics.backendDefrag, () => served.defragment()),
    linearize: async () => {
      const startMs = served.nowMs();
      try {
        await served.linearize();
      } catch (error) {
        metrics.readIndexesFailed.inc();
        throw error;
      } finally {
        if (served.nowMs() - startMs > slowReadMs) metrics.slowReadIndexes.inc();
      }
    },
  };
}
