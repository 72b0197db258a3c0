// KV, every option: what is asked of keys, alone and together.
import type { Init, RangeRequest } from "../../src/index.ts";
import { ask } from "../transcript.ts";
import type { Script, Step } from "../transcript.ts";

const range = (request: Init<RangeRequest>): Step => ask("kv", "range", request);
const put = (key: string, value: string): Step => ask("kv", "put", { key, value });
const all = { key: "\0", rangeEnd: "\0" };

/** Seven keys with revisions, versions, values and leases that order them differently. */
const filled: readonly Step[] = [
  put("b", "5"),
  put("a", "4"),
  put("d", "2"),
  put("c", "3"),
  put("a", "1"),
  put("d", "2"),
  put("e/1", "x"),
  put("e/2", ""),
  put("\xff", "last"),
];

const targets = ["KEY", "VERSION", "CREATE", "MOD", "VALUE"] as const;
const orders = ["NONE", "ASCEND", "DESCEND"] as const;

export const kvScripts: readonly Script[] = [
  {
    name: "ranges by every target and order, with and without a limit",
    steps: [
      ...filled,
      ...targets.flatMap((sortTarget) =>
        orders.flatMap((sortOrder) =>
          [0, 1, 3, 100, -1].map((limit) => range({ ...all, sortTarget, sortOrder, limit })),
        ),
      ),
      ask("kv", "deleteRange", all),
    ],
  },
  {
    name: "ranges of one key, a prefix, from a key on, empty and upside down",
    steps: [
      ...filled,
      range({ key: "a" }),
      range({ key: "absent" }),
      range({ key: "e/", rangeEnd: "e0" }),
      range({ key: "c", rangeEnd: "\0" }),
      range({ key: "\0", rangeEnd: "c" }),
      range({ key: "d", rangeEnd: "a" }),
      range({ key: "d", rangeEnd: "d" }),
      range({ key: "\xff", rangeEnd: "\0" }),
      range({ key: "" }),
      range({ key: "", rangeEnd: "\0" }),
      range({ key: "a", keysOnly: true }),
      range({ ...all, keysOnly: true, limit: 2 }),
      range({ ...all, countOnly: true }),
      range({ ...all, countOnly: true, limit: 2 }),
      range({ ...all, countOnly: true, keysOnly: true, sortTarget: "VALUE", sortOrder: "DESCEND" }),
      range({ ...all, serializable: true, limit: 1 }),
      range({ key: "absent", countOnly: true }),
      ask("kv", "deleteRange", all),
    ],
  },
  {
    name: "filters by modification and creation revisions, with sorting, limits and counting",
    steps: [
      ...filled,
      ...[0, 1, 3, 5, 6, 7, 100].flatMap((revision) => [
        range({ ...all, minModRevision: revision }),
        range({ ...all, maxModRevision: revision }),
        range({ ...all, minCreateRevision: revision }),
        range({ ...all, maxCreateRevision: revision }),
        range({ ...all, minModRevision: revision, limit: 1 }),
        range({ ...all, maxCreateRevision: revision, limit: 2, sortTarget: "MOD", sortOrder: "DESCEND" }),
        range({ ...all, minModRevision: revision, maxModRevision: revision, countOnly: true }),
        range({ ...all, minModRevision: revision, keysOnly: true }),
      ]),
      ask("kv", "deleteRange", all),
    ],
  },
  {
    name: "reads the past, and refuses what is compacted, to come or before all",
    steps: [
      put("k", "1"),
      put("k", "2"),
      ask("kv", "deleteRange", { key: "k" }),
      put("k", "3"),
      ...[-1, 1, 2, 3, 4, 5, 6, 1000].map((revision) => range({ key: "k", revision })),
      ask("kv", "compact", { revision: -1 }),
      ask("kv", "compact", { revision: 1000 }),
      ask("kv", "compact", { revision: 4 }),
      ask("kv", "compact", { revision: 4 }),
      ask("kv", "compact", { revision: 3 }),
      ...[-1, 1, 2, 3, 4, 5, 6, 1000].map((revision) => range({ key: "k", revision })),
      range({ key: "k", revision: 2, countOnly: true }),
      ask("kv", "txn", { success: [{ requestRange: { key: "k", revision: 2 } }] }),
      ask("kv", "txn", { success: [{ requestPut: { key: "k" } }, { requestRange: { key: "k", revision: 2 } }] }),
      ask("kv", "txn", { success: [{ requestPut: { key: "k" } }, { requestRange: { key: "k", revision: 99 } }] }),
      range({ key: "k" }),
      ask("kv", "compact", { revision: 5, physical: true }),
      ask("kv", "deleteRange", { key: "k" }),
      ask("kv", "compact", { revision: 6, physical: true }),
      range({ key: "k" }),
    ],
  },
  {
    name: "puts with previous values, kept values and kept leases",
    steps: [
      ask("lease", "leaseGrant", { id: 77n, ttl: 1000 }),
      ask("kv", "put", { key: "p", value: "1", prevKv: true }),
      ask("kv", "put", { key: "p", value: "2", prevKv: true, lease: 77n }),
      ask("kv", "put", { key: "p", ignoreValue: true, prevKv: true }),
      range({ key: "p" }),
      ask("kv", "put", { key: "p", value: "3", lease: 77n }),
      ask("kv", "put", { key: "p", value: "4", ignoreLease: true, prevKv: true }),
      ask("kv", "put", { key: "p", ignoreValue: true, ignoreLease: true, prevKv: true }),
      range({ key: "p" }),
      ask("kv", "put", { key: "p", value: "5", ignoreValue: true }),
      ask("kv", "put", { key: "p", ignoreLease: true, lease: 77n }),
      ask("kv", "put", { key: "absent", ignoreValue: true }),
      ask("kv", "put", { key: "absent", value: "1", ignoreLease: true }),
      ask("kv", "put", { key: "p", value: "6", lease: 78n }),
      ask("kv", "put", { key: "p", value: "6", lease: -5n }),
      ask("kv", "put", { key: "", value: "6" }),
      ask("kv", "put", { value: "6", lease: 78n }),
      ask("lease", "leaseRevoke", { id: 77n }),
      range({ key: "p" }),
    ],
  },
  {
    name: "deletes one, a range, from a key on, nothing, with previous values",
    steps: [
      ...filled,
      ask("kv", "deleteRange", { key: "absent", prevKv: true }),
      ask("kv", "deleteRange", { key: "b", prevKv: true }),
      ask("kv", "deleteRange", { key: "b" }),
      ask("kv", "deleteRange", { key: "e/", rangeEnd: "e0", prevKv: true }),
      ask("kv", "deleteRange", { key: "z", rangeEnd: "a" }),
      ask("kv", "deleteRange", { key: "" }),
      ask("kv", "deleteRange", { key: "c", rangeEnd: "\0" }),
      range(all),
      ask("kv", "deleteRange", { ...all, prevKv: true }),
      range(all),
    ],
  },
];
