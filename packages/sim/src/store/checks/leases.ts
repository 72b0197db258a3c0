// A lease lasts at least as long as its holder was told: keys only go with it when that time, on the fastest clock there is here, has
// passed since it was last granted or renewed. How much longer it lasts is nobody's promise.
import { covers } from "@coxswain/drill";
import type { Operation, TxnOperation } from "@coxswain/drill";
import { inspect } from "../observer.ts";
import type { Change } from "../observer.ts";
import { Violation } from "../violation.ts";
import type { Truth } from "./truth.ts";

/** Clocks drift by up to 0.3 (`faults.ts`), and a little is lost in rounding. */
const fastestClock = 1.35;

export function checkLeases(operations: readonly Operation[], truth: Truth): void {
  for (const change of truth.changes) {
    if (!change.tombstone) continue;
    const [before] = truth.at({ key: change.key }, change.main - 1);
    const lease = before?.lease;
    if (lease === undefined || operations.some((operation) => mayHaveDeleted(operation, change, lease))) continue;
    const held = operations.find((operation) => promisesBeyond(operation, lease, change.atMs));
    if (held)
      throw new Violation(
        "leases last",
        `${change.key} went with lease ${lease} at ${change.atMs} ms (revision ${change.main}) in spite of ${inspect(held)}`,
      );
  }
}

function mayHaveDeleted({ request, outcome }: Operation, change: Change, lease: string): boolean {
  if (outcome.kind === "failed") return false;
  // The header of a revocation may be from later.
  if (request.kind === "revoke") return request.lease === lease;
  if (outcome.kind === "ok" && outcome.response.revision !== change.main) return false;
  const deletes = (part: TxnOperation): boolean => part.kind === "delete" && covers(part, change.key);
  if (request.kind === "delete") return deletes(request);
  return request.kind === "txn" && [...request.success, ...request.failure].some(deletes);
}

/** The holder was told in time that it has more time than this. */
function promisesBeyond({ request, outcome, start, end }: Operation, lease: string, atMs: number): boolean {
  if (outcome.kind !== "ok" || end >= atMs) return false;
  const { response } = outcome;
  if (request.kind !== "grant" && request.kind !== "keepAlive") return false;
  if (request.lease !== lease || (response.kind !== "grant" && response.kind !== "keepAlive")) return false;
  return atMs < start + (response.ttlSeconds * 1000) / fastestClock;
}
