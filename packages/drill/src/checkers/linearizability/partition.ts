// Splits operations into shares that can be judged alone. Linearizability is local: what concerns other keys does not matter. A
// transaction ties its keys together, a lease the keys that hang on it. A plain read of many keys is split instead: each share sees
// its keys as of the revision in the response's header, and that revision holds the parts together.
import { covers } from "../../history.ts";
import type { KeyRange, Request } from "../../history.ts";
import type { Judged } from "./operations.ts";

/** Shares of the operations; each operation is in every share that it says something about. */
export function partitioned(all: readonly Judged[]): Judged[][] {
  const keys = keysOf(all);
  const ties = createTies();
  const places = new Map<Judged, readonly string[]>();
  for (const judged of all) {
    const { request } = judged.op;
    const things = thingsOf(request, keys);
    places.set(judged, things);
    if (request.kind !== "range" || !splits(request)) for (const thing of things) ties.tie(things[0] as string, thing);
  }
  const shares = new Map<string, Judged[]>();
  for (const judged of all) {
    const things = places.get(judged) as readonly string[];
    const { request } = judged.op;
    const roots =
      things.length === 1 ? [ties.root(things[0] as string)] : new Set(things.map((thing) => ties.root(thing)));
    for (const root of roots) {
      let share = shares.get(root);
      if (share === undefined) shares.set(root, (share = []));
      const split = request.kind === "range" && splits(request);
      share.push(split ? partOf(judged, (key) => ties.root(keyThing(key)) === root) : judged);
    }
  }
  return [...shares.values()];
}

/** A read of a range whose response names every key it found can be taken apart. */
function splits(request: Request): boolean {
  return (
    request.kind === "range" &&
    request.rangeEnd !== undefined &&
    (request.limit === undefined || request.limit === 0) &&
    request.countOnly !== true
  );
}

/** The read, as if it had been of some keys only. */
function partOf(judged: Judged, belongs: (key: string) => boolean): Judged {
  const { response } = judged.op;
  if (response?.kind !== "range") return judged;
  return {
    ...judged,
    op: { ...judged.op, response: { ...response, kvs: response.kvs.filter(({ key }) => belongs(key)) }, whole: false },
  };
}

const keyThing = (key: string): string => `k${key}`;
const leaseThing = (lease: string): string => `l${lease}`;

/** The keys and leases that a request may touch, of those that occur at all. */
function thingsOf(request: Judged["op"]["request"], keys: readonly string[]): readonly string[] {
  switch (request.kind) {
    case "put":
      return request.lease === undefined ? [keyThing(request.key)] : [keyThing(request.key), leaseThing(request.lease)];
    case "delete":
    case "range":
      return keysIn(request, keys);
    case "txn":
      return [
        ...request.compares.flatMap((compare) => keysIn(compare, keys)),
        ...[...request.success, ...request.failure].flatMap((operation) => thingsOf(operation, keys)),
      ];
    case "grant":
    case "revoke":
    case "keepAlive":
    case "expire":
      return [leaseThing(request.lease)];
    case "compact":
      return [];
  }
}

function keysIn(range: KeyRange, keys: readonly string[]): readonly string[] {
  if (range.rangeEnd === undefined || range.rangeEnd === "") return [keyThing(range.key)];
  const found: string[] = [];
  for (let i = firstAtLeast(keys, range.key); i < keys.length && covers(range, keys[i] as string); i++)
    found.push(keyThing(keys[i] as string));
  return found;
}

function firstAtLeast(sorted: readonly string[], key: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Every key that is named or was seen, sorted. */
function keysOf(all: readonly Judged[]): readonly string[] {
  const keys = new Set<string>();
  const name = (request: Judged["op"]["request"]): void => {
    if (request.kind === "put") keys.add(request.key);
    else if ((request.kind === "delete" || request.kind === "range") && request.rangeEnd === undefined)
      keys.add(request.key);
    else if (request.kind === "txn") [...request.success, ...request.failure].forEach(name);
  };
  for (const { op } of all) {
    name(op.request);
    if (op.response?.kind === "range") for (const { key } of op.response.kvs) keys.add(key);
  }
  return [...keys].sort();
}

/** Union-find over names. */
function createTies() {
  const parents = new Map<string, string>();
  const root = (thing: string): string => {
    let at = thing;
    for (let up = parents.get(at); up !== undefined; up = parents.get(at)) {
      const above = parents.get(up);
      if (above !== undefined) parents.set(at, above);
      at = up;
    }
    return at;
  };
  return {
    root,
    tie(a: string, b: string): void {
      const [left, right] = [root(a), root(b)];
      if (left !== right) parents.set(right, left);
    },
  };
}
