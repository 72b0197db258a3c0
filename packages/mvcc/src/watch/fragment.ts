// Cuts a batch that is too large for one message into fragments (etcd's `fragment` option): all but the last are marked.
import type { StoreEvent } from "../requests.ts";
import type { WatchBatch } from "./watches.ts";

export interface Fragment extends WatchBatch {
  /** More of the same batch follows. */
  readonly fragment: boolean;
}

/** At least one event goes into each fragment, however large it is. */
export function fragments(batch: WatchBatch, maxBytes: number): readonly Fragment[] {
  const parts: StoreEvent[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const event of batch.events) {
    const eventBytes = sizeOf(event);
    if (size + eventBytes > maxBytes) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(event);
    size += eventBytes;
  }
  if (parts.length <= 1) return [{ ...batch, fragment: false }];
  return parts.map((events, index) => ({ revision: batch.revision, events, fragment: index < parts.length - 1 }));
}

/** Bytes of an event in a message, about: contents plus what numbers and tags take. */
function sizeOf({ kv, prevKv }: StoreEvent): number {
  const overhead = 48;
  return (
    kv.key.length +
    kv.value.length +
    overhead +
    (prevKv === undefined ? 0 : prevKv.key.length + prevKv.value.length + overhead)
  );
}
