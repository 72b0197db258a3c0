// Watch, every request and option, as scripts over one raw stream: what is sent, what happens meanwhile, and how many lines are to come.
import type { Init, WatchCreateRequest, WatchRequest } from "@coxswain/etcd-api";
import { ask } from "@coxswain/etcd-api/testing";
import type { Step } from "@coxswain/etcd-api/testing";

export type WatchStep = { readonly send: Init<WatchRequest> } | { readonly does: Step } | { readonly receive: number };

export interface WatchScript {
  readonly name: string;
  readonly steps: readonly WatchStep[];
}

const create = (createRequest: Init<WatchCreateRequest>): WatchStep => ({ send: { createRequest } });
const cancel = (watchId: number): WatchStep => ({ send: { cancelRequest: { watchId } } });
const progress: WatchStep = { send: { progressRequest: {} } };
const put = (key: string, value: string): WatchStep => ({ does: ask("kv", "put", { key, value }) });
const del = (key: string, rangeEnd = ""): WatchStep => ({ does: ask("kv", "deleteRange", { key, rangeEnd }) });
const receive = (count: number): WatchStep => ({ receive: count });
const all = { key: "\0", rangeEnd: "\0" };

/** Begun on an empty store, in this order: revisions are named. */
export const watchScripts: readonly WatchScript[] = [
  {
    name: "watches a key, a prefix, from a key on and everything, each event once per watch",
    steps: [
      create({ key: "a" }),
      receive(1),
      create({ key: "a/", rangeEnd: "a0" }),
      receive(1),
      create({ key: "b", rangeEnd: "\0" }),
      receive(1),
      create({}),
      receive(1),
      create(all),
      receive(1),
      put("a", "1"),
      receive(2),
      put("c", "2"),
      receive(2),
      del("c"),
      receive(2),
      del("a"),
      receive(2),
      del("absent"),
      put("a/1", "3"),
      receive(2),
      del("a/1"),
      receive(2),
    ],
  },
  {
    name: "refuses ranges that are empty and ids that are taken, and lets the stream live",
    steps: [
      create({ key: "b", rangeEnd: "a" }),
      receive(1),
      create({ key: "b", rangeEnd: "b" }),
      receive(1),
      create({ key: "k", watchId: 7 }),
      receive(1),
      create({ key: "k", watchId: 7 }),
      receive(1),
      create({ key: "k" }),
      receive(1),
      cancel(7),
      receive(1),
      cancel(7),
      create({ key: "k", watchId: 7 }),
      receive(1),
      cancel(99),
    ],
  },
  {
    name: "begins in the past and in the future, in order and without a gap",
    steps: [
      put("p", "1"),
      put("q", "2"),
      put("p", "3"),
      del("q"),
      create({ key: "p", rangeEnd: "r", startRevision: 1 }),
      receive(5),
      create({ key: "p", rangeEnd: "r", startRevision: 13 }),
      receive(1),
      put("p", "4"),
      receive(1),
      put("p", "5"),
      receive(2),
    ],
  },
  {
    name: "filters puts and deletes, and gives previous values",
    steps: [
      create({ key: "f", filters: ["NOPUT"] }),
      receive(1),
      create({ key: "f", filters: ["NODELETE"] }),
      receive(1),
      create({ key: "f", filters: ["NODELETE", "NOPUT"] }),
      receive(1),
      create({ key: "f", prevKv: true }),
      receive(1),
      put("f", "1"),
      receive(2),
      put("f", "2"),
      receive(2),
      del("f"),
      receive(2),
    ],
  },
  {
    name: "shows a transaction's events together and a lease's end as deletions",
    steps: [
      { does: ask("lease", "leaseGrant", { id: 3n, ttl: 1000 }) },
      create({ key: "t", rangeEnd: "u", prevKv: true }),
      receive(1),
      {
        does: ask("kv", "txn", {
          success: [
            { requestPut: { key: "t/1", value: "1", lease: 3n } },
            { requestPut: { key: "t/2", value: "2", lease: 3n } },
            { requestDeleteRange: { key: "t/0" } },
          ],
        }),
      },
      receive(2),
      { does: ask("lease", "leaseRevoke", { id: 3n }) },
      receive(2),
    ],
  },
  {
    name: "tells of progress when asked",
    steps: [create({ key: "g" }), receive(1), progress, receive(1), put("g", "1"), receive(1), progress, receive(1)],
  },
  {
    name: "cuts a large transaction's events into fragments when asked to",
    steps: [
      create({ key: "big/", rangeEnd: "big0", fragment: true }),
      receive(1),
      {
        does: ask("kv", "txn", {
          success: Array.from({ length: 100 }, (_, at) => ({
            requestPut: { key: `big/${String(at).padStart(3, "0")}`, value: "x".repeat(10_000) },
          })),
        }),
      },
      receive(100),
      create({ key: "big/", rangeEnd: "big0", startRevision: 20, fragment: true }),
      receive(101),
      del("big/", "big0"),
      receive(200),
    ],
  },
  {
    name: "cancels a watch from before the compaction, with its revision",
    steps: [
      put("z", "1"),
      put("z", "2"),
      { does: ask("kv", "compact", { revision: 23, physical: true }) },
      create({ key: "z", startRevision: 3 }),
      receive(2),
      create({ key: "z", startRevision: 23 }),
      receive(2),
    ],
  },
];

/** etcd before 3.5 took it for one from now on. */
export const watchBeforeTheFirst: WatchScript = {
  name: "begins before there was anything",
  steps: [create({ key: "k", watchId: 5, startRevision: -1 }), receive(1)],
};
