// Operations on keys of the store itself while a drill runs, under a prefix of their own that is removed afterwards. The store belongs
// to the cluster: nothing is compacted, and the load stays small.
import type { Clock, Random } from "@coxswain/clock";
import type { Target } from "../cluster/target.ts";
import { startLoad } from "../load/load.ts";
import { createRecorder } from "../load/recorder.ts";
import { under } from "../load/workload.ts";
import type { Recording } from "../recording.ts";

export interface StoreLoad {
  stop(): Promise<void>;
  /** Takes the keys away. */
  remove(): Promise<void>;
  readonly recording: NonNullable<Recording["store"]>;
}

const catchUpMs = 30_000;

export async function startStoreLoad(
  target: Target,
  prefix: string,
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<StoreLoad> {
  const { store } = target;
  if (store === undefined) throw new Error("nobody gave a certificate for the store");
  const asking = store.connectAll();
  const beginning = (await asking.kv.range({ key: Buffer.from(`${prefix}?`) })).header?.revision ?? 0;
  const recorder = createRecorder(ports.clock);
  const load = startLoad(
    {
      prefix,
      groups: 4,
      keysPerGroup: 4,
      mostValueBytes: 1024,
      clients: 5,
      mostPauseMs: 80,
      timeoutMs: 4000,
      beginning,
      compact: false,
    },
    { ...ports, targets: store, recorder },
  );
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await load.stop();
    const revision = (await asking.kv.range({ key: Buffer.from(`${prefix}?`) })).header?.revision ?? 0;
    await load.tapes.reach(revision, catchUpMs);
    await load.tapes.close();
  };
  return {
    stop: () => (stopping ??= stop()),
    async remove() {
      const range = under(prefix);
      await asking.kv.deleteRange({ key: Buffer.from(range.key), rangeEnd: Buffer.from(range.rangeEnd) });
      asking.close();
    },
    get recording() {
      return { history: recorder.history(), beginning, prefix };
    },
  };
}
