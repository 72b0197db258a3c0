// Txn: every comparison of every target, branches, nesting, and what one transaction may not do.
import type { Compare, Init, RequestOp } from "../../src/index.ts";
import { ask } from "../transcript.ts";
import type { Script, Step } from "../transcript.ts";

const put = (key: string, value = "v"): Init<RequestOp> => ({ requestPut: { key, value } });
const get = (key: string, rangeEnd = ""): Init<RequestOp> => ({ requestRange: { key, rangeEnd } });
const del = (key: string, rangeEnd = ""): Init<RequestOp> => ({ requestDeleteRange: { key, rangeEnd } });
const nest = (
  success: Init<RequestOp>[],
  failure: Init<RequestOp>[] = [],
  compare: Init<Compare>[] = [],
): Init<RequestOp> => ({
  requestTxn: { compare, success, failure },
});
const txn = (success: Init<RequestOp>[], failure: Init<RequestOp>[] = [], compare: Init<Compare>[] = []): Step =>
  ask("kv", "txn", { compare, success, failure });
const all = ["\0", "\0"] as const;
const results = ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"] as const;

const wanted: readonly Init<Compare>[] = [
  ...[0, 1, 2, 3].map((version) => ({ target: "VERSION" as const, version })),
  ...[0, 2, 3, 4].map((createRevision) => ({ target: "CREATE" as const, createRevision })),
  ...[0, 3, 4, 5].map((modRevision) => ({ target: "MOD" as const, modRevision })),
  ...["", "a", "m", "n"].map((value) => ({ target: "VALUE" as const, value })),
  ...[0n, 5n, 6n].map((lease) => ({ target: "LEASE" as const, lease })),
  // A target without its value: the value's default is meant.
  { target: "VERSION" },
  { target: "VALUE" },
  { target: "LEASE" },
];

export const txnScripts: readonly Script[] = [
  {
    name: "compares every target with every result, of keys that are there and not, and of ranges",
    steps: [
      ask("lease", "leaseGrant", { id: 5n, ttl: 1000 }),
      ask("kv", "put", { key: "c", value: "m" }),
      ask("kv", "put", { key: "c", value: "m", lease: 5n }),
      ask("kv", "put", { key: "d", value: "n" }),
      ...results.flatMap((result) =>
        wanted.flatMap((compare) =>
          [
            ["c", ""],
            ["absent", ""],
            ["c", "e"],
            ["x", "z"],
            ["c", "\0"],
          ].map(([key = "", rangeEnd = ""]) => ask("kv", "txn", { compare: [{ ...compare, key, rangeEnd, result }] })),
        ),
      ),
      ask("lease", "leaseRevoke", { id: 5n }),
      ask("kv", "deleteRange", { key: all[0], rangeEnd: all[1] }),
    ],
  },
  {
    name: "runs one branch as one revision, with sub-revisions in order, and reads its own writes",
    steps: [
      txn([put("a", "1"), put("b", "2"), get("a", "z"), del("a"), get("a", "z"), put("c", "3")]),
      txn([get(...all)]),
      txn([], [put("x")]),
      txn([]),
      txn([put("t")], [put("f")], [{ key: "a", target: "VERSION", result: "EQUAL", version: 0 }]),
      txn(
        [put("t")],
        [put("f"), get("f"), del("b"), del("b")],
        [{ key: "a", target: "VERSION", result: "GREATER", version: 0 }],
      ),
      txn([
        { requestPut: { key: "t", value: "2", prevKv: true } },
        { requestDeleteRange: { key: "a", rangeEnd: "z", prevKv: true } },
      ]),
      txn([{ requestRange: { key: "\0", rangeEnd: "\0", limit: 1, sortTarget: "KEY", sortOrder: "DESCEND" } }]),
      txn([{ requestRange: { key: "\0", rangeEnd: "\0", countOnly: true } }]),
      txn([{ requestRange: { key: "a", serializable: true } }]),
      txn([del("absent")]),
      txn([get("a"), put("q"), get("q")]),
      ask("kv", "deleteRange", { key: all[0], rangeEnd: all[1] }),
    ],
  },
  {
    name: "nests transactions, each decided on the state before",
    steps: [
      ask("kv", "put", { key: "n", value: "old" }),
      txn([
        put("n", "new"),
        nest([put("in")], [put("out")], [{ key: "n", target: "VALUE", result: "EQUAL", value: "old" }]),
        get(...all),
      ]),
      txn([nest([nest([put("deep"), get("deep")])]), get("deep")]),
      txn([
        nest([], [put("no")], [{ key: "deep", target: "VERSION", result: "EQUAL", version: 7 }]),
        nest([put("yes")]),
      ]),
      txn([nest([get("n")])]),
      txn([nest([])]),
      ask("kv", "deleteRange", { key: all[0], rangeEnd: all[1] }),
    ],
  },
  {
    name: "refuses what one transaction may not do, and changes nothing",
    steps: [
      ask("kv", "put", { key: "keep", value: "1" }),
      txn([put("a"), put("a")]),
      txn([put("a"), del("a")]),
      txn([del("a"), put("a")]),
      txn([del("a", "c"), put("b")]),
      txn([del("a", "c"), put("c")]),
      txn([del("a"), del("a")]),
      txn([put("a"), nest([put("a")])]),
      txn([put("a"), nest([], [put("a")])]),
      txn([nest([put("a")], [put("a")])]),
      txn([nest([put("a")]), nest([put("a")])]),
      txn([nest([del("a", "c")]), put("b")]),
      txn([nest([del("a", "c")]), nest([put("b")])]),
      txn([put("a")], [put("a")]),
      txn([{}]),
      txn([], [{}]),
      txn([nest([{}])]),
      txn([put("")]),
      txn([get("")]),
      txn([del("")]),
      txn([], [], [{ target: "VERSION" }]),
      txn([{ requestPut: { key: "a", value: "1", ignoreValue: true } }]),
      txn([{ requestPut: { key: "a", ignoreValue: true } }]),
      txn([{ requestPut: { key: "a", ignoreLease: true, lease: 3n } }]),
      txn([{ requestPut: { key: "a", ignoreLease: true } }]),
      txn([{ requestPut: { key: "a", lease: 99n } }]),
      txn([put("b"), { requestPut: { key: "a", lease: 99n } }]),
      txn([nest([nest([put("b"), { requestPut: { key: "a", lease: 99n } }])])]),
      txn([put("b")], [{ requestPut: { key: "a", lease: 99n } }]),
      txn(Array.from({ length: 128 }, (_, at) => get(`k${at}`))),
      txn(Array.from({ length: 129 }, (_, at) => get(`k${at}`))),
      txn(
        [],
        Array.from({ length: 129 }, (_, at) => get(`k${at}`)),
      ),
      txn(
        [],
        [],
        Array.from({ length: 129 }, (_, at): Init<Compare> => ({ key: `k${at}`, target: "VERSION" })),
      ),
      txn([nest(Array.from({ length: 127 }, (_, at) => get(`k${at}`)))]),
      txn([nest(Array.from({ length: 128 }, (_, at) => get(`k${at}`)))]),
      ask("kv", "range", { key: all[0], rangeEnd: all[1] }),
      ask("kv", "deleteRange", { key: all[0], rangeEnd: all[1] }),
    ],
  },
];
