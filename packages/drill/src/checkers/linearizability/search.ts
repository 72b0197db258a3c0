// Looks for one order in which operations could have happened one at a time: the algorithm of Wing and Gong with Lowe's
// memory of dead ends ("Testing for linearizability", 2017). It knows no key and no revision; a model says what an operation
// does to a state.
//
//      ├─ a ─┤                 the events of an interval each stand in one list, by time:  a( b( )a c( )c )b
//         ├──── b ────┤        what may come next is every open call before the first close: a or b, not c
//                ├ c ┤         taking one lifts its two events out of the list; going back puts them in again
//
// An optional operation may also not have happened: its end is no obligation. Operations whose place in the order is known
// (a store that numbers its changes tells it) are taken in that order only; the search is then left with the others.

export interface Candidate<Op> {
  readonly op: Op;
  readonly start: number;
  /** Infinity: it may happen at any time after its start. */
  readonly end: number;
  readonly optional: boolean;
  /** Where known: an operation comes after all with a smaller place. Never of an optional one. */
  readonly place?: number | undefined;
}

export interface Model<Op, State> {
  /** Every state that the operation, as it was observed, may lead to; none if it cannot have happened here. */
  step(state: State, op: Op): readonly State[];
  /** Equal for states that behave alike from here on, and only for them. */
  identity(state: State): string;
}

export interface Budget {
  /** How often the model may be asked. */
  readonly steps: number;
  /** Asked now and then: true ends the search. */
  readonly expired?: () => boolean;
}

/** A path that was as good as any: indexes of candidates, and the state they lead to. */
export interface Path<State> {
  readonly order: readonly number[];
  readonly state: State;
}

export type SearchResult<State> =
  | { readonly kind: "legal"; readonly path: Path<State>; readonly steps: number }
  | { readonly kind: "illegal"; readonly deepest: Path<State>; readonly steps: number }
  | { readonly kind: "exhausted"; readonly steps: number };

interface Frame<State> {
  readonly state: State;
  readonly latestStart: number;
  /** The call to look at next, and whether it is the turn of the optional ones. */
  cursor: number;
  optionals: boolean;
  /** The operation taken from here, and the states it may lead to that were not tried yet. */
  taken: number;
  others: readonly State[];
}

/** Decides whether an order exists in which every obligatory candidate happens within its interval. */
export function search<Op, State>(
  candidates: readonly Candidate<Op>[],
  model: Model<Op, State>,
  initial: State,
  budget: Budget,
): SearchResult<State> {
  const events = eventList(candidates);
  const places = placeList(candidates);
  const deadEnds = new Set<string>();
  const frames: Frame<State>[] = [];
  let obligations = candidates.filter(({ optional }) => !optional).length;
  let steps = 0;
  let deepest: Path<State> = { order: [], state: initial };

  const taken = (): number[] => frames.slice(0, -1).map((frame) => frame.taken);
  const enter = (state: State, latestStart: number): void => {
    frames.push({ state, latestStart, cursor: events.first(), optionals: false, taken: -1, others: [] });
  };
  const deadEnd = (state: State): string => `${events.remaining()}|${model.identity(state)}`;
  const lift = (index: number): void => {
    events.lift(index);
    places.lift(index);
    if (!(candidates[index] as Candidate<Op>).optional) obligations--;
  };
  const putBack = (index: number): void => {
    places.putBack(index);
    events.putBack(index);
    if (!(candidates[index] as Candidate<Op>).optional) obligations++;
  };

  enter(initial, -Infinity);
  for (;;) {
    const frame = frames[frames.length - 1] as Frame<State>;
    if (obligations === 0) return { kind: "legal", path: { order: taken(), state: frame.state }, steps };
    if (frame.others.length > 0) {
      const [state, ...others] = frame.others;
      frame.others = others;
      lift(frame.taken);
      if (deadEnds.size > 0 && deadEnds.has(deadEnd(state as State))) putBack(frame.taken);
      else enter(state as State, Math.max(frame.latestStart, (candidates[frame.taken] as Candidate<Op>).start));
      continue;
    }
    const index = nextCandidate(frame);
    if (index >= 0) {
      if (++steps > budget.steps || (steps % 1024 === 0 && budget.expired?.() === true))
        return { kind: "exhausted", steps };
      frame.taken = index;
      frame.others = model.step(frame.state, (candidates[index] as Candidate<Op>).op);
      continue;
    }
    if (frames.length - 1 >= deepest.order.length) deepest = { order: taken(), state: frame.state };
    deadEnds.add(deadEnd(frame.state));
    frames.pop();
    const before = frames.at(-1);
    if (before === undefined) return { kind: "illegal", deepest, steps };
    putBack(before.taken);
  }

  /** The next call that may come now; obligatory ones first, since most optional ones are never needed. */
  function nextCandidate(frame: Frame<State>): number {
    for (;;) {
      const node = frame.cursor;
      const index = node >> 1;
      if (node === events.end || ((node & 1) === 1 && !(candidates[index] as Candidate<Op>).optional)) {
        if (frame.optionals) return -1;
        frame.optionals = true;
        frame.cursor = events.first();
        continue;
      }
      frame.cursor = events.after(node);
      if ((node & 1) === 1) continue;
      const candidate = candidates[index] as Candidate<Op>;
      if (candidate.optional !== frame.optionals) continue;
      if (candidate.optional ? candidate.end >= frame.latestStart : places.mayCome(index)) return index;
    }
  }
}

/** The events in a ring through a sentinel: 2i is the call of candidate i, 2i + 1 its end, where it has one. */
function eventList<Op>(all: readonly Candidate<Op>[]) {
  const end = 2 * all.length;
  const nodes: number[] = [];
  for (let i = 0; i < all.length; i++) {
    nodes.push(2 * i);
    if (Number.isFinite((all[i] as Candidate<Op>).end) || !(all[i] as Candidate<Op>).optional) nodes.push(2 * i + 1);
  }
  const moment = (node: number): number => {
    const candidate = all[node >> 1] as Candidate<Op>;
    return (node & 1) === 0 ? candidate.start : candidate.end;
  };
  // At the same moment calls come first: what touches is concurrent.
  nodes.sort((a, b) => moment(a) - moment(b) || (a & 1) - (b & 1) || a - b);
  const ring = createRing(end, nodes);
  return {
    end,
    first: () => ring.next[end] as number,
    after: (node: number) => ring.next[node] as number,
    lift(index: number): void {
      ring.lift(2 * index);
      ring.lift(2 * index + 1);
    },
    putBack(index: number): void {
      ring.putBack(2 * index + 1);
      ring.putBack(2 * index);
    },
    /** Which operations are left, said shortly: those before the first obligatory end, and that end. */
    remaining(): string {
      let text = "";
      for (let node = ring.next[end] as number; node !== end; node = ring.next[node] as number) {
        text += `${node} `;
        if ((node & 1) === 1 && !(all[node >> 1] as Candidate<Op>).optional) break;
      }
      return text;
    },
  };
}

/** The candidates with a known place, in their order. */
function placeList<Op>(all: readonly Candidate<Op>[]) {
  const end = all.length;
  const placed = all.flatMap(({ place }, index) => (place === undefined ? [] : [index]));
  const place = (index: number): number => (all[index] as Candidate<Op>).place as number;
  placed.sort((a, b) => place(a) - place(b));
  const ring = createRing(end, placed);
  return {
    mayCome: (index: number) =>
      (all[index] as Candidate<Op>).place === undefined || place(index) === place(ring.next[end] as number),
    lift: ring.lift,
    putBack: ring.putBack,
  };
}

/** A doubly linked ring over numbers; what is not in it may be lifted without effect. */
function createRing(sentinel: number, members: readonly number[]) {
  const next = new Int32Array(sentinel + 1).fill(-1);
  const previous = new Int32Array(sentinel + 1).fill(-1);
  let last = sentinel;
  for (const node of members) {
    next[last] = node;
    previous[node] = last;
    last = node;
  }
  next[last] = sentinel;
  previous[sentinel] = last;
  return {
    next,
    lift(node: number): void {
      if (next[node] === -1) return;
      next[previous[node] as number] = next[node] as number;
      previous[next[node] as number] = previous[node] as number;
    },
    putBack(node: number): void {
      if (next[node] === -1) return;
      next[previous[node] as number] = node;
      previous[next[node] as number] = node;
    },
  };
}
