// The watch laws, for many watches of different ranges and wishes at once: no event lost, repeated, out of order, or from before the
// start; nothing after a compaction without being told; a slow reader holds nobody back.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryBackend } from "../../testing/memory-backend.ts";
import { NaiveModel } from "../../testing/naive-model.ts";
import type { ModelEvent } from "../../testing/naive-model.ts";
import { openMvcc } from "../mvcc.ts";
import type { Mvcc } from "../mvcc.ts";
import type { StoreEvent } from "../requests.ts";
import { fragments } from "./fragment.ts";
import type { WatchBatch } from "./watches.ts";

const key = fc.constantFrom("a", "b", "ba", "c", "d");
const wish = fc.record({
  key: fc.constantFrom("a", "b", "ba"),
  rangeEnd: fc.constantFrom("", "\0", "c", "d\0"),
  prevKv: fc.boolean(),
  filters: fc.subarray(["NOPUT", "NODELETE"] as const),
  /** How far back it starts, and how many batches its reader takes before it is full. */
  back: fc.integer({ min: -2, max: 6 }),
  room: fc.integer({ min: 1, max: 5 }),
});
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      write: fc.uniqueArray(fc.tuple(key, fc.option(fc.constantFrom("x", "y"), { nil: undefined })), {
        minLength: 1,
        maxLength: 3,
        selector: ([name]) => name,
      }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ watch: wish }) },
  { weight: 2, arbitrary: fc.record({ catchUp: fc.constant(true), resume: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ compactBack: fc.integer({ min: 0, max: 4 }) }) },
);
type Wish = typeof wish extends fc.Arbitrary<infer W> ? W : never;

interface Reader {
  readonly wish: Wish;
  readonly start: number;
  readonly got: ModelEvent[];
  over: "cancelled" | number | undefined;
  /** The newest revision when it was cancelled. */
  until: number;
  resume(): void;
  cancel(): void;
}

function open(mvcc: Mvcc, model: NaiveModel, wish: Wish): Reader {
  const start = Math.max(1, model.revision + 1 - wish.back);
  const reader: Reader = { wish, start, got: [], over: undefined, until: 0, resume: () => {}, cancel: () => {} };
  let room = wish.room;
  let revision = 0;
  const watch = mvcc.watches.watch(
    {
      key: Buffer.from(wish.key),
      rangeEnd: Buffer.from(wish.rangeEnd),
      prevKv: wish.prevKv,
      filters: wish.filters,
      startRevision: start,
    },
    {
      send(batch) {
        expect(reader.over).toBeUndefined();
        expect(batch.revision).toBeGreaterThanOrEqual(revision);
        revision = batch.revision;
        reader.got.push(...batch.events.map(seen));
        return --room > 0;
      },
      compacted: (at) => (reader.over = at),
    },
  );
  return Object.assign(reader, {
    resume() {
      room = wish.room;
      watch.resume();
    },
    cancel() {
      watch.cancel();
      reader.over ??= "cancelled";
      reader.until = model.revision;
    },
  });
}

function seen({ type, kv, prevKv }: StoreEvent): ModelEvent {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  return {
    type,
    key: text(kv.key),
    value: text(kv.value),
    modRevision: kv.modRevision,
    prev: prevKv === undefined ? undefined : text(prevKv.value),
  };
}

function due(model: NaiveModel, { wish, start }: Reader): ModelEvent[] {
  const end = wish.rangeEnd === "" ? `${wish.key}\0` : wish.rangeEnd === "\0" ? "\uffff" : wish.rangeEnd;
  return model.events.filter(
    (event) =>
      event.modRevision >= start &&
      event.key >= wish.key &&
      event.key < end &&
      !wish.filters.includes(event.type === "PUT" ? "NOPUT" : "NODELETE"),
  );
}

describe("watches", () => {
  test("of any ranges and wishes see what is theirs, once and in order, whoever reads slowly beside them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const model = new NaiveModel();
        const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
        const readers: Reader[] = [];
        for (const next of steps) {
          if ("write" in next) write(mvcc, model, next.write);
          else if ("watch" in next) readers.push(open(mvcc, model, next.watch));
          else if ("cancel" in next) readers[next.cancel % Math.max(1, readers.length)]?.cancel();
          else if ("compactBack" in next) {
            const at = model.revision - next.compactBack;
            if ("revision" in mvcc.compact(at)) model.compacted = at;
            mvcc.sweep(3);
          } else {
            if (next.resume) for (const reader of readers) reader.resume();
            mvcc.watches.catchUp();
          }
        }
        for (let round = 0; round < 200 && (round < 3 || mvcc.watches.behind > 0); round++) {
          for (const reader of readers) reader.resume();
          mvcc.watches.catchUp();
        }
        expect(mvcc.watches.behind).toBe(0);
        expect(mvcc.watches.count).toBe(readers.filter(({ over }) => over === undefined).length);
        for (const reader of readers) {
          const wanted = due(model, reader);
          const expected = reader.over === undefined ? wanted : wanted.slice(0, reader.got.length);
          expect(reader.got.map((event) => ({ ...event, prev: undefined }))).toEqual(
            expected.map((event) => ({ ...event, prev: undefined })),
          );
          // What was before is told to those who asked, unless it was compacted away meanwhile.
          for (const [position, { prev }] of reader.got.entries())
            expect(reader.wish.prevKv ? [expected[position]?.prev, undefined] : [undefined]).toContain(prev);
          if (typeof reader.over === "number") expect(reader.over).toBeGreaterThan(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("that miss the same get the same events, made once", async () => {
    const model = new NaiveModel();
    const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
    const told: WatchBatch[] = [];
    const add = (startRevision: number): void =>
      void mvcc.watches.watch(
        { key: Buffer.from("a"), rangeEnd: Buffer.from("c"), startRevision },
        { send: (batch) => told.push(batch) > 0, compacted: () => {} },
      );
    add(0);
    add(0);
    write(mvcc, model, [["a", "x"]]);
    add(2);
    add(2);
    mvcc.watches.catchUp();
    expect(told).toHaveLength(4);
    expect(told[1]?.events).toBe(told[0]?.events);
    expect(told[3]?.events).toBe(told[2]?.events);
    expect(told[2]?.events).toEqual(told[0]?.events);
  });

  test("read a bounded part of history at a time, and every one in its turn", async () => {
    const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
    for (let count = 0; count < 5000; count++) mvcc.put({ key: Buffer.from(`k${count % 3}`) });
    const counts = new Map<string, number>();
    for (let watch = 0; watch < 30; watch++) {
      const name = `k${watch % 3}`;
      mvcc.watches.watch(
        // Different ends, so that they share nothing.
        { key: Buffer.from("k"), rangeEnd: Buffer.from(`l${watch}`), startRevision: 1 },
        {
          send: (batch) =>
            counts.set(`${name} ${watch}`, (counts.get(`${name} ${watch}`) ?? 0) + batch.events.length).size > 0,
          compacted: () => {},
        },
      );
    }
    let calls = 0;
    let before = 0;
    const total = (): number => counts.values().reduce((sum, count) => sum + count, 0);
    while (mvcc.watches.catchUp() > 0) {
      calls++;
      expect(total() - before).toBeLessThanOrEqual(11_000);
      before = total();
      if (calls === 3) expect(counts.size).toBe(30);
    }
    expect(Array.from(counts.values())).toEqual(Array.from(counts.values(), () => 5000));
  });

  test("come in fragments that together are the batch, each as small as its events allow", () => {
    const event = fc.nat({ max: 300 }).map((length): StoreEvent => ({
      type: "PUT",
      kv: {
        key: Buffer.from("k"),
        createRevision: 1,
        modRevision: 1,
        version: 1,
        value: Buffer.alloc(length),
        lease: 0n,
      },
    }));
    fc.assert(
      fc.property(fc.array(event), fc.integer({ min: 1, max: 1000 }), (events, maxBytes) => {
        const parts = fragments({ revision: 9, events }, maxBytes);
        expect(parts.flatMap((part) => part.events)).toEqual(events);
        expect(parts.map((part) => part.fragment)).toEqual(parts.map((_, index) => index < parts.length - 1));
        for (const part of parts) {
          const size = part.events.reduce((sum, { kv }) => sum + 1 + kv.value.length, 0);
          expect(part.events.length <= 1 || size <= maxBytes).toBe(true);
        }
      }),
    );
  });
});

function write(mvcc: Mvcc, model: NaiveModel, changes: readonly (readonly [string, string | undefined])[]): void {
  mvcc.txn({
    success: changes.map(([name, value]) =>
      value === undefined
        ? { requestDeleteRange: { key: Buffer.from(name) } }
        : { requestPut: { key: Buffer.from(name), value: Buffer.from(value) } },
    ),
  });
  model.write(changes.map(([name, value]) => (value === undefined ? [name] : [name, value])));
}
