// Every option of a range, in every combination, against the naive model: fetch all, prune, sort, cut, blank.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryBackend } from "../testing/memory-backend.ts";
import { NaiveModel } from "../testing/naive-model.ts";
import type { ModelValue } from "../testing/naive-model.ts";
import { openMvcc } from "./mvcc.ts";
import type { KeyValue } from "./record.ts";

test("a range read in parts is the whole range", async () => {
  const written = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 2 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(written, fc.nat(4), fc.boolean(), fc.nat(9), async (keys, limit, keysOnly, partBytes) => {
      const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
      for (const key of keys) mvcc.put({ key: Buffer.from(key), value: Buffer.from(key.repeat(2)) });
      const whole = mvcc.range({ key: Buffer.from("\0"), rangeEnd: Buffer.from("\0"), limit, keysOnly });
      const kvs: KeyValue[] = [];
      for (let key = Buffer.from("\0"), more = true; more && !(limit > 0 && kvs.length === limit);) {
        const rest = limit > 0 ? limit - kvs.length : 0;
        const part = mvcc.range({ key, rangeEnd: Buffer.from("\0"), limit: rest, keysOnly, partBytes: partBytes + 1 });
        if ("refused" in part) throw new Error(part.refused);
        kvs.push(...part.kvs);
        more = part.more;
        key = Buffer.concat([kvs.at(-1)?.key ?? key, Buffer.alloc(1)]);
      }
      expect(kvs).toEqual("refused" in whole ? [] : whole.kvs);
    }),
  );
});

const names = ["a", "b", "ba", "c", "d"] as const;
const write = fc.tuple(fc.constantFrom(...names), fc.option(fc.constantFrom("x", "y", "z", ""), { nil: undefined }));
const bound = fc.integer({ min: 0, max: 12 });
const query = fc.record({
  key: fc.constantFrom("a", "b", "c"),
  rangeEnd: fc.constantFrom("", "\0", "c", "e"),
  limit: fc.integer({ min: -1, max: 4 }),
  sortOrder: fc.constantFrom("NONE", "ASCEND", "DESCEND"),
  sortTarget: fc.constantFrom("KEY", "VERSION", "CREATE", "MOD", "VALUE"),
  keysOnly: fc.boolean(),
  countOnly: fc.boolean(),
  minModRevision: fc.oneof(fc.constant(0), bound),
  maxModRevision: fc.oneof(fc.constant(0), bound),
  minCreateRevision: fc.oneof(fc.constant(0), bound),
  maxCreateRevision: fc.oneof(fc.constant(0), bound),
});

const compared: Readonly<Record<string, (a: ModelValue, b: ModelValue) => number>> = {
  KEY: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  VERSION: (a, b) => a.version - b.version,
  CREATE: (a, b) => a.createRevision - b.createRevision,
  MOD: (a, b) => a.modRevision - b.modRevision,
  VALUE: (a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0),
};

test("a range with any options answers as the naive model does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 20 }), fc.array(query, { minLength: 1 }), async (writes, queries) => {
      const model = new NaiveModel();
      const mvcc = await openMvcc(createMemoryBackend(), { minLeaseTtlSeconds: 1 });
      for (const [key, value] of writes) {
        if (value === undefined) mvcc.deleteRange({ key: Buffer.from(key) });
        else mvcc.put({ key: Buffer.from(key), value: Buffer.from(value) });
        model.write([value === undefined ? [key] : [key, value]]);
      }
      for (const asked of queries) {
        const answer = mvcc.range({ ...asked, key: Buffer.from(asked.key), rangeEnd: Buffer.from(asked.rangeEnd) });
        if ("refused" in answer) throw new Error(answer.refused);
        const got = {
          ...answer,
          kvs: answer.kvs.map((kv) => ({
            ...kv,
            key: Buffer.from(kv.key).toString(),
            value: Buffer.from(kv.value).toString(),
          })),
        };
        expect(got).toEqual(expected(model, asked));
      }
    }),
    { numRuns: 500 },
  );
});

function expected(model: NaiveModel, asked: typeof query extends fc.Arbitrary<infer Q> ? Q : never): object {
  const end = asked.rangeEnd === "" ? `${asked.key}\0` : asked.rangeEnd === "\0" ? "\uffff" : asked.rangeEnd;
  const all = model.range(asked.key, end, 0);
  if (asked.countOnly) return { revision: model.revision, kvs: [], more: false, count: all.length };
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = asked;
  let kvs = all.filter(
    ({ modRevision, createRevision }) =>
      modRevision >= minModRevision &&
      createRevision >= minCreateRevision &&
      (maxModRevision === 0 || modRevision <= maxModRevision) &&
      (maxCreateRevision === 0 || createRevision <= maxCreateRevision),
  );
  const limit = Math.max(0, asked.limit);
  const prunes = minModRevision + maxModRevision + minCreateRevision + maxCreateRevision > 0;
  // As etcd: without an order it reads one key more than the limit, and a target alone sorts what was read.
  if (asked.sortOrder === "NONE" && limit > 0 && !prunes) kvs = kvs.slice(0, limit + 1);
  const order = compared[asked.sortTarget] as (a: ModelValue, b: ModelValue) => number;
  if (asked.sortOrder === "DESCEND") kvs = kvs.toSorted((a, b) => order(b, a));
  else if (asked.sortOrder === "ASCEND" || asked.sortTarget !== "KEY") kvs = kvs.toSorted(order);
  const more = limit > 0 && kvs.length > limit;
  if (more) kvs = kvs.slice(0, limit);
  return {
    revision: model.revision,
    kvs: kvs.map((kv) => ({ ...kv, value: asked.keysOnly ? "" : kv.value, lease: 0n })),
    more,
    count: all.length,
  };
}
