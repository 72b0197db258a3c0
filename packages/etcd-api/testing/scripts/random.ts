// Requests drawn from a seed: every option of KV in combinations nobody would think of, on a handful of keys so that they meet.
import type { Compare, Init, PutRequest, RangeRequest, RequestOp } from "../../src/index.ts";
import { ask } from "../transcript.ts";
import type { Script, Step } from "../transcript.ts";

const keys = ["a", "b", "c", "d", "e"];

/** `revision`: where the endpoints are, so that some of the revisions asked for are there. */
export function randomScript(seed: number, length: number, revision = 1): Script {
  const draw = new Draw(seed, revision);
  const leases: Step[] = [1n, 2n, 3n].map((id) => ask("lease", "leaseGrant", { id, ttl: 10_000 }));
  const steps = Array.from({ length }, () => step(draw));
  const cleanUp = [1n, 2n, 3n].map((id) => ask("lease", "leaseRevoke", { id }));
  return {
    name: `answers ${length} requests drawn from seed ${seed}`,
    steps: [...leases, ...steps, ...cleanUp, ask("kv", "deleteRange", { key: "\0", rangeEnd: "\0" })],
  };
}

function step(draw: Draw): Step {
  const kind = draw.int(20);
  if (kind < 6) return ask("kv", "put", put(draw));
  if (kind < 12) return ask("kv", "range", range(draw));
  if (kind < 13) return ask("kv", "deleteRange", deletion(draw));
  if (kind < 14 && draw.chance(0.2)) return ask("kv", "compact", { revision: draw.revision(), physical: true });
  return ask("kv", "txn", transaction(draw, 2));
}

function put(draw: Draw): Init<PutRequest> {
  const ignoreValue = draw.chance(0.1);
  const ignoreLease = draw.chance(0.1);
  return {
    key: draw.of(keys),
    value: ignoreValue ? "" : `v${draw.int(5)}`,
    lease: ignoreLease ? 0n : draw.of([0n, 0n, 1n, 2n, 3n, 4n]),
    prevKv: draw.chance(0.5),
    ignoreValue,
    ignoreLease,
  };
}

function range(draw: Draw): Init<RangeRequest> {
  const bound = (): number => (draw.chance(0.2) ? draw.revision() : 0);
  return {
    ...keyRange(draw),
    limit: draw.chance(0.5) ? draw.int(4) : 0,
    revision: draw.chance(0.3) ? draw.revision() : 0,
    sortOrder: draw.of(["NONE", "ASCEND", "DESCEND"]),
    sortTarget: draw.of(["KEY", "VERSION", "CREATE", "MOD", "VALUE"]),
    serializable: draw.chance(0.3),
    keysOnly: draw.chance(0.2),
    countOnly: draw.chance(0.1),
    minModRevision: bound(),
    maxModRevision: bound(),
    minCreateRevision: bound(),
    maxCreateRevision: bound(),
  };
}

function deletion(draw: Draw): { key: string; rangeEnd: string; prevKv: boolean } {
  return { ...keyRange(draw), prevKv: draw.chance(0.5) };
}

function keyRange(draw: Draw): { key: string; rangeEnd: string } {
  const key = draw.of(["\0", ...keys]);
  return { key, rangeEnd: draw.of(["", "", "\0", ...keys]) };
}

function transaction(
  draw: Draw,
  depth: number,
): { compare: Init<Compare>[]; success: Init<RequestOp>[]; failure: Init<RequestOp>[] } {
  const operations = (): Init<RequestOp>[] => Array.from({ length: draw.int(4) }, () => operation(draw, depth));
  return {
    compare: Array.from({ length: draw.int(3) }, () => comparison(draw)),
    success: operations(),
    failure: operations(),
  };
}

function operation(draw: Draw, depth: number): Init<RequestOp> {
  const kind = draw.int(depth > 0 ? 9 : 8);
  if (kind < 4) return { requestPut: put(draw) };
  if (kind < 7) return { requestRange: range(draw) };
  if (kind < 8) {
    // etcd lets a transaction delete everything from a key on and put into it all the same, and dies of a put that keeps what was there.
    const { rangeEnd, ...rest } = deletion(draw);
    return { requestDeleteRange: { ...rest, rangeEnd: rangeEnd === "\0" ? "" : rangeEnd } };
  }
  return { requestTxn: transaction(draw, depth - 1) };
}

function comparison(draw: Draw): Init<Compare> {
  const target = draw.of(["VERSION", "CREATE", "MOD", "VALUE", "LEASE"] as const);
  const about = {
    ...keyRange(draw),
    target,
    result: draw.of(["EQUAL", "GREATER", "LESS", "NOT_EQUAL"] as const),
  };
  const revision = draw.revision();
  switch (target) {
    case "VERSION":
      return { ...about, version: draw.int(4) };
    case "CREATE":
      return { ...about, createRevision: revision };
    case "MOD":
      return { ...about, modRevision: revision };
    case "VALUE":
      return { ...about, value: `v${draw.int(5)}` };
    case "LEASE":
      return { ...about, lease: draw.of([0n, 1n, 2n]) };
  }
}

/** A small generator (mulberry32): the same seed, the same requests. */
class Draw {
  #state: number;
  readonly #from: number;
  #taken = 0;

  constructor(seed: number, from: number) {
    this.#state = seed;
    this.#from = from;
  }

  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    this.#taken++;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, Math.floor(below));
  }

  /** Mostly of this script's own time: about one in twenty numbers that were drawn has made a revision. */
  revision(): number {
    const own = Math.floor(this.#taken / 20) + 3;
    return this.chance(0.1) ? this.int(this.#from + own) : this.#from + this.int(own);
  }

  chance(of: number): boolean {
    return this.int(1000) < of * 1000;
  }

  of<const T>(items: readonly T[]): T {
    return items[this.int(items.length)] as T;
  }
}
