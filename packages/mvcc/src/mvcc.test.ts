import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryBackend } from "../testing/memory-backend.ts";
import { checkBackend } from "../testing/backend-suite.ts";
import { NaiveModel } from "../testing/naive-model.ts";
import type { ModelEvent } from "../testing/naive-model.ts";
import type { Backend } from "./backend.ts";
import { openMvcc } from "./mvcc.ts";
import type { Mvcc } from "./mvcc.ts";
import type { KeyValue } from "./record.ts";
import type { RequestOp, StoreEvent } from "./requests.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const text = (value: Uint8Array): string => Buffer.from(value).toString();
const options = { minLeaseTtlSeconds: 1 };
const open = (backend: Backend = createMemoryBackend()): Promise<Mvcc> => openMvcc(backend, options);
const plain = (kv: KeyValue): object => ({
  key: text(kv.key),
  createRevision: kv.createRevision,
  modRevision: kv.modRevision,
  version: kv.version,
  value: text(kv.value),
});
const seen = ({ type, kv, prevKv }: StoreEvent): ModelEvent => ({
  type,
  key: text(kv.key),
  value: text(kv.value),
  modRevision: kv.modRevision,
  prev: prevKv === undefined ? undefined : text(prevKv.value),
});

const key = fc.constantFrom("a", "b", "ba", "c", "d");
const change = fc.oneof(fc.tuple(key, fc.string({ maxLength: 3 })), fc.tuple(key));
type Step =
  | { readonly do: "write"; readonly changes: readonly (readonly [string, string?])[] }
  | { readonly do: "compact"; readonly fraction: number; readonly sweep: number }
  | { readonly do: "reopen" }
  | { readonly do: "watch"; readonly fraction: number; readonly room: number }
  | { readonly do: "resume" };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .uniqueArray(change, { minLength: 1, maxLength: 3, selector: ([changed]) => changed })
      .map((changes) => ({ do: "write" as const, changes })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("compact" as const),
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
      sweep: fc.integer({ min: 0, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("watch" as const),
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
      room: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "resume" as const }) },
);

describe("mvcc", () => {
  test("answers every range at every kept revision as a store of whole copies would", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const model = new NaiveModel();
        const backend = createMemoryBackend();
        let mvcc = await open(backend);
        for (const { do: verb, ...rest } of steps) {
          if (verb === "write" && "changes" in rest) apply(mvcc, model, rest.changes);
          if (verb === "reopen") mvcc = await open(backend);
          if (verb === "compact" && "sweep" in rest) {
            const at = Math.ceil(rest.fraction * model.revision);
            const expected = at <= model.compacted ? { refused: "compacted" } : { revision: model.revision };
            expect(mvcc.compact(at)).toEqual(expected);
            model.compacted = Math.max(model.compacted, at);
            mvcc.sweep(rest.sweep);
          }
        }
        expect(mvcc.revision).toBe(model.revision);
        for (let revision = Math.max(1, model.compacted); revision <= model.revision; revision++) {
          const answer = mvcc.range({ key: bytes("a"), rangeEnd: bytes("c\0"), revision });
          const expected = model.range("a", "c\0", revision);
          expect("refused" in answer ? answer : { ...answer, kvs: answer.kvs.map(plain) }).toEqual({
            revision: model.revision,
            kvs: expected,
            more: false,
            count: expected.length,
          });
        }
        if (model.compacted > 1)
          expect(mvcc.range({ key: bytes("a"), revision: model.compacted - 1 })).toEqual({ refused: "compacted" });
      }),
      { numRuns: 300 },
    );
  });

  test("keeps exactly the records that some readable revision or a watch from the compaction on needs", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const model = new NaiveModel();
        const backend = createMemoryBackend();
        const mvcc = await open(backend);
        for (const next of steps) {
          if (next.do === "write") apply(mvcc, model, next.changes);
          if (next.do !== "compact") continue;
          const at = Math.ceil(next.fraction * model.revision);
          mvcc.compact(at);
          model.compacted = Math.max(model.compacted, at);
          mvcc.sweep(next.sweep);
        }
        expect(mvcc.sweep(Number.POSITIVE_INFINITY)).toBe(true);
        const readable = model.states
          .slice(Math.max(1, model.compacted))
          .flatMap((state) => [...state.values()].map((value) => value.modRevision + value.key));
        const watchable = model.events
          .filter((event) => event.modRevision >= model.compacted)
          .map((event) => event.modRevision + event.key);
        const kept = await backend.scan("key", bytes(""), 10_000);
        expect(kept.length).toBe(new Set([...readable, ...watchable]).size);
      }),
      { numRuns: 300 },
    );
  });

  test("shows each watch every event from its start on, once, in order, whatever its reader's pace, or says that it was compacted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const model = new NaiveModel();
        const mvcc = await open();
        const watchers: {
          start: number;
          got: ModelEvent[];
          compacted: number;
          revision: number;
          resume: () => void;
        }[] = [];
        for (const next of steps) {
          if (next.do === "write") apply(mvcc, model, next.changes);
          if (next.do === "compact") {
            const at = Math.ceil(next.fraction * model.revision * 0.7);
            if ("revision" in mvcc.compact(at)) model.compacted = at;
            mvcc.sweep(next.sweep);
          }
          if (next.do === "watch") {
            const start = 1 + Math.ceil(next.fraction * (model.revision + 1));
            const reader = { start, got: [] as ModelEvent[], compacted: 0, revision: 0, resume: () => watch.resume() };
            let room = next.room;
            const watch = mvcc.watches.watch(
              { key: bytes("b"), rangeEnd: bytes("d"), startRevision: start, prevKv: true },
              {
                send: (batch) => {
                  reader.got.push(...batch.events.map(seen));
                  expect(batch.revision).toBeGreaterThan(reader.revision);
                  reader.revision = batch.revision;
                  return --room > 0;
                },
                compacted: (at) => (reader.compacted = at),
              },
            );
            reader.resume = () => {
              room = next.room;
              watch.resume();
            };
            watchers.push(reader);
          }
          if (next.do === "resume") {
            for (const watcher of watchers) watcher.resume();
            mvcc.watches.catchUp();
          }
        }
        for (let round = 0; round < 100; round++) {
          for (const watcher of watchers) watcher.resume();
          mvcc.watches.catchUp();
        }
        for (const { start, got, compacted } of watchers) {
          const due = model.events.filter((event) => event.modRevision >= start && event.key >= "b" && event.key < "d");
          const expected = compacted > 0 ? due.slice(0, got.length) : due;
          const withoutPrev = (event: ModelEvent): object => ({ ...event, prev: undefined });
          expect(got.map(withoutPrev)).toEqual(expected.map(withoutPrev));
          got.forEach((event, index) =>
            expect([event.prev, undefined]).toContain(event.prev === undefined ? undefined : expected[index]?.prev),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test("gives the hash that etcd 3.4 gives for the same history", async () => {
    const mvcc = await open();
    mvcc.put({ key: bytes("a"), value: bytes("1") });
    mvcc.put({ key: bytes("b"), value: bytes("2") });
    mvcc.deleteRange({ key: bytes("a") });
    expect(await mvcc.hash(0)).toEqual({ hash: 1562576432, revision: 4, hashRevision: 4, compactRevision: 0 });
  });

  test("gives etcd's hash whatever was compacted, swept or not", async () => {
    const mvcc = await open();
    const put = (key: string, value: string) => mvcc.put({ key: bytes(key), value: bytes(value) });
    const hash = async (at = 0) => {
      const answer = await mvcc.hash(at);
      return "hash" in answer ? answer.hash : answer.refused;
    };
    const both = async (at = 0) => {
      const before = await hash(at);
      mvcc.sweep(Number.POSITIVE_INFINITY);
      expect(await hash(at)).toBe(before);
      return before;
    };
    put("a", "1");
    put("b", "2");
    put("a", "3");
    mvcc.deleteRange({ key: bytes("b") });
    put("c", "4");
    put("d", "5");
    expect(await both()).toBe(795342780);
    mvcc.compact(4);
    expect(await both()).toBe(2173744001);
    put("a", "6");
    expect([await both(), await both(6), await both(3)]).toEqual([2818143197, 2450235489, "compacted"]);
    mvcc.deleteRange({ key: Buffer.from([0]), rangeEnd: Buffer.from([0]) });
    mvcc.compact(8);
    expect(await both()).toBe(4268836848);
    mvcc.compact(9);
    expect(await both()).toBe(1084519789);
  });

  test("decides nested comparisons on the state before the transaction, and lets later operations see earlier ones", async () => {
    const mvcc = await open();
    mvcc.put({ key: bytes("k"), value: bytes("old") });
    const answer = mvcc.txn({
      compare: [{ key: bytes("k"), target: "VALUE", result: "EQUAL", value: bytes("old") }],
      success: [
        { requestPut: { key: bytes("k"), value: bytes("new"), prevKv: true } },
        {
          requestTxn: {
            compare: [{ key: bytes("k"), target: "VALUE", result: "EQUAL", value: bytes("new") }],
            failure: [{ requestRange: { key: bytes("k") } }],
          },
        },
        { requestDeleteRange: { key: bytes("absent") } },
      ],
    });
    const before = { key: bytes("k"), createRevision: 2, modRevision: 2, version: 1, value: bytes("old"), lease: 0n };
    expect(answer).toEqual({
      revision: 3,
      succeeded: true,
      answers: [
        { put: { revision: 3, prevKv: before } },
        {
          txn: {
            revision: 3,
            succeeded: false,
            answers: [
              {
                range: {
                  revision: 3,
                  kvs: [{ ...before, modRevision: 3, version: 2, value: bytes("new") }],
                  more: false,
                  count: 1,
                },
              },
            ],
          },
        },
        { deleteRange: { revision: 3, deleted: 0, prevKvs: [] } },
      ],
    });
  });

  test("refuses a transaction as a whole when one of its operations cannot be carried out", async () => {
    const mvcc = await open();
    const put: RequestOp = { requestPut: { key: bytes("k"), value: bytes("v") } };
    expect(mvcc.txn({ success: [put, { requestRange: { key: bytes("k"), revision: 9 } }] })).toEqual({
      refused: "future-revision",
    });
    expect(mvcc.txn({ success: [put, { requestPut: { key: bytes("l"), lease: 7n } }] })).toEqual({
      refused: "lease-not-found",
    });
    expect(mvcc.txn({ success: [put, { requestPut: { key: bytes("m"), ignoreValue: true } }] })).toEqual({
      refused: "key-not-found",
    });
    expect(mvcc.revision).toBe(1);
  });

  test("deletes the keys of a revoked lease in one revision, and hangs a key on its last lease only", async () => {
    const backend = createMemoryBackend();
    let mvcc = await open(backend);
    mvcc.leases.grant(1n, 10, 0);
    mvcc.leases.grant(-2n, 10, 0);
    for (const name of ["a", "b", "c"]) mvcc.put({ key: bytes(name), lease: 1n });
    mvcc.put({ key: bytes("b"), lease: -2n });
    mvcc.put({ key: bytes("c") });
    mvcc = await open(backend);
    expect(mvcc.leases.info(-2n, 0)).toEqual({
      id: -2n,
      grantedTtlSeconds: 10,
      remainingTtlSeconds: 10,
      keys: [bytes("b")],
    });
    expect(mvcc.leases.revoke(1n)).toEqual({ revision: 7 });
    expect(mvcc.range({ key: bytes("a"), rangeEnd: bytes("z"), keysOnly: true })).toMatchObject({
      count: 2,
      revision: 7,
    });
    expect(mvcc.leases.revoke(1n)).toEqual({ refused: "lease-not-found" });
  });

  test("lets leases run out by the leader's time only, from their checkpoint after a change of leaders", async () => {
    const mvcc = await open();
    mvcc.leases.grant(5n, 400, 0);
    mvcc.leases.grant(6n, 300, 0);
    expect(mvcc.leases.expired(1e9, 10)).toEqual([]);
    mvcc.leases.promote(0, 0);
    expect(mvcc.leases.checkpointsDue(299_999, 10)).toEqual([]);
    expect(mvcc.leases.checkpointsDue(360_000, 10)).toEqual([{ id: 5n, remainingTtlSeconds: 40 }]);
    mvcc.leases.checkpoint(5n, 40);
    expect(mvcc.leases.checkpointsDue(360_000, 10)).toEqual([]);
    mvcc.leases.demote();
    mvcc.leases.promote(100_000, 1000);
    expect([mvcc.leases.expired(140_999, 10), mvcc.leases.expired(141_000, 10)]).toEqual([[], [5n]]);
    expect(mvcc.leases.renew(5n, 150_000)).toEqual({ refused: "lease-not-found" });
  });

  test("the memory backend keeps to the backend's contract", async () => {
    await checkBackend(async () => createMemoryBackend());
  });
});

function apply(mvcc: Mvcc, model: NaiveModel, changes: readonly (readonly [string, string?])[]): void {
  const operations = changes.map(([name, value]): RequestOp =>
    value === undefined
      ? { requestDeleteRange: { key: bytes(name) } }
      : { requestPut: { key: bytes(name), value: bytes(value) } },
  );
  mvcc.txn({ success: operations });
  model.write(changes);
}
