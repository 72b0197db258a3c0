import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRequestInfo } from "../request-info.ts";
import { Demand } from "./demand.ts";
import { deal } from "./hand.ts";
import { RetryAfter } from "./retry-after.ts";
import type { Ticket } from "./seat-queues.ts";
import { createTicket, SeatQueues } from "./seat-queues.ts";
import { seatsOf } from "./seats.ts";

const queueing = { kind: "queue", queues: 64, handSize: 6, longest: 50 } as const;
const level = (seats: number, discipline: Parameters<SeatQueues["configure"]>[0] = queueing): SeatQueues => {
  const queues = new SeatQueues(0);
  queues.configure(discipline, 0);
  queues.setLimit(seats, 0);
  return queues;
};
/** Comes at a level and notes its name once it is served. */
const comer = (served: string[], name: string, seats = 1): Ticket => createTicket(seats, () => served.push(name));

describe("the seats of a level", () => {
  it("serve a queue's requests in their order, as seats become free", () => {
    const queues = level(1, { ...queueing, handSize: 1 });
    const served: string[] = [];
    const [first, second, third] = ["first", "second", "third"].map((name) => comer(served, name));
    if (!first || !second || !third) throw new Error("there are three");
    expect([first, second, third].map((ticket) => queues.arrive(ticket, "jane", 0))).toEqual([
      "seated",
      "waiting",
      "waiting",
    ]);
    queues.finish(first, 5);
    queues.finish(first, 5);
    expect(served).toEqual(["second"]);
    queues.finish(second, 10);
    expect(served).toEqual(["second", "third"]);
    queues.finish(third, 15);
    expect([queues.isIdle, queues.demand.value]).toEqual([true, 0]);
  });

  it("come to a flow of one request after a turn of each queue of a flow of hundreds", () => {
    const queues = level(4);
    const served: string[] = [];
    const all = Array.from({ length: 100 }, (_unused, index) => comer(served, `many ${index}`));
    for (const ticket of all) queues.arrive(ticket, "many", 0);
    expect(queues.arrive(comer(served, "one"), "one", 1)).toBe("waiting");
    for (const ticket of all.slice(0, 4)) queues.finish(ticket, 10);
    for (const ticket of all.filter(({ state }) => state === "seated")) queues.finish(ticket, 20);
    expect(served).toHaveLength(8);
    expect(served.indexOf("one")).toBeGreaterThanOrEqual(0);
  });

  it("are as many for a flow whose requests take long as for one whose are short", () => {
    const queues = level(10, { ...queueing, handSize: 1 });
    const takesMs = { long: 100, short: 10 };
    const hadMs = { long: 0, short: 0 };
    const ends: { readonly atMs: number; readonly flow: "long" | "short"; readonly ticket: Ticket }[] = [];
    let nowMs = 0;
    const come = (flow: "long" | "short"): void => {
      const begin = (): void => {
        hadMs[flow] += takesMs[flow];
        ends.push({ atMs: nowMs + takesMs[flow], flow, ticket });
      };
      const ticket = createTicket(1, begin);
      if (queues.arrive(ticket, flow, nowMs) === "seated") begin();
    };
    for (let index = 0; index < 40; index += 1) {
      come("long");
      come("short");
    }
    while (nowMs < 10_000) {
      const next = ends.sort((one, other) => one.atMs - other.atMs).shift();
      if (!next) throw new Error("somebody is always served");
      nowMs = next.atMs;
      queues.finish(next.ticket, nowMs);
      // Who has been served comes again.
      come(next.flow);
    }
    expect(hadMs.long / (hadMs.long + hadMs.short)).toBeCloseTo(0.5, 1);
  });

  it("are refused to whoever finds the queue full, and to everybody beyond them where nobody may wait", () => {
    const queues = level(1, { kind: "queue", queues: 1, handSize: 1, longest: 1 });
    const come = (to: SeatQueues): string => to.arrive(comer([], ""), "jane", 0);
    expect([come(queues), come(queues), come(queues)]).toEqual(["seated", "waiting", "queue-full"]);
    const strict = level(1, { kind: "reject" });
    expect([come(strict), come(strict)]).toEqual(["seated", "concurrency-limit"]);
    const open = level(0, { kind: "exempt" });
    expect([come(open), come(open)]).toEqual(["seated", "seated"]);
  });

  it("are not kept for whoever has gone while waiting", () => {
    const queues = level(1);
    const served: string[] = [];
    const [first, second, third] = [comer(served, "first"), comer(served, "second"), comer(served, "third")];
    for (const ticket of [first, second, third]) queues.arrive(ticket, "jane", 0);
    queues.leave(second, 1);
    queues.leave(second, 1);
    queues.finish(first, 2);
    expect(served).toEqual(["third"]);
  });

  it("are all for one that needs more than there are, when nobody else has one", () => {
    const queues = level(4);
    const served: string[] = [];
    const small = comer(served, "small");
    queues.arrive(small, "jane", 0);
    const wide = comer(served, "wide", 10);
    expect(queues.arrive(wide, "jane", 0)).toBe("waiting");
    queues.finish(small, 1);
    expect(served).toEqual(["wide"]);
    expect(queues.arrive(comer(served, "next"), "joe", 2)).toBe("waiting");
  });

  it("that are added are taken at once, and what waits stays when the level is made anew", () => {
    const queues = level(1, { ...queueing, handSize: 1 });
    const served: string[] = [];
    const tickets = ["a", "b", "c"].map((name) => comer(served, name));
    for (const ticket of tickets) queues.arrive(ticket, "jane", 0);
    queues.configure({ kind: "queue", queues: 8, handSize: 2, longest: 5 }, 1);
    queues.setLimit(2, 1);
    expect(served).toEqual(["b"]);
    queues.configure({ kind: "exempt" }, 2);
    expect(served).toEqual(["b", "c"]);
    for (const ticket of tickets) queues.finish(ticket, 3);
    expect(queues.isIdle).toBe(true);
  });

  const step = fc.record({
    act: fc.constantFrom("come", "finish", "leave", "limit"),
    pick: fc.nat(100),
    seats: fc.integer({ min: 1, max: 4 }),
    flow: fc.constantFrom("a", "b", "c"),
  });
  it("are never more than there are, and never free while somebody waits", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queues = level(5, { kind: "queue", queues: 4, handSize: 2, longest: 10 });
        const all: Ticket[] = [];
        let limit = 5;
        for (const [nowMs, { act, pick, seats, flow }] of steps.entries()) {
          const of = (state: Ticket["state"]): Ticket | undefined => {
            const found = all.filter((ticket) => ticket.state === state);
            return found[pick % found.length];
          };
          const [seated, waiting] = [of("seated"), of("waiting")];
          const before = usedBy(all);
          if (act === "come") {
            const ticket = comer([], "", seats);
            all.push(ticket);
            queues.arrive(ticket, flow, nowMs);
          } else if (act === "finish" && seated) queues.finish(seated, nowMs);
          else if (act === "leave" && waiting) queues.leave(waiting, nowMs);
          else if (act === "limit") queues.setLimit((limit = 4 + (pick % 3)), nowMs);
          expect(usedBy(all)).toBeLessThanOrEqual(Math.max(limit, before));
          if (all.some(({ state }) => state === "waiting")) expect(usedBy(all) + 4).toBeGreaterThan(limit);
        }
        for (let left = true; left;) {
          const seated = all.find(({ state }) => state === "seated");
          left = seated !== undefined;
          if (seated) queues.finish(seated, steps.length);
        }
        expect([queues.isIdle, all.some(({ state }) => state === "waiting")]).toEqual([true, false]);
      }),
    );
  });
});

function usedBy(tickets: readonly Ticket[]): number {
  return tickets.filter(({ state }) => state === "seated").reduce((sum, { seats }) => sum + seats, 0);
}

describe("a flow's hand", () => {
  it("is the same each time, has no card twice, and is spread over the deck", () => {
    const hands = Array.from({ length: 1000 }, (_unused, index) => deal(`schema/user-${index}`, 128, 6));
    expect(deal("schema/user-7", 128, 6)).toEqual(hands[7]);
    expect(hands.filter((hand) => new Set(hand).size !== 6 || hand.some((card) => card < 0 || card > 127))).toEqual([]);
    const counts = Array.from({ length: 128 }, (_unused, card) => hands.filter((hand) => hand.includes(card)).length);
    // 47 on average.
    expect(Math.min(...counts)).toBeGreaterThan(20);
    expect(Math.max(...counts)).toBeLessThan(80);
    expect(deal("few", 3, 6).toSorted()).toEqual([0, 1, 2]);
  });
});

describe("what a level wants", () => {
  it("rises at once and falls slowly", () => {
    const demand = new Demand(0);
    demand.set(10, 0);
    expect(demand.look(10_000)).toEqual({ highest: 10, smoothed: 10 });
    demand.set(0, 10_000);
    expect(demand.look(20_000)).toEqual({ highest: 10, smoothed: 9.77 });
    expect(demand.look(30_000).highest).toBe(0);
    demand.set(30, 35_000);
    // 15 on average, and as much off it.
    expect(demand.look(40_000)).toEqual({ highest: 30, smoothed: 30 });
  });
});

describe("the time after which who was refused may come again", () => {
  it("doubles while many are refused, and falls when they are few", () => {
    const retry = new RetryAfter();
    const seconds = Array.from({ length: 8 }, (_unused, second) => {
      for (let index = 0; index < 20; index += 1) retry.refuse((100 + second) * 1000);
      return retry.refuse((100 + second) * 1000);
    });
    expect(seconds).toEqual([1, 2, 2, 4, 4, 4, 4, 8]);
    expect([200, 230, 260].map((second) => retry.refuse(second * 1000))).toEqual([7, 6, 5]);
  });
});

describe("the width of a request", () => {
  it.each([
    ["a get", "GET", "/api/v1/namespaces/a/pods/x", 5000, 1],
    ["a create", "POST", "/api/v1/namespaces/a/pods", 5000, 1],
    ["a short list", "GET", "/api/v1/pods", 100, 1],
    ["a list", "GET", "/api/v1/pods", 450, 5],
    ["a long list", "GET", "/api/v1/pods", 5000, 10],
    ["a list of which nothing is known", "GET", "/api/v1/pods", undefined, 1],
    ["a piece of a list", "GET", "/api/v1/pods?limit=150", 5000, 3],
    ["a piece of what matches", "GET", "/api/v1/pods?limit=150&labelSelector=a", 400, 6],
    ["one by its name", "GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx", 5000, 1],
    ["a watch that begins with a list", "GET", "/api/v1/pods?watch=1&sendInitialEvents=true", 300, 3],
    ["a watch", "GET", "/api/v1/pods?watch=1", 5000, 1],
  ])("of %s", (_what, method, path, stored, width) => {
    const [plain = "", text = ""] = path.split("?");
    const query = new URLSearchParams(text);
    expect(seatsOf(readRequestInfo(method, plain, query), query, () => stored, 245)).toBe(width);
  });

  it("is at most a part of the level's", () => {
    const query = new URLSearchParams();
    const info = readRequestInfo("GET", "/api/v1/pods", query);
    expect([49, 13, 3].map((nominal) => seatsOf(info, query, () => 5000, nominal))).toEqual([7, 1, 1]);
  });
});
