// etcd's promises about watches, each judged against the order of changes:
//
//   ordered       events come by rising revision            unique        none comes twice
//   reliable      none that matches is left out             atomic        a revision comes whole or not at all
//   resumable     from the revision asked for, exactly      bookmarkable  nothing up to a bookmark is still to come
//   previous      what is told of the time before is true   honest        "compacted" is only said where it is so
//
// They hold for the whole life of a watch, over all connections it took.
import type { History, KeyValue, WatchEvent, WatchRecord, WatchResponse } from "../history.ts";
import { describeKeyValue } from "./linearizability/drawing.ts";
import { describeEvent, sameEvent, sameKeyValue } from "./revision-log.ts";
import type { RevisionLog } from "./revision-log.ts";
import { verdict } from "./verdict.ts";
import type { Verdict, Violation } from "./verdict.ts";

/** `compactedBefore`: the highest compaction before the recording began. */
export function checkWatches(history: History, log: RevisionLog, compactedBefore: number = 0): Verdict {
  const compactions = history.operations.flatMap(({ request, outcome }) =>
    request.kind === "compact" && outcome.kind !== "failed" ? [request.revision] : [],
  );
  const compacted = Math.max(compactedBefore, ...compactions);
  let [events, beyond] = [0, 0];
  const violations: Violation[] = [];
  for (const watch of history.watches) {
    const judged = judgeWatch(watch, log, compacted);
    events += judged.events;
    if (judged.beyond) beyond++;
    if (judged.violation !== undefined) violations.push(judged.violation);
  }
  return verdict(
    "watch",
    events,
    violations,
    `${history.watches.length} watches saw ${events} events as promised`,
    beyond === 0
      ? undefined
      : `${beyond} watches saw revisions after ${log.completeTo}, up to which is known what happened`,
  );
}

interface Judgement {
  readonly events: number;
  /** It saw more than the log knows. */
  readonly beyond: boolean;
  readonly violation?: Violation;
}

/** Goes through the responses up to the first that breaks a promise. */
function judgeWatch(watch: WatchRecord, log: RevisionLog, compacted: number): Judgement {
  const { request } = watch;
  let events = 0;
  let beyond = false;
  /** Everything that matches up to here has come. */
  let position = request.startRevision === undefined ? undefined : Math.max(request.startRevision - 1, 0);
  for (const [number, response] of watch.responses.entries()) {
    events += response.events.length;
    const broken = (because: string, details: readonly string[]): Judgement => ({
      events,
      beyond,
      violation: { because, drawing: drawWatch(watch, number, position, details) },
    });
    if (response.created) {
      if (number > 0) return broken("ordered: a watch was created twice", []);
      position ??= response.revision;
      if (response.events.length === 0) continue;
    }
    if (position === undefined) return broken("ordered: something came before the watch was created", []);
    const disorder = outOfOrder(response.events, position, watch.responses.slice(0, number));
    if (disorder !== undefined) return broken(disorder, []);
    const told = response.events.at(-1)?.kv.modRevision ?? response.revision;
    if (response.events.length === 0 && told < position)
      return broken(`bookmarkable: a bookmark at ${told} after revision ${position} was delivered`, []);
    if (told > log.completeTo) {
      beyond = true;
      position = Math.max(position, told);
      continue;
    }
    const expected = log
      .between(request, position, told)
      .filter(({ type }) => request.filters?.includes(type) !== true);
    const difference = differs(response.events, expected, told);
    if (difference !== undefined) return broken(difference.because, difference.details);
    const untrue = request.previous === true ? wrongPrevious(response.events, log, compacted) : undefined;
    if (untrue !== undefined) return broken(untrue.because, untrue.details);
    position = Math.max(position, told);
  }
  const dishonest = wrongEnd(watch, position, compacted);
  if (dishonest === undefined) return { events, beyond };
  const drawing = drawWatch(watch, watch.responses.length, position, []);
  return { events, beyond, violation: { because: dishonest, drawing } };
}

function outOfOrder(
  events: readonly WatchEvent[],
  position: number,
  earlier: readonly WatchResponse[],
): string | undefined {
  let last = position;
  const seen = new Set<string>();
  for (const [number, { kv }] of events.entries()) {
    const name = `${kv.modRevision} ${kv.key}`;
    if (seen.has(name)) return `unique: ${kv.key} at revision ${kv.modRevision} came twice`;
    seen.add(name);
    if (kv.modRevision > last || (number > 0 && kv.modRevision === last)) {
      last = kv.modRevision;
      continue;
    }
    const repeated = earlier.some((each) =>
      each.events.some((event) => event.kv.modRevision === kv.modRevision && event.kv.key === kv.key),
    );
    if (repeated) return `unique: ${kv.key} at revision ${kv.modRevision} came twice`;
    const partly = earlier.some((each) => each.events.some((event) => event.kv.modRevision === kv.modRevision));
    if (partly) return `atomic: revision ${kv.modRevision} came in two parts`;
    return `ordered: revision ${kv.modRevision} came after everything up to ${last} had come`;
  }
  return undefined;
}

interface Difference {
  readonly because: string;
  readonly details: readonly string[];
}

function differs(events: readonly WatchEvent[], expected: readonly WatchEvent[], told: number): Difference | undefined {
  const come = new Map(events.map((event) => [`${event.kv.modRevision} ${event.kv.key}`, event]));
  const missing = expected.filter(({ kv }) => !come.has(`${kv.modRevision} ${kv.key}`));
  const details = missing.map((event) => `missing: ${describeEvent(event)}`);
  const [first] = missing;
  if (first !== undefined) {
    const { modRevision } = first.kv;
    if (events.length === 0)
      return { because: `bookmarkable: revision ${modRevision} is missing before the bookmark at ${told}`, details };
    const partly = events.some(({ kv }) => kv.modRevision === modRevision);
    return {
      because: partly
        ? `atomic: revision ${modRevision} came only in part`
        : `reliable: revision ${modRevision} was left out`,
      details,
    };
  }
  const known = new Map(expected.map((event) => [`${event.kv.modRevision} ${event.kv.key}`, event]));
  for (const event of events) {
    const true_ = known.get(`${event.kv.modRevision} ${event.kv.key}`);
    if (true_ !== undefined && sameEvent(true_, event)) continue;
    return {
      because: `reliable: an event at revision ${event.kv.modRevision} is not what happened`,
      details: [
        `came: ${describeEvent(event)}`,
        `true: ${true_ === undefined ? "no such event matches" : describeEvent(true_)}`,
      ],
    };
  }
  return undefined;
}

function wrongPrevious(events: readonly WatchEvent[], log: RevisionLog, compacted: number): Difference | undefined {
  for (const event of events) {
    const before = log.keyAt(event.kv.key, event.kv.modRevision - 1);
    const told = event.previous;
    if (told === undefined && (before === undefined || event.kv.modRevision <= compacted + 1)) continue;
    if (told !== undefined && before !== undefined && sameKeyValue(told, before)) continue;
    return {
      because: `previous: the value before revision ${event.kv.modRevision} of ${event.kv.key} is wrong`,
      details: [`came: ${describePrevious(told)}`, `true: ${describePrevious(before)}`],
    };
  }
  return undefined;
}

function describePrevious(kv: KeyValue | undefined): string {
  return kv === undefined ? "nothing" : describeKeyValue(kv);
}

function wrongEnd({ end }: WatchRecord, position: number | undefined, compacted: number): string | undefined {
  if (end?.kind !== "compacted") return undefined;
  const { compactRevision } = end;
  if (compactRevision === undefined || compactRevision > compacted)
    return `honest: told that revision ${String(compactRevision)} is compacted, but nobody asked for that`;
  if (position !== undefined && position + 1 >= compactRevision)
    return `honest: told that it is too old for the compaction at ${compactRevision}, but it had come to ${position}`;
  return undefined;
}

/** The watch, what came just before, and what is wrong. */
function drawWatch(
  watch: WatchRecord,
  number: number,
  position: number | undefined,
  details: readonly string[],
): string {
  const { request, responses } = watch;
  const range = request.rangeEnd === undefined ? request.key : `[${request.key}, ${request.rangeEnd})`;
  const from = request.startRevision === undefined ? "now" : `revision ${request.startRevision}`;
  const member = watch.member === undefined ? "" : ` at ${watch.member}`;
  return [
    `watch ${watch.id} of client ${watch.client}${member} on ${range} from ${from}, complete up to ${position ?? "nothing"}`,
    ...responses.slice(Math.max(0, number - 2), number + 1).map((response, i, shown) => {
      const mark = i === shown.length - 1 && number < responses.length ? "  ✗" : "";
      return `  ${describeWatchResponse(response)}${mark}`;
    }),
    ...details.slice(0, 5).map((line) => `  ${line}`),
    ...(details.length > 5 ? [`  and ${details.length - 5} more`] : []),
  ].join("\n");
}

function describeWatchResponse({ created, revision, events }: WatchResponse): string {
  if (events.length === 0) return created ? `created at ${revision}` : `bookmark ${revision}`;
  const shown = events.slice(0, 4).map(describeEvent).join(", ");
  return events.length > 4 ? `${shown} and ${events.length - 4} more` : shown;
}
