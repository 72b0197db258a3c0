// Makes a share of a history that has no legal order as small as it can be without changing what is wrong with it. Only such cuts
// are made that would leave a legal history legal, so whatever is left is a counterexample on its own:
//
//   places       where the order of all changes is known, what comes after some place in it, or is summed up as a state before one
//   the end      what happened after a moment is forgotten; what was going on then has an unknown outcome
//   reads        an operation that changed nothing can be left out
//   the start    where nothing was going on and the state is certain, it can begin with that state
import { emptyStore, isCertain, storeModel } from "./model.ts";
import type { ModelOperation, StoreState } from "./model.ts";
import { isWritePlace, narrowed } from "./operations.ts";
import type { Judged } from "./operations.ts";
import { search } from "./search.ts";
import type { Budget } from "./search.ts";

export interface Counterexample {
  readonly before: StoreState;
  readonly operations: readonly Judged[];
  /** Without it, everything could have happened. */
  readonly culprit: Judged | undefined;
}

export function shrunk(share: readonly Judged[], budget: Budget): Counterexample {
  const impossible = (operations: readonly Judged[], before: StoreState): boolean =>
    search(narrowed(operations), storeModel, before, budget).kind === "illegal";

  const cut = betweenPlaces(share, budget);
  let { before } = cut;
  let operations = shortestPrefix(cut.operations, (prefix) => impossible(prefix, before));
  const culprit = lastToEnd(operations);
  const tight = narrowed(operations);
  const since = before;
  for (const moment of quietMoments(tight).toReversed()) {
    const past = tight.filter(({ start }) => start < moment);
    const start = stateAfter(past, since, budget);
    const rest = operations.filter((_, position) => (tight[position] as Judged).start >= moment);
    if (start === undefined || !impossible(rest, start)) continue;
    [operations, before] = [rest, start];
    break;
  }
  for (const each of operations.toReversed()) {
    if (each === culprit || !changesNothing(each)) continue;
    const rest = operations.filter((other) => other !== each);
    if (impossible(rest, before)) operations = rest;
  }
  return { before, operations, culprit };
}

/**
 * The operations from one place in the known order to another that are impossible by themselves, and the state before them. All of them
 * where something without a place began before they were over: it might belong on either side of a cut.
 */
function betweenPlaces(
  share: readonly Judged[],
  budget: Budget,
): { readonly operations: readonly Judged[]; readonly before: StoreState } {
  const whole = { operations: share, before: emptyStore };
  const placed = share.filter(({ place }) => place !== undefined);
  const places = [...new Set(placed.map(({ place }) => place as number))].sort((a, b) => a - b);
  const within = (from: number, to: number): readonly Judged[] =>
    placed.filter(({ place = 0 }) => place >= from && place <= to);
  const outcome = (operations: readonly Judged[], before: StoreState) =>
    search(narrowed(operations), storeModel, before, budget);

  const last = firstWhere(places, (to) => outcome(within(0, to), emptyStore).kind === "illegal");
  if (last === undefined) return whole;
  const over = within(0, last).reduce((latest, { end }) => Math.max(latest, end), -Infinity);
  if (share.some(({ place, start }) => place === undefined && start <= over)) return whole;
  let best = { operations: within(0, last), before: emptyStore };
  firstWhere(places, (from) => {
    const past = outcome(within(0, from - 1), emptyStore);
    if (from > last || past.kind !== "legal") return true;
    const operations = within(from, last);
    if (outcome(operations, past.path.state).kind !== "illegal") return true;
    best = { operations, before: past.path.state };
    return false;
  });
  return best;
}

/** The first of an ascending list for which it holds; once it holds, it holds for the rest. */
function firstWhere(ascending: readonly number[], holds: (number: number) => boolean): number | undefined {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(ascending[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return ascending[low];
}

function lastToEnd(operations: readonly Judged[]): Judged | undefined {
  return operations
    .filter(({ optional }) => !optional)
    .reduce<Judged | undefined>((last, each) => (last === undefined || each.end > last.end ? each : last), undefined);
}

/** The beginning of the history up to the earliest end with which it is impossible already. */
function shortestPrefix(
  share: readonly Judged[],
  impossible: (prefix: readonly Judged[]) => boolean,
): readonly Judged[] {
  const ends = share
    .filter(({ optional }) => !optional)
    .map(({ end }) => end)
    .sort((a, b) => a - b);
  const end = firstWhere(ends, (moment) => impossible(cutAfter(share, moment)));
  const prefix = cutAfter(share, end ?? Infinity);
  return impossible(prefix) ? prefix : share;
}

function cutAfter(share: readonly Judged[], moment: number): readonly Judged[] {
  return share
    .filter(({ start }) => start <= moment)
    .map((each) => (each.end <= moment || each.optional ? each : openEnded(each)))
    .filter((each) => !(each.optional && changesNothing(each)));
}

/** What was going on at the cut: what came of it is forgotten. */
function openEnded(each: Judged): Judged {
  const op: ModelOperation = { ...each.op, response: undefined, madeRevision: undefined };
  return { ...each, op, end: Infinity, optional: true, place: undefined };
}

function changesNothing({ op }: Judged): boolean {
  const { kind } = op.request;
  return kind === "range" || kind === "keepAlive";
}

/** Moments at which no operation is going on. */
function quietMoments(operations: readonly Judged[]): readonly number[] {
  const sorted = operations.toSorted((a, b) => a.start - b.start);
  const quiet: number[] = [];
  let latestEnd = -Infinity;
  for (const { start, end } of sorted) {
    if (start > latestEnd && latestEnd > -Infinity) quiet.push(start);
    latestEnd = Math.max(latestEnd, end);
  }
  return quiet;
}

/** The state after operations, if they can only have come to one. */
function stateAfter(past: readonly Judged[], before: StoreState, budget: Budget): StoreState | undefined {
  const ordered = past.every(
    (each) => !each.optional && (changesNothing(each) || (each.place !== undefined && isWritePlace(each.place))),
  );
  if (!ordered) return undefined;
  const result = search(past, storeModel, before, budget);
  return result.kind === "legal" && isCertain(result.path.state) ? result.path.state : undefined;
}
