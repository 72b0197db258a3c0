// The promise: the store's revisions are one order of all changes. Every change has its own revision, later ones have larger ones,
// each acknowledged write is at its revision and nothing is there that nobody asked for, and every read, stale ones and reads of
// the past too, shows a state that was. Looks at revisions only; which orders are possible without them is judged in
// `linearizability.ts`.
import { covers } from "../history.ts";
import type { History, KeyValue, Operation, Request, Response, TxnOperation, WatchEvent } from "../history.ts";
import { describeKeyValue, describeRequest, describeResponse } from "./linearizability/drawing.ts";
import { isWritePlace, placeOf } from "./linearizability/operations.ts";
import { describeEvent, sameKeyValue } from "./revision-log.ts";
import type { RevisionLog } from "./revision-log.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

export function checkRevisions(history: History, log: RevisionLog): Verdict {
  const answered = history.operations.flatMap((operation): Answered[] =>
    operation.outcome.kind === "ok" ? [{ operation, response: operation.outcome.response }] : [],
  );
  const violations = [
    ...log.contradictions,
    ...sharedRevisions(answered),
    ...fallingRevisions(answered),
    ...lostOrDifferentWrites(answered, log),
    ...unaskedEvents(history, log),
    ...statesThatNeverWere(answered, log),
  ];
  const latest = answered.reduce((most, { response }) => Math.max(most, response.revision), 1);
  return verdict(
    "revisions",
    answered.length,
    violations,
    `${answered.length} answers agree with one order of ${log.revisions.size} changes`,
    latest <= log.completeTo
      ? undefined
      : `answers go up to revision ${latest}, but what happened is only known up to ${log.completeTo}`,
  );
}

interface Answered {
  readonly operation: Operation;
  readonly response: Response;
}

function* sharedRevisions(answered: readonly Answered[]): Generator<Violation> {
  const writers = new Map<number, Answered>();
  for (const each of answered) {
    const place = placeOf(each.operation, each.response);
    if (place === undefined || !isWritePlace(place)) continue;
    const other = writers.get(each.response.revision);
    if (other !== undefined)
      yield {
        because: `two writes were told the same revision ${each.response.revision}`,
        drawing: `${describe(other)}\n${describe(each)}`,
      };
    writers.set(each.response.revision, each);
  }
}

/** What ended before an operation began cannot have a larger revision; a write's own must be larger still. */
function* fallingRevisions(answered: readonly Answered[]): Generator<Violation> {
  const ended = answered.toSorted((a, b) => a.operation.end - b.operation.end);
  let highest: Answered | undefined;
  let next = 0;
  for (const each of answered.toSorted((a, b) => a.operation.start - b.operation.start)) {
    for (; (ended[next]?.operation.end ?? Infinity) < each.operation.start; next++) {
      const candidate = ended[next] as Answered;
      if (highest === undefined || candidate.response.revision > highest.response.revision) highest = candidate;
    }
    if (highest === undefined || answersFromOneMember(each.operation.request)) continue;
    const place = placeOf(each.operation, each.response);
    const least = highest.response.revision + (place !== undefined && isWritePlace(place) ? 1 : 0);
    if (each.response.revision >= least) continue;
    yield {
      because: `revision ${each.response.revision} was told after revision ${highest.response.revision} was known`,
      drawing: `first: ${describe(highest)}\nthen:  ${describe(each)}`,
    };
  }
}

/** The revision in the header of these is whatever the member asked had come to. */
function answersFromOneMember(request: Request): boolean {
  return request.kind === "keepAlive" || (request.kind === "range" && request.serializable === true);
}

function* lostOrDifferentWrites(answered: readonly Answered[], log: RevisionLog): Generator<Violation> {
  for (const each of answered) {
    const { revision } = each.response;
    if (revision > log.completeTo) continue;
    const place = placeOf(each.operation, each.response);
    if (place === undefined || !isWritePlace(place)) continue;
    const events = log.revisions.get(revision)?.events ?? [];
    const wrong = performed(each.operation.request, each.response).find((write) => !shows(events, write));
    if (wrong === undefined) continue;
    yield {
      because: `an acknowledged write is not what happened at its revision ${revision}`,
      drawing: [describe(each), `revision ${revision}: ${events.map(describeEvent).join(", ") || "no event"}`].join(
        "\n",
      ),
    };
  }
}

function shows(events: readonly WatchEvent[], write: TxnOperation): boolean {
  if (write.kind === "range") return true;
  // A deletion may have found nothing; how many it found is judged with the order of operations.
  if (write.kind === "delete") return events.every(({ type, kv }) => type === "delete" || !covers(write, kv.key));
  return events.some(
    ({ type, kv }) => type === "put" && kv.key === write.key && kv.value === write.value && kv.lease === write.lease,
  );
}

/** The operations that a response says were performed. */
function performed(request: Request, response: Response): readonly TxnOperation[] {
  if (request.kind === "put" || request.kind === "delete" || request.kind === "range") return [request];
  if (request.kind !== "txn" || response.kind !== "txn") return [];
  return response.succeeded ? request.success : request.failure;
}

/** Events that no operation, answered or not, and no end of a lease explains. */
function* unaskedEvents({ operations }: History, log: RevisionLog): Generator<Violation> {
  const byRevision = new Map<number, Answered[]>();
  const silent: TxnOperation[] = [];
  const silentPuts = new Set<string>();
  const leases = new Set<string>();
  for (const operation of operations) {
    const { request, outcome } = operation;
    if (outcome.kind === "failed") continue;
    if (request.kind === "grant") leases.add(request.lease);
    if (outcome.kind === "ok") {
      const list = byRevision.get(outcome.response.revision) ?? [];
      list.push({ operation, response: outcome.response });
      byRevision.set(outcome.response.revision, list);
      continue;
    }
    const writes = request.kind === "txn" ? [...request.success, ...request.failure] : [request];
    for (const write of writes) {
      if (write.kind === "put") silentPuts.add(JSON.stringify([write.key, write.value, write.lease]));
      else if (write.kind === "delete") silent.push(write);
    }
  }
  for (const { revision, events } of log.revisions.values()) {
    const made = (byRevision.get(revision) ?? []).flatMap(({ operation, response }) =>
      performed(operation.request, response),
    );
    for (const event of events) {
      const { kv } = event;
      const explained =
        event.type === "put"
          ? made.some((write) => write.kind === "put" && write.key === kv.key && write.value === kv.value) ||
            silentPuts.has(JSON.stringify([kv.key, kv.value, kv.lease]))
          : [...made, ...silent].some((write) => write.kind === "delete" && covers(write, kv.key)) ||
            leases.has(log.keyAt(kv.key, revision - 1)?.lease ?? "");
      if (!explained)
        yield { because: `nobody asked for an event at revision ${revision}`, drawing: describeEvent(event) };
    }
  }
}

function* statesThatNeverWere(answered: readonly Answered[], log: RevisionLog): Generator<Violation> {
  for (const { operation, response } of answered) {
    if (response.kind !== "range" || operation.request.kind !== "range") continue;
    const { request } = operation;
    const revision = request.revision ?? response.revision;
    if (revision > log.completeTo) continue;
    const present = log.rangeAt(request, revision);
    const limit = request.limit === undefined || request.limit === 0 ? present.length : request.limit;
    const expected = request.countOnly === true ? [] : present.slice(0, limit);
    if (response.count === present.length && sameAll(response.kvs, expected)) continue;
    yield {
      because: `a read shows a state that never was at revision ${revision}`,
      drawing: [
        describe({ operation, response }),
        `at revision ${revision} there was: ${expected.map(describeKeyValue).join(", ") || "nothing"} (${present.length} keys)`,
      ].join("\n"),
    };
  }
}

function sameAll(a: readonly KeyValue[], b: readonly KeyValue[]): boolean {
  return a.length === b.length && a.every((kv, position) => sameKeyValue(kv, b[position] as KeyValue));
}

function describe({ operation, response }: Answered): string {
  const member = operation.member === undefined ? "" : ` ${operation.member}`;
  return `client ${operation.client}${member}: ${describeRequest(operation.request)} → ${describeResponse(response)}`;
}
