// Txn: comparisons, branches, nesting, and what may not be in one transaction.
import { deepStrictEqual } from "node:assert";
import type { Compare, Init } from "../src/index.ts";
import type { Case } from "./case.ts";
import { pairs, prefixEnd, refused } from "./expectations.ts";

export const txnCases: readonly Case[] = [
  {
    name: "compares version, revisions, value and lease, of a key or of every key in a range",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      const created = (await kv.put({ key, value: "m" })).header?.revision ?? 0;
      await kv.put({ key, value: "n" });
      const holds = async (...compare: Init<Compare>[]): Promise<boolean> => (await kv.txn({ compare })).succeeded;
      deepStrictEqual(await holds({ key, target: "VERSION", result: "EQUAL", version: 2 }), true);
      deepStrictEqual(await holds({ key, target: "CREATE", result: "EQUAL", createRevision: created }), true);
      deepStrictEqual(await holds({ key, target: "MOD", result: "GREATER", modRevision: created }), true);
      deepStrictEqual(await holds({ key, target: "MOD", result: "LESS", modRevision: created }), false);
      deepStrictEqual(await holds({ key, target: "VALUE", result: "NOT_EQUAL", value: "m" }), true);
      deepStrictEqual(await holds({ key, target: "LEASE", result: "EQUAL", lease: 0n }), true);
      deepStrictEqual(await holds({ key: `${prefix}absent`, target: "VERSION", result: "EQUAL", version: 0 }), true);
      deepStrictEqual(await holds({ key: `${prefix}absent`, target: "VALUE", result: "NOT_EQUAL", value: "x" }), false);
      await kv.put({ key: `${prefix}l`, value: "o" });
      const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
      deepStrictEqual(await holds({ ...range, target: "VALUE", result: "GREATER", value: "m" }), true);
      deepStrictEqual(await holds({ ...range, target: "VALUE", result: "GREATER", value: "n" }), false);
    },
  },
  {
    name: "runs one branch as one revision, later operations seeing earlier ones",
    run: async ({ client: { kv }, prefix }) => {
      const [a, b] = [`${prefix}a`, `${prefix}b`];
      const before = (await kv.put({ key: a, value: "0" })).header?.revision ?? 0;
      const answer = await kv.txn({
        compare: [{ key: a, target: "VALUE", result: "EQUAL", value: "0" }],
        success: [
          { requestPut: { key: a, value: "1" } },
          { requestPut: { key: b, value: "2" } },
          { requestRange: { key: prefix, rangeEnd: prefixEnd(prefix) } },
        ],
        failure: [{ requestDeleteRange: { key: a } }],
      });
      deepStrictEqual([answer.succeeded, answer.header?.revision], [true, before + 1]);
      deepStrictEqual(
        answer.responses[2]?.responseRange?.kvs.map(({ modRevision }) => modRevision),
        [before + 1, before + 1],
      );
      deepStrictEqual(pairs(answer.responses[2]?.responseRange?.kvs ?? [], prefix), ["a=1", "b=2"]);
      const read = await kv.txn({ success: [{ requestRange: { key: a } }] });
      deepStrictEqual(read.header?.revision, before + 1);
    },
  },
  {
    name: "decides nested transactions on the state before the outer one",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      await kv.put({ key, value: "old" });
      const answer = await kv.txn({
        success: [
          { requestPut: { key, value: "new" } },
          {
            requestTxn: {
              compare: [{ key, target: "VALUE", result: "EQUAL", value: "old" }],
              success: [{ requestRange: { key } }],
            },
          },
        ],
      });
      const inner = answer.responses[1]?.responseTxn;
      deepStrictEqual(
        [inner?.succeeded, pairs(inner?.responses[0]?.responseRange?.kvs ?? [], prefix)],
        [true, ["k=new"]],
      );
    },
  },
  {
    name: "refuses duplicate puts, puts into deleted ranges, too many operations and missing keys, and changes nothing",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      const put = { requestPut: { key, value: "v" } };
      await refused(kv.txn({ success: [put, put] }), 3, "etcdserver: duplicate key given in txn request");
      await refused(
        kv.txn({ success: [put, { requestDeleteRange: { key: prefix, rangeEnd: prefixEnd(prefix) } }] }),
        3,
        "etcdserver: duplicate key given in txn request",
      );
      const many = Array.from({ length: 129 }, (_, index) => ({ requestPut: { key: `${prefix}${index}` } }));
      await refused(kv.txn({ success: many }), 3, "etcdserver: too many operations in txn request");
      await refused(kv.txn({ success: [{ requestPut: { value: "v" } }] }), 3, "etcdserver: key is not provided");
      await refused(kv.txn({ compare: [{ target: "VERSION" }] }), 3, "etcdserver: key is not provided");
      await refused(
        kv.txn({ success: [put, { requestRange: { key, revision: 1_000_000_000 } }] }),
        11,
        "etcdserver: mvcc: required revision is a future revision",
      );
      deepStrictEqual((await kv.range({ key: prefix, rangeEnd: prefixEnd(prefix) })).count, 0);
    },
  },
];
