// Cluster and Maintenance on one member: what is refused, and alarms.
import { ask } from "../transcript.ts";
import type { Script } from "../transcript.ts";

export const clusterScripts: readonly Script[] = [
  {
    name: "refuses changes of members that cannot be",
    steps: [
      ask("cluster", "memberAdd", {}),
      ask("cluster", "memberAdd", { peerURLs: [""] }),
      ask("cluster", "memberAdd", { peerURLs: ["127.0.0.1:1"] }),
      ask("cluster", "memberAdd", { peerURLs: ["ftp://127.0.0.1:1"] }),
      ask("cluster", "memberAdd", { peerURLs: ["http://127.0.0.1"] }),
      ask("cluster", "memberAdd", { peerURLs: ["http://127.0.0.1:1/path"] }),
      ask("cluster", "memberRemove", { id: 1n }),
      ask("cluster", "memberUpdate", { id: 1n, peerURLs: ["http://127.0.0.1:1"] }),
      ask("cluster", "memberUpdate", { id: 1n, peerURLs: ["nonsense"] }),
      ask("cluster", "memberPromote", { id: 1n }),
      ask("maintenance", "moveLeader", { targetId: 1n }),
    ],
  },
  {
    name: "raises and takes back alarms, without space for what adds",
    steps: [
      ask("kv", "put", { key: "al", value: "1" }),
      ask("maintenance", "alarm", { action: "GET" }),
      ask("maintenance", "alarm", { action: "ACTIVATE", memberId: 7n, alarm: "NOSPACE" }),
      ask("maintenance", "alarm", { action: "GET", alarm: "NOSPACE" }),
      ask("kv", "put", { key: "al", value: "2" }),
      ask("kv", "txn", { success: [{ requestPut: { key: "al" } }] }),
      ask("kv", "txn", { success: [{ requestRange: { key: "al" } }], failure: [{ requestPut: { key: "al" } }] }),
      ask("kv", "txn", { success: [{ requestDeleteRange: { key: "none" } }] }),
      ask("kv", "txn", { success: [{ requestRange: { key: "al" } }] }),
      ask("lease", "leaseGrant", { id: 5n, ttl: 100 }),
      ask("lease", "leaseRevoke", { id: 5n }),
      ask("kv", "range", { key: "al" }),
      ask("kv", "deleteRange", { key: "al" }),
      ask("maintenance", "alarm", { action: "DEACTIVATE", memberId: 7n, alarm: "NOSPACE" }),
      ask("maintenance", "alarm", { action: "DEACTIVATE", memberId: 7n, alarm: "NOSPACE" }),
      ask("maintenance", "alarm", { action: "GET" }),
      ask("kv", "put", { key: "al", value: "3" }),
      ask("kv", "deleteRange", { key: "al" }),
    ],
  },
];
