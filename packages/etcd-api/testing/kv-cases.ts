// Range, Put, DeleteRange, Compact.
import { deepStrictEqual, ok } from "node:assert";
import type { Case } from "./case.ts";
import { pairs, prefixEnd, refused } from "./expectations.ts";

export const kvCases: readonly Case[] = [
  {
    name: "numbers revisions and versions of a key",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      const first = (await kv.put({ key, value: "1" })).header?.revision ?? 0;
      deepStrictEqual((await kv.put({ key, value: "2" })).header?.revision, first + 1);
      const { kvs, count, more } = await kv.range({ key });
      deepStrictEqual(
        { kvs, count, more },
        {
          kvs: [
            {
              key: Buffer.from(key),
              createRevision: first,
              modRevision: first + 1,
              version: 2,
              value: Buffer.from("2"),
              lease: 0n,
            },
          ],
          count: 1,
          more: false,
        },
      );
      await kv.deleteRange({ key });
      await kv.put({ key, value: "3" });
      deepStrictEqual(
        (await kv.range({ key })).kvs.map(({ createRevision, version }) => [createRevision, version]),
        [[first + 3, 1]],
      );
      deepStrictEqual(pairs((await kv.range({ key, revision: first })).kvs, prefix), ["k=1"]);
    },
  },
  {
    name: "answers a range with a limit, in order, saying that there is more and how many in all",
    run: async ({ client: { kv }, prefix }) => {
      for (const name of ["c", "a", "d", "b"]) await kv.put({ key: prefix + name, value: name });
      const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
      const limited = await kv.range({ ...range, limit: 2 });
      deepStrictEqual([pairs(limited.kvs, prefix), limited.more, limited.count], [["a=a", "b=b"], true, 4]);
      const exact = await kv.range({ ...range, limit: 4 });
      deepStrictEqual([exact.kvs.length, exact.more], [4, false]);
      const counted = await kv.range({ ...range, countOnly: true });
      deepStrictEqual([counted.kvs, counted.count, counted.more], [[], 4, false]);
      deepStrictEqual(pairs((await kv.range({ ...range, keysOnly: true })).kvs, prefix), ["a=", "b=", "c=", "d="]);
      deepStrictEqual(pairs((await kv.range({ ...range, serializable: true, limit: 1 })).kvs, prefix), ["a=a"]);
    },
  },
  {
    name: "sorts by every target, and ascending by any but the key when no order is given",
    run: async ({ client: { kv }, prefix }) => {
      for (const [name, value] of [
        ["a", "3"],
        ["b", "1"],
        ["c", "2"],
        ["a", "0"],
      ] as const)
        await kv.put({ key: prefix + name, value });
      const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
      const order = async (
        sortTarget: "KEY" | "VERSION" | "CREATE" | "MOD" | "VALUE",
        sortOrder: "NONE" | "ASCEND" | "DESCEND",
      ): Promise<string> =>
        (await kv.range({ ...range, sortTarget, sortOrder })).kvs.map(({ key }) => key.toString().at(-1)).join("");
      deepStrictEqual(await order("KEY", "DESCEND"), "cba");
      deepStrictEqual(await order("VALUE", "NONE"), "abc");
      deepStrictEqual(await order("VALUE", "DESCEND"), "cba");
      deepStrictEqual(await order("MOD", "ASCEND"), "bca");
      deepStrictEqual(await order("CREATE", "DESCEND"), "cba");
      deepStrictEqual((await order("VERSION", "DESCEND")).charAt(0), "a");
    },
  },
  {
    name: "filters by modification and creation revisions, counting all",
    run: async ({ client: { kv }, prefix }) => {
      const at: number[] = [];
      for (const name of ["a", "b", "c"]) at.push((await kv.put({ key: prefix + name })).header?.revision ?? 0);
      const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
      const middle = await kv.range({ ...range, minModRevision: at[1], maxModRevision: at[1] });
      deepStrictEqual([pairs(middle.kvs, prefix), middle.count], [["b="], 3]);
      deepStrictEqual(
        pairs((await kv.range({ ...range, minCreateRevision: at[1], maxCreateRevision: at[2] })).kvs, prefix),
        ["b=", "c="],
      );
    },
  },
  {
    name: "gives the previous value when asked, and keeps value or lease when told to",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      deepStrictEqual((await kv.put({ key, value: "1", prevKv: true })).prevKv, undefined);
      deepStrictEqual((await kv.put({ key, value: "2", prevKv: true })).prevKv?.value.toString(), "1");
      await kv.put({ key, ignoreValue: true });
      deepStrictEqual(
        (await kv.range({ key })).kvs.map(({ value, version }) => [value.toString(), version]),
        [["2", 3]],
      );
      const { deleted, prevKvs } = await kv.deleteRange({ key, prevKv: true });
      deepStrictEqual([deleted, pairs(prevKvs, prefix)], [1, ["k=2"]]);
      deepStrictEqual((await kv.deleteRange({ key })).deleted, 0);
    },
  },
  {
    name: "refuses what cannot be asked, in etcd's words",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      const revision = (await kv.put({ key, value: "v" })).header?.revision ?? 0;
      await refused(kv.range({}), 3, "etcdserver: key is not provided");
      await refused(kv.put({ value: "v" }), 3, "etcdserver: key is not provided");
      await refused(kv.deleteRange({}), 3, "etcdserver: key is not provided");
      await refused(kv.put({ key, value: "v", ignoreValue: true }), 3, "etcdserver: value is provided");
      await refused(kv.put({ key, value: "v", lease: 1n, ignoreLease: true }), 3, "etcdserver: lease is provided");
      await refused(kv.put({ key: `${prefix}absent`, ignoreValue: true }), 3, "etcdserver: key not found");
      await refused(kv.put({ key, value: "v", lease: 0x7abcdefn }), 5, "etcdserver: requested lease not found");
      await refused(
        kv.range({ key, revision: revision + 1_000_000 }),
        11,
        "etcdserver: mvcc: required revision is a future revision",
      );
      await refused(
        kv.compact({ revision: revision + 1_000_000 }),
        11,
        "etcdserver: mvcc: required revision is a future revision",
      );
    },
  },
  {
    name: "compacts, and then refuses what is gone",
    run: async ({ client: { kv }, prefix }) => {
      const key = `${prefix}k`;
      const first = (await kv.put({ key, value: "1" })).header?.revision ?? 0;
      await kv.put({ key, value: "2" });
      ok((await kv.compact({ revision: first + 1, physical: true })).header);
      await refused(kv.range({ key, revision: first }), 11, "etcdserver: mvcc: required revision has been compacted");
      await refused(kv.compact({ revision: first }), 11, "etcdserver: mvcc: required revision has been compacted");
      deepStrictEqual(pairs((await kv.range({ key, revision: first + 1 })).kvs, prefix), ["k=2"]);
    },
  },
];
