// Finds out what became of operations that nobody was told the outcome of, from the order of changes: a write with a value of its
// own either shows up there or never happened. What cannot be told apart (whose deletion was it?) stays unknown.
import { covers } from "../history.ts";
import type { History, Operation, TxnOperation, WatchEvent } from "../history.ts";
import type { Resolution } from "./linearizability/operations.ts";
import { isWritePlace, placeOf, unresolved } from "./linearizability/operations.ts";
import type { LoggedRevision, RevisionLog } from "./revision-log.ts";

export function resolveUnknown(history: History, log: RevisionLog): Resolution {
  const latest = history.operations.reduce(
    (most, { outcome }) => (outcome.kind === "ok" ? Math.max(most, outcome.response.revision) : most),
    1,
  );
  // What happened behind the end of the log would not be missed there.
  if (log.completeTo < latest) return unresolved;

  const made = new Map<number, { revision: number; seenAt: number }>();
  const never = new Set<number>();
  const writers = writersOf(history.operations);
  const unclaimed = unclaimedDeletions(history, log);
  for (const operation of history.operations) {
    if (operation.outcome.kind !== "unknown") continue;
    const writes = possibleWrites(operation);
    const puts = writes.filter((write) => write.kind === "put");
    if (puts.length > 0) {
      const sole = puts.find((put) => writers.get(put.key)?.get(put.value)?.length === 1);
      if (sole === undefined) continue;
      const logged = revisionOf(log, sole.key, sole.value);
      if (logged !== undefined) made.set(operation.id, { revision: logged.revision, seenAt: logged.seenAt });
      else if (everyBranchPutsAlone(operation, writers, log)) never.add(operation.id);
    } else if (operation.request.kind === "delete" || operation.request.kind === "txn") {
      const deletes = writes.filter((write) => write.kind === "delete");
      if (!unclaimed.some(({ kv }) => deletes.some((range) => covers(range, kv.key)))) never.add(operation.id);
    }
  }
  return { made, never, expired: expiriesIn(history, log, unclaimed) };
}

/** Operations that could put a value at a key, by both. */
type Writers = ReadonlyMap<string, ReadonlyMap<string, readonly Operation[]>>;

function writersOf(operations: readonly Operation[]): Writers {
  const writers = new Map<string, Map<string, Operation[]>>();
  for (const operation of operations) {
    if (operation.outcome.kind === "failed") continue;
    for (const write of possibleWrites(operation)) {
      if (write.kind !== "put") continue;
      const values = writers.get(write.key) ?? new Map<string, Operation[]>();
      writers.set(write.key, values);
      const list = values.get(write.value) ?? [];
      values.set(write.value, list);
      if (list.at(-1) !== operation) list.push(operation);
    }
  }
  return writers;
}

function possibleWrites({ request }: Operation): readonly TxnOperation[] {
  if (request.kind === "put" || request.kind === "delete") return [request];
  return request.kind === "txn" ? [...request.success, ...request.failure] : [];
}

function revisionOf(log: RevisionLog, key: string, value: string): LoggedRevision | undefined {
  return log.putsOf(key).get(value);
}

/** Each branch either changes nothing, or puts something that is nobody else's and is not in the log. */
function everyBranchPutsAlone(operation: Operation, writers: Writers, log: RevisionLog): boolean {
  const { request } = operation;
  const branches = request.kind === "txn" ? [request.success, request.failure] : [possibleWrites(operation)];
  return branches.every(
    (branch) =>
      branch.every((each) => each.kind === "range") ||
      branch.some(
        (each) =>
          each.kind === "put" &&
          writers.get(each.key)?.get(each.value)?.length === 1 &&
          revisionOf(log, each.key, each.value) === undefined,
      ),
  );
}

/** Deletions in the log that no answered operation made. */
function unclaimedDeletions({ operations }: History, log: RevisionLog): readonly WatchEvent[] {
  const answered = new Set(
    operations.flatMap((operation) => {
      if (operation.outcome.kind !== "ok") return [];
      const { response } = operation.outcome;
      const place = placeOf(operation, response);
      return place !== undefined && isWritePlace(place) ? [response.revision] : [];
    }),
  );
  return [...log.revisions.values()].flatMap(({ revision, events }) =>
    answered.has(revision) ? [] : events.filter(({ type }) => type === "delete"),
  );
}

/** A revision that deleted only keys of one lease, which nobody revoked and nobody may have deleted, is that lease's end. */
function expiriesIn(
  { operations }: History,
  log: RevisionLog,
  unclaimed: readonly WatchEvent[],
): Resolution["expired"] {
  const suspects = operations.filter(({ outcome }) => outcome.kind === "unknown");
  const revoked = new Set(
    operations.flatMap(({ request, outcome }) =>
      request.kind === "revoke" && outcome.kind !== "failed" ? [request.lease] : [],
    ),
  );
  const expired = new Map<string, { revision: number; seenAt: number }>();
  for (const { kv } of unclaimed) {
    const lease = log.keyAt(kv.key, kv.modRevision - 1)?.lease;
    if (lease === undefined || revoked.has(lease)) continue;
    const doubtful = suspects.some((operation) =>
      possibleWrites(operation).some((write) => write.kind === "delete" && covers(write, kv.key)),
    );
    const logged = log.revisions.get(kv.modRevision);
    if (!doubtful && logged !== undefined) expired.set(lease, { revision: kv.modRevision, seenAt: logged.seenAt });
  }
  return expired;
}
