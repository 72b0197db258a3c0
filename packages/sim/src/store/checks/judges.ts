// Hands the recording to drill's checkers, which know nothing of what members did, only what clients saw; with one more watch, over
// everything, that saw what the observer saw. An undecided question is told as such, not as passed.
import { checkStore } from "@coxswain/drill";
import type { History, Operation, TxnOperation, WatchEvent, WatchRecord, WatchResponse } from "@coxswain/drill";
import type { Observer } from "../observer.ts";
import { Violation } from "../violation.ts";
import { keyValueOfChange } from "./truth.ts";

export interface Judgement {
  readonly violation: Violation | undefined;
  /** Checks that could not be finished. */
  readonly undecided: number;
}

const mostSteps = 30_000;

export function judge(history: History, observer: Observer): Judgement {
  const whole = { key: "\0", rangeEnd: "\0" };
  const watches = [...history.watches, wholeWatch(observer)];
  const verdicts = checkStore(
    { operations: history.operations.map(withoutPastReads), watches },
    { whole, timedLeases: false, stepsPerShare: mostSteps, drawings: 1 },
  );
  const violated = verdicts.find(({ outcome }) => outcome === "violated");
  return {
    violation:
      violated &&
      new Violation(`drill: ${violated.promise}`, `${violated.because}\n${violated.violations[0]?.drawing ?? ""}`),
    undecided: verdicts.filter(({ outcome }) => outcome === "unknown").length,
  };
}

/** A transaction's reads of the past are judged by `history.ts`: drill's model keeps no past. */
function withoutPastReads(operation: Operation): Operation {
  const { request, outcome } = operation;
  if (request.kind !== "txn") return operation;
  const keeps = (part: TxnOperation): boolean => part.kind !== "range" || part.revision === undefined;
  const kept = { ...request, success: request.success.filter(keeps), failure: request.failure.filter(keeps) };
  if (outcome.kind !== "ok" || outcome.response.kind !== "txn") return { ...operation, request: kept };
  const { response } = outcome;
  const branch = response.succeeded ? request.success : request.failure;
  const responses = response.responses.filter((_, at) => branch[at] !== undefined && keeps(branch[at]));
  return { ...operation, request: kept, outcome: { kind: "ok", response: { ...response, responses } } };
}

function wholeWatch(observer: Observer): WatchRecord {
  const responses: WatchResponse[] = [{ at: 0, revision: 1, created: true, events: [] }];
  for (const change of observer.allChanges()) {
    const event: WatchEvent = change.tombstone
      ? {
          type: "delete",
          kv: { key: change.key, value: "", createRevision: 0, modRevision: change.main, version: 0 },
        }
      : { type: "put", kv: keyValueOfChange(change) };
    const last = responses.at(-1);
    if (last && last.revision === change.main)
      responses[responses.length - 1] = { ...last, events: [...last.events, event] };
    else responses.push({ at: change.atMs, revision: change.main, created: false, events: [event] });
  }
  return { id: -1, client: -1, start: 0, request: { key: "\0", rangeEnd: "\0", startRevision: 2 }, responses };
}
