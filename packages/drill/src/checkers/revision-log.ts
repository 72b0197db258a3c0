// The order of changes as the watches of a recording told it: every event at its revision, and the state after each. It is put
// together from all watches; where two tell different things about one revision, or where an event does not follow from the ones
// before it, that is a finding of its own.
import { covers } from "../history.ts";
import type { KeyRange, KeyValue, WatchEvent, WatchRecord } from "../history.ts";
import { describeKeyValue } from "./linearizability/drawing.ts";
import type { Violation } from "./verdict.ts";

export interface RevisionLog {
  /** Nothing is missing from the beginning up to this revision. */
  readonly completeTo: number;
  readonly revisions: ReadonlyMap<number, LoggedRevision>;
  /** Every key that ever was, sorted. */
  readonly keys: readonly string[];
  /** The key as of a revision up to `completeTo`. */
  keyAt(key: string, revision: number): KeyValue | undefined;
  rangeAt(range: KeyRange, revision: number): readonly KeyValue[];
  /** Events after one revision, up to and with another, of keys in a range. */
  between(range: KeyRange, after: number, upTo: number): readonly WatchEvent[];
  /** Where each value was put at a key. */
  putsOf(key: string): ReadonlyMap<string, LoggedRevision>;
  /** What does not fit together. */
  readonly contradictions: readonly Violation[];
}

export interface LoggedRevision {
  readonly revision: number;
  /** Without previous values, by key. */
  readonly events: readonly WatchEvent[];
  /** When a client first saw it. */
  readonly seenAt: number;
}

/**
 * Put together from all watches; complete as far as those reach that watch `whole` from the beginning on. At `beginning`, a
 * revision, there was nothing in `whole`; the store's own is 1.
 */
export function reconstructLog(watches: readonly WatchRecord[], whole: KeyRange, beginning: number = 1): RevisionLog {
  const contradictions: Violation[] = [];
  const found = new Map<number, { events: Map<string, WatchEvent>; seenAt: number }>();
  let completeTo = beginning;
  for (const watch of watches) {
    const complete = contains(watch.request, whole) && watch.request.filters === undefined;
    const fromStart = complete && (watch.request.startRevision ?? Infinity) <= beginning + 1;
    for (const { at, revision, events } of watch.responses) {
      for (const { type, kv } of events) {
        const entry = found.get(kv.modRevision) ?? { events: new Map<string, WatchEvent>(), seenAt: at };
        found.set(kv.modRevision, entry);
        entry.seenAt = Math.min(entry.seenAt, at);
        const known = entry.events.get(kv.key);
        if (known === undefined) entry.events.set(kv.key, { type, kv });
        else if (!sameEvent(known, { type, kv })) contradictions.push(disagreement(watch, known, { type, kv }));
      }
      // Of a response with events only what they are themselves is promised to be complete.
      const told = events.at(-1)?.kv.modRevision ?? revision;
      if (fromStart) completeTo = Math.max(completeTo, told);
    }
  }
  const revisions = new Map(
    [...found]
      .sort(([a], [b]) => a - b)
      .map(([revision, { events, seenAt }]): [number, LoggedRevision] => [
        revision,
        { revision, seenAt, events: [...events.values()].sort((a, b) => (a.kv.key < b.kv.key ? -1 : 1)) },
      ]),
  );
  const histories = historiesOf(revisions, completeTo, contradictions);
  const keys = [...histories.keys()].sort();
  const numbers = [...revisions.keys()];
  const putsByKey = new Map<string, Map<string, LoggedRevision>>();
  const keyAt = (key: string, revision: number): KeyValue | undefined => {
    const event = lastUpTo(histories.get(key) ?? [], revision, ({ kv }) => kv.modRevision);
    return event?.type === "put" ? event.kv : undefined;
  };
  return {
    completeTo,
    revisions,
    keys,
    contradictions,
    keyAt,
    putsOf(key) {
      let puts = putsByKey.get(key);
      if (puts === undefined) {
        puts = new Map();
        for (const { type, kv } of histories.get(key) ?? [])
          if (type === "put") puts.set(kv.value, revisions.get(kv.modRevision) as LoggedRevision);
        putsByKey.set(key, puts);
      }
      return puts;
    },
    rangeAt: (range, revision) =>
      keysIn(keys, range).flatMap((key) => {
        const kv = keyAt(key, revision);
        return kv === undefined ? [] : [kv];
      }),
    between(range, after, upTo) {
      const events: WatchEvent[] = [];
      for (let i = firstAbove(numbers, after, (each) => each); i < numbers.length; i++) {
        const revision = numbers[i] as number;
        if (revision > upTo) break;
        for (const event of revisions.get(revision)?.events ?? []) if (covers(range, event.kv.key)) events.push(event);
      }
      return events;
    },
  };
}

/** Each key's events in order, having looked whether each follows from the one before. */
function historiesOf(
  revisions: ReadonlyMap<number, LoggedRevision>,
  completeTo: number,
  contradictions: Violation[],
): Map<string, WatchEvent[]> {
  const histories = new Map<string, WatchEvent[]>();
  for (const { revision, events } of revisions.values()) {
    for (const event of events) {
      const history = histories.get(event.kv.key) ?? [];
      histories.set(event.kv.key, history);
      const last = history.at(-1);
      const before = last?.type === "put" ? last.kv : undefined;
      if (revision <= completeTo && !follows(event, before)) {
        contradictions.push({
          because: `the event of ${event.kv.key} at revision ${revision} does not follow from the one before`,
          drawing: `before: ${before === undefined ? "nothing" : describeKeyValue(before)}\nthen:   ${describeEvent(event)}`,
        });
      }
      history.push(event);
    }
  }
  return histories;
}

function follows({ type, kv }: WatchEvent, before: KeyValue | undefined): boolean {
  if (type === "delete") return before !== undefined;
  return kv.version === (before?.version ?? 0) + 1 && kv.createRevision === (before?.createRevision ?? kv.modRevision);
}

function disagreement(watch: WatchRecord, known: WatchEvent, other: WatchEvent): Violation {
  return {
    because: `two watches saw different events of ${known.kv.key} at revision ${known.kv.modRevision}`,
    drawing: `some watch:        ${describeEvent(known)}\nwatch ${watch.id} of client ${watch.client}: ${describeEvent(other)}`,
  };
}

export function describeEvent({ type, kv }: WatchEvent): string {
  return type === "put" ? `${kv.modRevision} put ${describeKeyValue(kv)}` : `${kv.modRevision} delete ${kv.key}`;
}

export function sameEvent(a: WatchEvent, b: WatchEvent): boolean {
  return a.type === b.type && sameKeyValue(a.kv, b.kv);
}

export function sameKeyValue(a: KeyValue, b: KeyValue): boolean {
  return (
    a.key === b.key &&
    a.value === b.value &&
    a.createRevision === b.createRevision &&
    a.modRevision === b.modRevision &&
    a.version === b.version &&
    a.lease === b.lease
  );
}

function contains(outer: KeyRange, inner: KeyRange): boolean {
  if (!covers(outer, inner.key)) return false;
  if (inner.rangeEnd === undefined || inner.rangeEnd === "") return true;
  if (outer.rangeEnd === "\0") return true;
  return outer.rangeEnd !== undefined && inner.rangeEnd !== "\0" && inner.rangeEnd <= outer.rangeEnd;
}

function keysIn(sorted: readonly string[], range: KeyRange): readonly string[] {
  if (range.rangeEnd === undefined || range.rangeEnd === "") return [range.key];
  const found: string[] = [];
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < range.key) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < sorted.length && covers(range, sorted[i] as string); i++) found.push(sorted[i] as string);
  return found;
}

/** The last of an ascending list whose number is at most `limit`. */
function lastUpTo<T>(ascending: readonly T[], limit: number, number: (item: T) => number): T | undefined {
  return ascending[firstAbove(ascending, limit, number) - 1];
}

function firstAbove<T>(ascending: readonly T[], limit: number, number: (item: T) => number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (number(ascending[middle] as T) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
