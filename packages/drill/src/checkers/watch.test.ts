// The checkers of watches and of the order of revisions: good recordings pass, and each broken promise is named.
import { createSeededRandom } from "@coxswain/clock/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recorded } from "../../testing/recorded.ts";
import type { History, Operation, WatchEvent, WatchRecord, WatchResponse } from "../history.ts";
import { checkStore } from "./store.ts";

const seeds = fc.integer({ min: 0, max: 1e9 });
const whole = { key: "\0", rangeEnd: "\0" };

/** A recording in which watch 0 has followed everything. */
function recording(seed: number, unknown = 0): History {
  const { history, store } = recorded(createSeededRandom(seed), {
    clients: 5,
    operations: 80,
    keys: 4,
    watches: 4,
    unknown,
  });
  const events = store.watched({ ...whole, startRevision: 2 }, 2, store.revision()).flat();
  const responses: WatchResponse[] = [
    { at: 0, revision: 1, created: true, events: [] },
    { at: 1e6, revision: store.revision(), created: false, events },
    { at: 1e6 + 1, revision: store.revision(), created: false, events: [] },
  ];
  const tape: WatchRecord = { id: 99, client: 0, start: 0, request: { ...whole, startRevision: 2 }, responses };
  return { ...history, watches: [tape, ...history.watches] };
}

const judge = (history: History) => checkStore(history, { timedLeases: false });

describe("recordings of the reference store", () => {
  it("keep every promise", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const verdicts = judge(recording(seed, 0.05));
        expect(verdicts.map(({ promise, outcome, violations }) => [promise, outcome, violations[0]])).toEqual([
          ["linearizability", "passed", undefined],
          ["revisions", "passed", undefined],
          ["watch", "passed", undefined],
        ]);
      }),
      { numRuns: 60 },
    );
  });

  it("are unknown as far as nobody watched everything", () => {
    const history = recording(1);
    const verdicts = judge({ ...history, watches: history.watches.slice(1) });
    expect(verdicts.map(({ outcome }) => outcome)).toEqual(["passed", "unknown", "unknown"]);
  });

  it.each(Object.entries(breakages))("break the promise when %s", (_name, { promise, because, change }) => {
    let broken = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = createSeededRandom(seed);
        const changed = change(recording(seed), (many) => random.int(many));
        if (changed === undefined) return;
        broken++;
        const verdict = judge(changed).find((each) => each.promise === promise);
        expect(verdict?.outcome).toBe("violated");
        expect(verdict?.because).toMatch(because);
      }),
      { numRuns: 60 },
    );
    expect(broken).toBeGreaterThan(20);
  });
});

type Any = (many: number) => number;

interface Breakage {
  readonly promise: "watch" | "revisions";
  readonly because: RegExp;
  readonly change: (history: History, any: Any) => History | undefined;
}

const breakages: Record<string, Breakage> = {
  "an event is left out": {
    promise: "watch",
    because:
      /^(reliable|atomic|bookmarkable): revision \d+ (was left out|came only in part|is missing before the bookmark)/,
    change: (history, any) =>
      changeEvents(history, any, (events, at) => events.filter((_, position) => position !== at)),
  },
  "an event comes again": {
    promise: "watch",
    because: /^(unique: .* came twice|ordered: )/,
    change: (history, any) => changeEvents(history, any, (events, at) => [...events, events[at] as WatchEvent]),
  },
  "two events change places": {
    promise: "watch",
    because: /^(ordered|unique): /,
    change: (history, any) =>
      changeEvents(history, any, (events, at) => {
        const [first, second] = [events[at], events[at + 1]];
        if (first === undefined || second === undefined || first.kv.modRevision === second.kv.modRevision)
          return undefined;
        return [...events.slice(0, at), second, first, ...events.slice(at + 2)];
      }),
  },
  "a revision comes in two parts": {
    promise: "watch",
    because: /^atomic: /,
    change: (history, any) =>
      changeWatch(history, any, ({ responses }) => {
        const number = responses.findIndex(
          ({ events }) => events.length > 1 && events.at(-1)?.kv.modRevision === events.at(-2)?.kv.modRevision,
        );
        const whole = responses[number];
        if (whole === undefined) return undefined;
        const parts = [whole.events.slice(0, -1), whole.events.slice(-1)].map((events) => ({ ...whole, events }));
        return [...responses.slice(0, number), ...parts, ...responses.slice(number + 1)];
      }),
  },
  "a bookmark runs ahead": {
    promise: "watch",
    because: /^(bookmarkable: revision \d+ is missing|ordered: |unique: )/,
    change: (history, any) =>
      changeWatch(history, any, ({ responses }) => {
        const number = responses.findIndex(({ events }) => events.length > 0);
        const next = responses[number];
        if (next === undefined) return undefined;
        const ahead = { ...next, events: [], revision: next.events.at(-1)?.kv.modRevision ?? 0 };
        return [...responses.slice(0, number), ahead, ...responses.slice(number)];
      }),
  },
  "the value before is another": {
    promise: "watch",
    because: /^previous: /,
    change: (history, any) =>
      changeEvents(history, any, (events, at) => {
        const event = events[at];
        if (event?.previous === undefined) return undefined;
        const wrong = { ...event, previous: { ...event.previous, value: "other" } };
        return [...events.slice(0, at), wrong, ...events.slice(at + 1)];
      }),
  },
  "the value before is kept from the watcher": {
    promise: "watch",
    because: /^previous: /,
    change: (history, any) =>
      changeEvents(
        { ...history, operations: history.operations.filter(({ request }) => request.kind !== "compact") },
        any,
        (events, at) => {
          const event = events[at];
          if (event?.previous === undefined) return undefined;
          return [...events.slice(0, at), { type: event.type, kv: event.kv }, ...events.slice(at + 1)];
        },
      ),
  },
  "it is told of a compaction that was not": {
    promise: "watch",
    because: /^honest: /,
    change: (history, any) => {
      const at = 1 + any(history.watches.length - 1);
      const watches = history.watches.map((watch, number) =>
        number === at ? { ...watch, end: { at: 1e6, kind: "compacted" as const, compactRevision: 1000 } } : watch,
      );
      return { ...history, watches };
    },
  },
  "an acknowledged write never happened": {
    promise: "revisions",
    because: /^(an acknowledged write is not what happened|two watches saw|a read shows|answers go up|two writes)/,
    change: (history, any) =>
      changeOperation(history, any, (operation) => {
        const { request } = operation;
        return request.kind === "put" && operation.outcome.kind === "ok"
          ? { ...operation, request: { ...request, value: "other" } }
          : undefined;
      }),
  },
  "two writes were told one revision": {
    promise: "revisions",
    because: /./,
    change: (history, any) =>
      changeOperation(history, any, (operation) => {
        const { outcome } = operation;
        return outcome.kind === "ok" && outcome.response.kind === "put" && outcome.response.revision > 2
          ? { ...operation, outcome: { kind: "ok", response: { ...outcome.response, revision: 2 } } }
          : undefined;
      }),
  },
  "a stale read shows what never was": {
    promise: "revisions",
    because: /a read shows a state that never was/,
    change: (history, any) =>
      changeOperation(history, any, (operation) => {
        const { outcome, request } = operation;
        if (request.kind !== "range" || outcome.kind !== "ok" || outcome.response.kind !== "range") return undefined;
        const kvs = outcome.response.kvs.map((kv) => ({ ...kv, value: "other" }));
        if (kvs.length === 0) return undefined;
        const response = { ...outcome.response, kvs };
        return { ...operation, request: { ...request, serializable: true }, outcome: { kind: "ok", response } };
      }),
  },
  "an event has no cause": {
    promise: "revisions",
    because: /^nobody asked for an event/,
    change: (history, any) => {
      const writes = history.operations.filter(
        ({ request, outcome }) => request.kind === "put" && outcome.kind === "ok",
      );
      const gone = writes[any(Math.max(1, writes.length))];
      return gone && { ...history, operations: history.operations.filter((each) => each !== gone) };
    },
  },
};

/** Of the watches that others judge, never of the one that follows everything. */
function changeWatch(
  history: History,
  any: Any,
  change: (watch: WatchRecord) => readonly WatchResponse[] | undefined,
): History | undefined {
  const candidates = history.watches.slice(1).flatMap((watch): WatchRecord[] => {
    const responses = change(watch);
    return responses === undefined ? [] : [{ ...watch, responses }];
  });
  const chosen = candidates[any(Math.max(1, candidates.length))];
  return chosen && { ...history, watches: history.watches.map((watch) => (watch.id === chosen.id ? chosen : watch)) };
}

function changeEvents(
  history: History,
  any: Any,
  change: (events: readonly WatchEvent[], at: number) => readonly WatchEvent[] | undefined,
): History | undefined {
  return changeWatch(history, any, ({ responses }) => {
    const eventful = responses.flatMap(({ events }, number) => (events.length > 0 ? [number] : []));
    const number = eventful[any(Math.max(1, eventful.length))];
    const response = number === undefined ? undefined : responses[number];
    if (response === undefined) return undefined;
    const events = change(response.events, any(response.events.length));
    if (events === undefined) return undefined;
    return responses.map((each, position) => (position === number ? { ...each, events } : each));
  });
}

function changeOperation(
  history: History,
  any: Any,
  change: (operation: Operation) => Operation | undefined,
): History | undefined {
  const candidates = history.operations.flatMap((each) => change(each) ?? []);
  const chosen = candidates[any(Math.max(1, candidates.length))];
  return (
    chosen && { ...history, operations: history.operations.map((each) => (each.id === chosen.id ? chosen : each)) }
  );
}
