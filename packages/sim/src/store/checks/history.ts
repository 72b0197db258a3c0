// Judges what the clients saw against the truth: the changes of the keyspace by revision, as the members themselves wrote them. Since
// every answer says at which revision it was true, this is exact and fast. drill's checkers, which need no truth, judge the same again.
import { covers } from "@coxswain/drill";
import type { History, Operation, TxnOperation, TxnOperationResponse, WatchEvent, WatchRecord } from "@coxswain/drill";
import { inspect } from "../observer.ts";
import type { Change, Observer } from "../observer.ts";
import { Violation } from "../violation.ts";
import { checkLeases } from "./leases.ts";
import { Truth } from "./truth.ts";

export function checkHistory(history: History, observer: Observer): Violation | undefined {
  const truth = new Truth(observer);
  try {
    for (const operation of history.operations) checkOperation(operation, truth);
    checkOrder(history.operations);
    checkOnce(history.operations, truth);
    checkLeases(history.operations, truth);
    for (const watch of history.watches) checkWatch(watch, truth);
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
  return undefined;
}

function checkOperation(operation: Operation, truth: Truth): void {
  const { request, outcome } = operation;
  if (outcome.kind !== "ok") return;
  const { response } = outcome;
  const wrong = (because: string): never => {
    throw new Violation("answers", `${because}: ${inspect(operation)}`);
  };
  switch (request.kind) {
    case "put": {
      const made = truth
        .made(response.revision)
        .some((change) => change.key === request.key && change.value === request.value);
      if (!made) wrong(`an acknowledged write is not in the state at revision ${response.revision}`);
      return;
    }
    case "delete": {
      const before = truth.at(request, response.revision - 1);
      const after = truth.at(request, response.revision);
      if (response.kind !== "delete") return;
      if (response.deleted === 0 ? after.length > 0 : before.length !== response.deleted || after.length > 0)
        wrong(`${before.length} keys were there before revision ${response.revision}, ${after.length} after it`);
      return;
    }
    case "range": {
      const expected = truth.at(request, request.revision ?? response.revision);
      if (response.kind === "range" && inspect(response.kvs) !== inspect(expected))
        wrong(`at revision ${request.revision ?? response.revision} there was ${inspect(expected)}`);
      return;
    }
    case "txn": {
      if (response.kind !== "txn") return;
      const branch = response.succeeded ? request.success : request.failure;
      const writes = truth.made(response.revision);
      for (const [at, part] of branch.entries())
        checkPart(part, response.responses[at], response.revision, writes, truth, wrong);
      return;
    }
    default:
      return;
  }
}

function checkPart(
  part: TxnOperation,
  answer: TxnOperationResponse | undefined,
  revision: number,
  writes: readonly Change[],
  truth: Truth,
  wrong: (because: string) => never,
): void {
  if (part.kind === "put" && !writes.some((change) => change.key === part.key && change.value === part.value))
    wrong(`the transaction's put of ${part.key} is not in the state at revision ${revision}`);
  if (part.kind !== "range" || answer?.kind !== "range") return;
  if (part.revision === undefined) return;
  const expected = truth.at(part, part.revision);
  if (inspect(answer.kvs) !== inspect(expected)) wrong(`at revision ${part.revision} there was ${inspect(expected)}`);
}

/** Later requests see at least what earlier ones saw; later changes come after. Serializable reads are free to be stale. */
function checkOrder(operations: readonly Operation[]): void {
  const answered = operations.flatMap((operation) => {
    const { request, outcome } = operation;
    if (outcome.kind !== "ok" || (request.kind === "range" && request.serializable)) return [];
    // The leader renews; the revision is that of the member that was asked, which may be behind.
    if (request.kind === "keepAlive") return [];
    return [{ operation, revision: outcome.response.revision, changes: changes(operation) }];
  });
  const ends = answered.toSorted((a, b) => a.operation.end - b.operation.end);
  const starts = answered.toSorted((a, b) => a.operation.start - b.operation.start);
  let next = 0;
  let newest: (typeof answered)[number] | undefined;
  for (const later of starts) {
    for (let end = ends[next]; end && end.operation.end < later.operation.start; end = ends[++next])
      if (!newest || end.revision > newest.revision) newest = end;
    if (!newest) continue;
    if (later.revision < newest.revision || (later.changes && later.revision === newest.revision))
      throw new Violation(
        "linearizability",
        `${inspect(later.operation)} began after ${inspect(newest.operation)} had ended, but is from before it`,
      );
  }
}

function changes({ request, outcome }: Operation): boolean {
  if (outcome.kind !== "ok") return false;
  switch (request.kind) {
    case "put":
      return true;
    case "delete":
      return outcome.response.kind === "delete" && outcome.response.deleted > 0;
    case "txn":
      return (
        outcome.response.kind === "txn" &&
        (outcome.response.succeeded ? request.success : request.failure).some(({ kind }) => kind === "put")
      );
    default:
      return false;
  }
}

/** No write happens twice, none that was refused happens, and none that nobody asked for. */
function checkOnce(operations: readonly Operation[], truth: Truth): void {
  const asked = new Map<string, Operation>();
  for (const operation of operations) for (const value of valuesOf(operation)) asked.set(value, operation);
  const seen = new Map<string, number>();
  for (const { value, main, tombstone } of truth.changes) {
    if (tombstone) continue;
    const operation = asked.get(value);
    if (!operation) throw new Violation("writes come from clients", `nobody wrote ${value} of revision ${main}`);
    if (operation.outcome.kind === "failed")
      throw new Violation("a refused write does nothing", `${inspect(operation)} took effect at revision ${main}`);
    const before = seen.get(value);
    if (before !== undefined)
      throw new Violation(
        "exactly once",
        `${value} was written at revision ${before} and again at ${main}: ${inspect(operation)}`,
      );
    seen.set(value, main);
  }
}

function valuesOf({ request }: Operation): readonly string[] {
  if (request.kind === "put") return [request.value];
  if (request.kind !== "txn") return [];
  return [...request.success, ...request.failure].flatMap((part) => (part.kind === "put" ? [part.value] : []));
}

/** What a watch was told is exactly what happened, in order, without a gap, from where it began. */
function checkWatch(watch: WatchRecord, truth: Truth): void {
  const { request, responses } = watch;
  const [created] = responses;
  if (!created) return;
  const from = request.startRevision ?? created.revision + 1;
  const wanted = truth.changes.filter(
    (change) =>
      change.main >= from &&
      covers(request, change.key) &&
      !request.filters?.includes(change.tombstone ? "delete" : "put"),
  );
  let at = 0;
  for (const response of responses) {
    for (const event of response.events) {
      const expected = wanted[at++];
      if (!expected || !sameEvent(event, expected))
        throw new Violation(
          "watch: every event, once, in order",
          `watch ${watch.id} of ${inspect(request)} was told ${inspect(event)}, expected ${inspect(expected)}`,
        );
      checkPrevious(watch, event, truth);
    }
    const missed = wanted[at];
    if (
      missed &&
      missed.main <= response.revision &&
      (response.events.length === 0 || missed.main <= (response.events.at(-1)?.kv.modRevision ?? 0))
    )
      throw new Violation(
        "watch: nothing is skipped",
        `watch ${watch.id} of ${inspect(request)} was at revision ${response.revision} without having been told ${inspect(missed)}`,
      );
  }
}

function checkPrevious(watch: WatchRecord, event: WatchEvent, truth: Truth): void {
  if (!watch.request.previous || !event.previous) return;
  const [expected] = truth.at({ key: event.kv.key }, event.kv.modRevision - 1);
  if (inspect(event.previous) !== inspect(expected))
    throw new Violation("watch: previous values", `${inspect(event)} follows ${inspect(expected)}`);
}

function sameEvent(event: WatchEvent, change: Change): boolean {
  return (
    event.kv.key === change.key &&
    event.kv.modRevision === change.main &&
    (event.type === "delete") === change.tombstone &&
    (change.tombstone || event.kv.value === change.value)
  );
}
