import { describe, expect, it } from "vitest";
import { createMemoryBackend } from "../../testing/index.ts";
import { openMvcc } from "../mvcc.ts";
import type { WatchBatch } from "./watches.ts";

describe("a watch whose client has seen more than this store", () => {
  it("is ahead, and hears nothing, neither events nor progress, before the store has come as far", async () => {
    const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
    const heard: WatchBatch[] = [];
    const watch = mvcc.watches.watch(
      { key: Buffer.from("k"), startRevision: 4 },
      { send: (batch) => heard.push(batch) > 0, compacted: () => undefined },
    );
    const put = (value: string): unknown => mvcc.put({ key: Buffer.from("k"), value: Buffer.from(value), lease: 0n });
    expect([watch.ahead, watch.progress()]).toEqual([true, false]);
    put("second");
    put("third");
    expect([watch.ahead, watch.progress(), heard]).toEqual([false, true, [{ revision: 3, events: [] }]]);
    put("fourth");
    expect(heard.slice(1).map(({ revision, events }) => [revision, events.length])).toEqual([[4, 1]]);
  });
});
