// What an etcd v3 endpoint must answer, case by case, with etcd's exact codes and texts. The same list runs against our
// store and against real etcd; each case keeps to keys of its own, so that they may run on a store that is in use.
import { kvCases } from "./kv-cases.ts";
import { leaseCases } from "./lease-cases.ts";
import { txnCases } from "./txn-cases.ts";
import { watchCases } from "./watch-cases.ts";
import type { Case } from "./case.ts";

/** All cases, in the order of the API. */
export const conformance: readonly Case[] = [...kvCases, ...txnCases, ...leaseCases, ...watchCases];
