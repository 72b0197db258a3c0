// The linearizability checker on histories made by hand and by a reference store, and on good ones with one thing broken.
import { createSeededRandom } from "@coxswain/clock/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { done, found, get, historyOf, nothing, put } from "../../testing/by-hand.ts";
import type { Line } from "../../testing/by-hand.ts";
import { recorded } from "../../testing/recorded.ts";
import type { History, Operation, Response } from "../history.ts";
import { checkLinearizability } from "./linearizability.ts";

const outcomeOf = (...lines: readonly Line[]): string => checkLinearizability(historyOf(...lines)).outcome;

describe("linearizable", () => {
  it("is a read that shows either side of a write it overlaps", () => {
    const write: Line = ["   |-----|   ", put("a", "2"), done(3)];
    const first: Line = ["|-|          ", put("a", "1"), done(2)];
    expect(outcomeOf(first, write, ["    |--|     ", get("a"), found(2, "a", "1", 2)])).toBe("passed");
    expect(outcomeOf(first, write, ["    |--|     ", get("a"), found(3, "a", "2", 3, 2, 2)])).toBe("passed");
  });

  it("is a write that nobody was told about and that shows up late", () => {
    expect(
      outcomeOf(
        ["|-~                 ", put("a", "1")],
        ["   |-|              ", get("a"), nothing(1)],
        ["       |-|          ", get("a"), nothing(1)],
        ["            |-|     ", get("a"), found(2, "a", "1", 2)],
      ),
    ).toBe("passed");
  });

  it("is a stale read of one member that was asked for no more", () => {
    const serializable = { ...get("a"), serializable: true } as Line[1];
    expect(
      outcomeOf(
        ["|-|             ", put("a", "1"), done(2)],
        ["    |-|         ", put("a", "2"), done(3)],
        ["        |-|     ", serializable, found(2, "a", "1", 2)],
        ["            |-| ", serializable, nothing(1)],
      ),
    ).toBe("passed");
  });

  it("is a key that goes when its lease has run out", () => {
    expect(
      outcomeOf(
        [
          "|-|                ",
          { kind: "grant", lease: "7", ttlSeconds: 10 },
          { kind: "grant", revision: 1, ttlSeconds: 10 },
        ],
        ["    |-|            ", put("a", "1", "7"), done(2)],
        ["               |-| ", get("a"), nothing(3)],
      ),
    ).toBe("passed");
  });

  it("is one of two compare-and-sets of the same revision", () => {
    expect(
      outcomeOf(
        ["|-|           ", put("a", "1"), done(2)],
        ["    |----|    ", cas("x"), swapped(3)],
        ["     |-----|  ", cas("y"), refused(3)],
      ),
    ).toBe("passed");
  });
});

describe("not linearizable", () => {
  it("is a read that misses a write which had ended", () => {
    expect(
      outcomeOf(
        ["|-|         ", put("a", "1"), done(2)],
        ["    |-|     ", put("a", "2"), done(3)],
        ["        |-| ", get("a"), found(2, "a", "1", 2)],
      ),
    ).toBe("violated");
  });

  it("is an acknowledged write that is gone", () => {
    expect(outcomeOf(["|-|         ", put("a", "1"), done(2)], ["    |-|     ", get("a"), nothing(2)])).toBe(
      "violated",
    );
  });

  it("is a value that nobody wrote", () => {
    expect(outcomeOf(["|-|   ", get("a"), found(2, "a", "1", 2)])).toBe("violated");
  });

  it("is a write of unknown outcome that comes and goes", () => {
    expect(
      outcomeOf(
        ["|-|             ", put("a", "1"), done(2)],
        ["   |-~          ", put("a", "2")],
        ["      |-|       ", get("a"), found(3, "a", "2", 3, 2, 2)],
        ["          |-|   ", get("a"), found(3, "a", "1", 2)],
      ),
    ).toBe("violated");
  });

  it("is a pair of compare-and-sets of the same revision that both succeed", () => {
    expect(
      outcomeOf(
        ["|-|           ", put("a", "1"), done(2)],
        ["    |----|    ", cas("x"), swapped(3)],
        ["     |-----|  ", cas("y"), swapped(4)],
      ),
    ).toBe("violated");
  });

  it("is a read that goes back behind another, with a write still going on", () => {
    expect(
      outcomeOf(
        ["|-|                ", put("a", "1"), done(2)],
        ["   |-------------| ", put("a", "2"), done(3)],
        ["     |-|           ", get("a"), found(3, "a", "2", 3, 2, 2)],
        ["          |-|      ", get("a"), found(2, "a", "1", 2)],
      ),
    ).toBe("violated");
  });

  it("is a transaction that shows half of another", () => {
    const both: Line[1] = { kind: "txn", compares: [], success: [put("a", "1"), put("b", "1")] as never, failure: [] };
    const look: Line[1] = { kind: "txn", compares: [], success: [get("a"), get("b")] as never, failure: [] };
    const puts: Response = { kind: "txn", revision: 2, succeeded: true, responses: [{ kind: "put" }, { kind: "put" }] };
    const half: Response = {
      kind: "txn",
      revision: 2,
      succeeded: true,
      responses: [found(2, "a", "1", 2) as never, nothing(2) as never],
    };
    expect(outcomeOf(["|-----|   ", both, puts], ["   |---|  ", look, half])).toBe("violated");
  });

  it("is a key that goes before its lease may have run out", () => {
    expect(
      outcomeOf(
        [
          "|-|            ",
          { kind: "grant", lease: "7", ttlSeconds: 20 },
          { kind: "grant", revision: 1, ttlSeconds: 20 },
        ],
        ["    |-|        ", put("a", "1", "7"), done(2)],
        ["        |-|    ", get("a"), nothing(3)],
      ),
    ).toBe("violated");
  });

  it("is a lease that takes only one of its keys along", () => {
    expect(
      outcomeOf(
        [
          "|-|                       ",
          { kind: "grant", lease: "7", ttlSeconds: 1 },
          { kind: "grant", revision: 1, ttlSeconds: 1 },
        ],
        ["    |-|                   ", put("a", "1", "7"), done(2)],
        ["        |-|               ", put("b", "1", "7"), done(3)],
        ["            |-|           ", get("a"), nothing(4)],
        [
          "                |-|       ",
          get("b"),
          {
            kind: "range",
            revision: 4,
            kvs: [{ key: "b", value: "1", createRevision: 3, modRevision: 3, version: 1, lease: "7" }],
            count: 1,
          },
        ],
      ),
    ).toBe("violated");
  });
});

describe("what is wrong", () => {
  it("is drawn with nothing that does not matter", () => {
    const { violations } = checkLinearizability(
      historyOf(
        ["|-|                          ", put("a", "1"), done(2)],
        ["    |-|                      ", get("a"), found(2, "a", "1", 2)],
        ["        |-|                  ", put("a", "2"), done(3)],
        ["            |---|            ", put("a", "3"), done(5)],
        ["             |-|             ", put("b", "1"), done(4)],
        ["                   |-|       ", get("a"), found(3, "a", "2", 3, 2, 2)],
        ["                        |-|  ", get("a"), found(5, "a", "3", 5, 3, 2)],
      ),
    );
    expect(violations).toEqual([
      {
        because: "2 operations have no order in which each could have seen what it saw",
        drawing: [
          'before: a = "2" (mod 3, version 2)',
          'client 4  ├─┤      put a = "3"  → at revision 5',
          'client 6      ├─┤  get a        → a = "2" (mod 3, version 2) at revision 3  ✗',
        ].join("\n"),
      },
    ]);
  });

  it("is drawn small although something was always going on", () => {
    const { history } = recorded(createSeededRandom(11), { clients: 6, operations: 200, keys: 2, leases: false });
    const broken = breakages["a read comes after what it does not show"]?.(history, () => 0);
    const [violation] = checkLinearizability(broken ?? history).violations;
    expect(violation?.drawing.split("\n")).toHaveLength(3);
    expect(violation?.because).toBe("2 operations have no order in which each could have seen what it saw");
  });

  it("is unknown, not passed, when there was no time to find out", () => {
    const history = recorded(createSeededRandom(1), { clients: 6, operations: 120, keys: 2 }).history;
    expect(checkLinearizability(history, { stepsPerShare: 10 }).outcome).toBe("unknown");
    expect(checkLinearizability(history, { expired: () => true }).outcome).toBe("unknown");
  });
});

describe("histories of the reference store", () => {
  const seeds = fc.integer({ min: 0, max: 1e9 });

  it("are linearizable, with unknown outcomes, leases, transactions and reads of the past", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { history } = recorded(createSeededRandom(seed), { clients: 6, operations: 100, keys: 4, unknown: 0.05 });
        const { outcome, violations } = checkLinearizability(history, { timedLeases: false });
        expect([outcome, violations[0]?.drawing]).toEqual(["passed", undefined]);
      }),
      { numRuns: 100 },
    );
  });

  it.each(Object.entries(breakages))("are caught when %s", (_name, breakOne) => {
    let broken = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = createSeededRandom(seed);
        const { history } = recorded(random, { clients: 5, operations: 80, keys: 3, leases: false });
        const changed = breakOne(history, (many) => random.int(many));
        if (changed === undefined) return;
        broken++;
        expect(checkLinearizability(changed, { timedLeases: false }).outcome).toBe("violated");
      }),
      { numRuns: 60 },
    );
    expect(broken).toBeGreaterThan(30);
  });
});

type Breakage = (history: History, any: (many: number) => number) => History | undefined;

/** Each breaks one answer in a way that no order can explain. */
const breakages: Record<string, Breakage> = {
  "a read shows one version more": (history, any) =>
    changeResponse(history, any, (response) =>
      response.kind === "range" && response.kvs.length > 0
        ? { ...response, kvs: response.kvs.map((kv, i) => (i === 0 ? { ...kv, version: kv.version + 1 } : kv)) }
        : undefined,
    ),
  "a read shows another value": (history, any) =>
    changeResponse(history, any, (response) =>
      response.kind === "range" && response.kvs.length > 0
        ? { ...response, kvs: response.kvs.map((kv, i) => (i === 0 ? { ...kv, value: "other" } : kv)) }
        : undefined,
    ),
  "a read leaves a key out": (history, any) =>
    changeResponse(history, any, (response) =>
      response.kind === "range" && response.kvs.length > 0
        ? { ...response, kvs: response.kvs.slice(1), count: response.count - 1 }
        : undefined,
    ),
  "a comparison comes out the other way": (history, any) =>
    changeResponse(history, any, (response, { request }) =>
      response.kind === "txn" && request.kind === "txn" && !response.succeeded
        ? { ...response, succeeded: true, responses: request.success.map(() => ({ kind: "put" as const })) }
        : undefined,
    ),
  "a deletion says it found what was not there": (history, any) =>
    changeResponse(history, any, (response) =>
      response.kind === "delete" && response.deleted === 0 ? { ...response, deleted: 1 } : undefined,
    ),
  "a write that was read is lost": (history, any) => {
    const read = new Set(
      history.operations.flatMap(({ outcome }) =>
        outcome.kind === "ok" && outcome.response.kind === "range"
          ? outcome.response.kvs.map(({ value }) => value)
          : [],
      ),
    );
    const lost = pick(history.operations, any, ({ request }) => request.kind === "put" && read.has(request.value));
    return lost && { ...history, operations: history.operations.filter((each) => each !== lost) };
  },
  "a read comes after what it does not show": (history, any) => {
    const reads = ({ request, outcome }: Operation): boolean =>
      request.kind === "range" &&
      request.revision === undefined &&
      outcome.kind === "ok" &&
      request.rangeEnd === undefined;
    const read = pick(history.operations, any, (operation) => {
      if (!reads(operation) || operation.outcome.kind !== "ok" || operation.request.kind !== "range") return false;
      const { key } = operation.request;
      const { revision } = operation.outcome.response;
      return history.operations.some(
        ({ request, outcome }) =>
          request.kind === "put" &&
          request.key === key &&
          outcome.kind === "ok" &&
          outcome.response.revision > revision,
      );
    });
    if (read === undefined) return undefined;
    const late = { ...read, start: 1e6, end: 1e6 + 1 };
    return { ...history, operations: history.operations.map((each) => (each === read ? late : each)) };
  },
};

function changeResponse(
  history: History,
  any: (many: number) => number,
  change: (response: Response, operation: Operation) => Response | undefined,
): History | undefined {
  const changed = (operation: Operation): Response | undefined =>
    operation.outcome.kind === "ok" ? change(operation.outcome.response, operation) : undefined;
  const chosen = pick(history.operations, any, (operation) => changed(operation) !== undefined);
  const response = chosen && changed(chosen);
  if (chosen === undefined || response === undefined) return undefined;
  const wrong: Operation = { ...chosen, outcome: { kind: "ok", response } };
  return { ...history, operations: history.operations.map((each) => (each === chosen ? wrong : each)) };
}

function pick(
  operations: readonly Operation[],
  any: (many: number) => number,
  fits: (operation: Operation) => boolean,
): Operation | undefined {
  const fitting = operations.filter(fits);
  return fitting[any(Math.max(1, fitting.length))];
}

function cas(value: string): Line[1] {
  return {
    kind: "txn",
    compares: [{ key: "a", target: "mod", result: "=", operand: 2 }],
    success: [{ kind: "put", key: "a", value }],
    failure: [],
  };
}

function swapped(revision: number): Response {
  return { kind: "txn", revision, succeeded: true, responses: [{ kind: "put" }] };
}

function refused(revision: number): Response {
  return { kind: "txn", revision, succeeded: false, responses: [] };
}
