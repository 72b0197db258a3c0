// Turns a recording into what the search takes: which operations must have happened, which may have, when, and at which place in
// the order where their revision tells it. Adds what no client does: leases that run out.
import type { History, Operation, Response } from "../../history.ts";
import type { ModelOperation } from "./model.ts";
import type { Candidate } from "./search.ts";

export interface Judged extends Candidate<ModelOperation> {
  /** Where it comes from: one operation, or the lease that may run out. */
  readonly source: Operation | { readonly lease: string };
}

export interface LeaseTiming {
  /**
   * True: the store's clock runs like the recording's, so that no lease runs out before its time to live has passed since it
   * was last renewed. False (clocks jump or drift): it may run out at any time.
   */
  readonly timed: boolean;
}

/** What must be found out elsewhere about operations without a response: the revision they made, or that they made none. */
export interface Resolution {
  /** By operation id. */
  readonly made: ReadonlyMap<number, { readonly revision: number; readonly seenAt: number }>;
  readonly never: ReadonlySet<number>;
  /** By lease: the revision at which it ran out and took keys along. */
  readonly expired: ReadonlyMap<string, { readonly revision: number; readonly seenAt: number }>;
}

export const unresolved: Resolution = {
  made: new Map(),
  never: new Set(),
  expired: new Map(),
};

export function judgedOperations(history: History, timing: LeaseTiming, resolution: Resolution): Judged[] {
  const judged: Judged[] = [];
  for (const operation of history.operations) {
    const { outcome, request } = operation;
    if (outcome.kind === "failed" || request.kind === "compact" || resolution.never.has(operation.id)) continue;
    if (outcome.kind === "ok") {
      judged.push(answered(operation, outcome.response));
      continue;
    }
    // A read that nobody heard of tells nothing.
    if (request.kind === "range" || request.kind === "keepAlive") continue;
    const made = resolution.made.get(operation.id);
    judged.push({
      op: { request, madeRevision: made?.revision, whole: true },
      start: operation.start,
      end: made?.seenAt ?? Infinity,
      optional: made === undefined,
      place: made === undefined ? undefined : writePlace(made.revision),
      source: operation,
    });
  }
  return [...judged, ...expiries(history, timing, resolution)];
}

function answered(operation: Operation, response: Response): Judged {
  const { request, start, end } = operation;
  // What one member answers from what it has may be as old as the store itself.
  const old = request.kind === "range" && (request.serializable === true || request.revision !== undefined);
  return {
    op: { request, response, whole: true },
    start: old ? -Infinity : start,
    end,
    optional: false,
    place: placeOf(operation, response),
    source: operation,
  };
}

/** Writes and reads by the revision they made or saw; reads of a revision come after the write that made it. */
export function placeOf({ request }: Operation, response: Response): number | undefined {
  switch (response.kind) {
    case "put":
      return writePlace(response.revision);
    case "delete":
      return response.deleted > 0 ? writePlace(response.revision) : readPlace(response.revision);
    case "range":
      return readPlace((request.kind === "range" ? request.revision : undefined) ?? response.revision);
    case "txn":
      return response.responses.some((each) => each.kind === "put" || (each.kind === "delete" && each.deleted > 0))
        ? writePlace(response.revision)
        : readPlace(response.revision);
    default:
      // The headers of the others are filled in later and say only how far the store was by then.
      return undefined;
  }
}

function writePlace(revision: number): number {
  return 2 * revision;
}

function readPlace(revision: number): number {
  return 2 * revision + 1;
}

export function isWritePlace(place: number): boolean {
  return place % 2 === 0;
}

interface LeaseLife {
  /** Earliest moment at which it may run out. */
  from: number;
  granted: boolean;
  /** When it was revoked for sure. */
  until: number;
}

/** For each lease an expiry that may happen, from the first moment at which it can. */
function expiries({ operations }: History, timing: LeaseTiming, resolution: Resolution): Judged[] {
  const lives = new Map<string, LeaseLife>();
  for (const { request, outcome, start, end } of operations) {
    if (outcome.kind === "failed") continue;
    if (request.kind !== "grant" && request.kind !== "keepAlive" && request.kind !== "revoke") continue;
    const life = lives.get(request.lease) ?? { from: -Infinity, granted: false, until: Infinity };
    lives.set(request.lease, life);
    if (request.kind === "revoke") {
      if (outcome.kind === "ok") life.until = Math.min(life.until, end);
      continue;
    }
    if (request.kind === "grant") life.granted = true;
    const response = outcome.kind === "ok" ? outcome.response : undefined;
    const told = response?.kind === "grant" || response?.kind === "keepAlive" ? response.ttlSeconds : undefined;
    const ttlSeconds = told ?? (request.kind === "grant" ? request.ttlSeconds : 0);
    if (ttlSeconds > 0) life.from = Math.max(life.from, start + (timing.timed ? ttlSeconds * 1000 : 0));
  }
  const judged: Judged[] = [];
  for (const [lease, life] of lives) {
    const expired = resolution.expired.get(lease);
    if (!life.granted) continue;
    judged.push({
      op: { request: { kind: "expire", lease }, madeRevision: expired?.revision, whole: true },
      start: life.from,
      end: expired?.seenAt ?? life.until,
      optional: expired === undefined,
      place: expired === undefined ? undefined : writePlace(expired.revision),
      source: { lease },
    });
  }
  return judged;
}

/**
 * Narrows intervals by the order that is known: an operation cannot happen before the latest start of those placed before it,
 * nor after the earliest end of those placed after it. One that is left without room ends before it starts; no order has it.
 */
export function narrowed<C extends Candidate<unknown>>(candidates: readonly C[]): readonly C[] {
  const placed = candidates.filter(({ place }) => place !== undefined);
  if (placed.length === 0) return candidates;
  placed.sort((a, b) => (a.place as number) - (b.place as number));
  const starts = running(placed, (best, { start }) => Math.max(best, start), -Infinity);
  const ends = running(placed.toReversed(), (best, { end }) => Math.min(best, end), Infinity);
  return candidates.map((candidate) => {
    if (candidate.place === undefined) return candidate;
    const start = Math.max(candidate.start, starts.get(candidate.place) as number);
    const end = Math.min(candidate.end, ends.get(candidate.place) as number);
    return { ...candidate, start, end };
  });
}

/** The best of all candidates strictly before each place, walking in the order given. */
function running<C extends Candidate<unknown>>(
  ordered: readonly C[],
  better: (best: number, candidate: C) => number,
  worst: number,
): Map<number, number> {
  const before = new Map<number, number>();
  let [best, atThisPlace, place] = [worst, worst, NaN];
  for (const candidate of ordered) {
    if (candidate.place !== place) {
      place = candidate.place as number;
      best = atThisPlace;
      before.set(place, best);
    }
    atThisPlace = better(atThisPlace, candidate);
  }
  return before;
}
