// Watches that go on in a newer state of the same history, as when a follower is given a snapshot.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryBackend } from "../../testing/memory-backend.ts";
import { openMvcc } from "../mvcc.ts";
import type { Mvcc } from "../mvcc.ts";

const options = { minLeaseTtlSeconds: 1 };
const put = (mvcc: Mvcc, count: number) =>
  mvcc.put({ key: Buffer.from(`k${count % 3}`), value: Buffer.from(`${count}`) });

/** A member that has applied so many puts. */
async function memberAt(puts: number): Promise<Mvcc> {
  const mvcc = await openMvcc(createMemoryBackend(), options);
  for (let count = 0; count < puts; count++) put(mvcc, count);
  return mvcc;
}

async function snapshotAt(puts: number, previous: Mvcc, compactAt = 0): Promise<Mvcc> {
  const backend = createMemoryBackend();
  const leader = await openMvcc(backend, options);
  for (let count = 0; count < puts; count++) put(leader, count);
  if (compactAt > 0) leader.compact(compactAt);
  leader.sweep(Number.POSITIVE_INFINITY);
  return openMvcc(backend, options, previous);
}

describe("watches over the installation of a snapshot", () => {
  it("lose and repeat nothing, wherever they were and whatever room they had", async () => {
    const numbers = fc.record({
      before: fc.integer({ min: 0, max: 30 }),
      jumped: fc.integer({ min: 0, max: 30 }),
      after: fc.integer({ min: 0, max: 10 }),
      start: fc.integer({ min: 0, max: 75 }),
      room: fc.integer({ min: 0, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(numbers, async ({ before, jumped, after, start, room }) => {
        const old = await memberAt(before);
        const seen: string[] = [];
        let left = room;
        const all = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]), startRevision: start };
        const watch = old.watches.watch(all, {
          send: ({ events }) => {
            for (const { kv } of events) seen.push(`${kv.modRevision}=${Buffer.from(kv.value).toString()}`);
            return left-- > 0;
          },
          compacted: () => seen.push("compacted"),
        });
        old.watches.catchUp();
        const moved = await snapshotAt(before + jumped, old);
        for (let count = 0; count < after; count++) put(moved, before + jumped + count);
        for (let round = 0; round < 40; round++) {
          left = 1;
          watch.resume();
          moved.watches.catchUp();
        }
        const total = before + jumped + after;
        const first = start > 0 ? Math.max(2, start) : before + 2;
        const expected = Array.from({ length: total }, (_, count) => `${count + 2}=${count}`).slice(first - 2);
        expect(seen).toEqual(expected);
        expect([moved.watches.count, moved.watches.behind]).toEqual([1, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it("are told when what they needed was compacted meanwhile", async () => {
    const old = await memberAt(5);
    const told: number[] = [];
    old.watches.watch({ key: Buffer.from("k0") }, { send: () => true, compacted: (at) => told.push(at) });
    const moved = await snapshotAt(30, old, 20);
    moved.watches.catchUp();
    expect([told, moved.watches.count]).toEqual([[20], 0]);
  });
});
