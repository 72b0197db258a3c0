import { describe, expect, it } from "vitest";
import type {
  ApiEvent,
  ApiWatch,
  ApiWrite,
  ContainerEvent,
  EndState,
  LeaseSeen,
  RequestSeen,
  Strike,
} from "../recording.ts";
import { checkApiWatches } from "./api-watches.ts";
import { checkApiWrites } from "./api-writes.ts";
import { checkEndState } from "./end-state.ts";
import { answersOfWrites, checkBudget, checkGap, checkRequests, checkTimes, gapsOf } from "./gaps.ts";
import { checkOneInstance } from "./instances.ts";
import { checkOneLeader } from "./leadership.ts";

const write = (
  id: number,
  value: string,
  outcome: number | "unknown" | "failed",
  more: Partial<ApiWrite> = {},
): ApiWrite => ({
  id,
  client: 1,
  verb: id === 1 ? "create" : "update",
  name: "w1-0",
  value,
  start: id * 100,
  end: id * 100 + 10,
  outcome:
    typeof outcome === "number"
      ? { kind: "ok", resourceVersion: String(outcome) }
      : { kind: outcome, reason: "planted" },
  ...more,
});
const event = (value: string, resourceVersion: number, more: Partial<ApiEvent> = {}): ApiEvent => ({
  at: resourceVersion * 100,
  type: "MODIFIED",
  name: "w1-0",
  value,
  resourceVersion: String(resourceVersion),
  ...more,
});
const watch = (events: readonly ApiEvent[], more: Partial<ApiWatch> = {}): ApiWatch => ({
  id: 1,
  server: "m1",
  events,
  resumes: [],
  complete: true,
  ...more,
});
const strike = (more: Partial<Strike> = {}): Strike => ({
  number: 1,
  fault: "kill -9",
  aim: "m1",
  actions: [],
  at: 1000,
  healedAt: 1000,
  ...more,
});
const outcome = ({ outcome: is, because }: { outcome: string; because: string }): string => `${is}: ${because}`;

describe("acknowledged API writes", () => {
  const writes = [write(1, "a", 5), write(2, "b", 6), write(3, "c", "unknown"), write(4, "d", "failed")];
  it("may end with the last acknowledged one, or with one of unknown outcome", () => {
    for (const [value, resourceVersion] of [
      ["b", "6"],
      ["c", "9"],
    ] as const)
      expect(checkApiWrites(writes, [{ name: "w1-0", value, resourceVersion }]).outcome).toBe("passed");
  });
  it.each([
    [
      "is lost",
      [{ name: "w1-0", value: "a", resourceVersion: "5" }],
      'w1-0 was last acknowledged as "b" or "c" and is "a"',
    ],
    ["is gone altogether", [], 'w1-0 was last acknowledged as "b" or "c" and is not there'],
    [
      "was refused and is there",
      [{ name: "w1-0", value: "d", resourceVersion: "9" }],
      'w1-0 was last acknowledged as "b" or "c" and is "d"',
    ],
    [
      "was carried out twice",
      [{ name: "w1-0", value: "b", resourceVersion: "8" }],
      "w1-0 was acknowledged at resourceVersion 6 and is there at 8",
    ],
  ])("are broken when one %s", (_what, final, because) => {
    expect(outcome(checkApiWrites(writes, final))).toBe(`violated: ${because}`);
  });
  it("are broken by a version that goes back", () => {
    const back = [write(1, "a", 5), write(2, "b", 4)];
    expect(outcome(checkApiWrites(back, [{ name: "w1-0", value: "b", resourceVersion: "4" }]))).toBe(
      "violated: resourceVersion of w1-0 went from 5 to 4",
    );
  });
  it("are unknown when nobody could read the end", () => {
    expect(checkApiWrites(writes, undefined).outcome).toBe("unknown");
  });
});

describe("watches through the API", () => {
  const writes = [write(1, "a", 1), write(2, "b", 2), write(3, "c", 3)];
  const all = [event("a", 1, { type: "ADDED", at: 50 }), event("b", 2), event("c", 3)];
  it("pass when everything came once and in order, also over a resumption", () => {
    const resumes = [{ at: 150, from: "1", why: "connection lost", gone: false }];
    expect(checkApiWatches(writes, [watch(all, { resumes })]).outcome).toBe("passed");
  });
  it.each([
    ["skips an event", [all[0], all[2]], "watch 1: update of w1-0 was acknowledged at 2 and never came"],
    ["repeats an event", [...all, all[1]], "watch 1: w1-0 at 2 came twice"],
    ["goes back in time", [all[0], all[2], all[1]], "watch 1: w1-0 at 2 came after an event at 3"],
    [
      "has a bookmark ahead of events",
      [all[0], event("", 3, { type: "BOOKMARK", name: "" }), all[1]],
      "watch 1: w1-0 at 2 came after the bookmark at 3",
    ],
    [
      "shows another value",
      [all[0], event("x", 2), all[2]],
      'watch 1: update of w1-0 was acknowledged at 2 and came as "x"',
    ],
  ])("fail when one %s", (_what, events, because) => {
    expect(outcome(checkApiWatches(writes, [watch(events as ApiEvent[])]))).toBe(`violated: ${because}`);
  });
  it("are unknown when one was not followed to the end", () => {
    expect(checkApiWatches(writes, [watch(all, { complete: false })]).outcome).toBe("unknown");
  });
});

describe("one active leader", () => {
  const lease = (
    holder: string,
    transitions: number,
    acquireMs: number,
    renewMs: number,
    version: number,
  ): LeaseSeen => ({
    at: renewMs,
    lease: "kube-scheduler",
    holder,
    transitions,
    durationSeconds: 15,
    renewMs,
    acquireMs,
    resourceVersion: String(version),
  });
  it("passes when the lease had run out, or was given up", () => {
    expect(
      checkOneLeader([
        lease("a", 0, 0, 10_000, 1),
        lease("b", 1, 26_000, 26_000, 2),
        lease("", 1, 26_000, 30_000, 3),
        lease("c", 2, 31_000, 31_000, 4),
      ]).outcome,
    ).toBe("passed");
  });
  it("fails when the lease was taken from a leader whose time had not run out", () => {
    expect(outcome(checkOneLeader([lease("a", 0, 0, 10_000, 1), lease("b", 1, 15_000, 15_000, 2)]))).toBe(
      "violated: b took kube-scheduler 10000 ms before the time of a had run out",
    );
  });
  it("fails when a change is not counted", () => {
    expect(outcome(checkOneLeader([lease("a", 3, 0, 10_000, 1), lease("b", 3, 26_000, 26_000, 2)]))).toBe(
      "violated: kube-scheduler went from a to b and the change was not counted",
    );
  });
});

describe("one running instance", () => {
  const container = (at: number, kind: ContainerEvent["event"], machine: string, uid: string): ContainerEvent => ({
    at,
    machine,
    id: `${machine}-${uid}`,
    pod: "once-0",
    uid,
    container: "web",
    event: kind,
  });
  const options = { pods: (name: string): boolean => name.startsWith("once-"), blind: [] };
  const good = [
    container(1, "start", "m4", "u1"),
    container(50, "die", "m4", "u1"),
    container(60, "start", "m5", "u2"),
  ];
  it("passes when the second begins after the first has ended, or has lost its power", () => {
    expect(checkOneInstance(good, options).outcome).toBe("passed");
    expect(
      checkOneInstance(
        [good[0] as ContainerEvent, container(40, "lost", "m4", "u1"), good[2] as ContainerEvent],
        options,
      ).outcome,
    ).toBe("passed");
  });
  it("fails when two run at once on two machines", () => {
    expect(
      outcome(
        checkOneInstance(
          [container(1, "start", "m4", "u1"), container(60, "start", "m5", "u2"), container(90, "die", "m4", "u1")],
          options,
        ),
      ),
    ).toBe("violated: once-0/web ran twice for 30 ms: on m4 and on m5");
  });
  it("is unknown when an engine was out of sight", () => {
    expect(checkOneInstance(good, { ...options, blind: ["m4"] }).outcome).toBe("unknown");
  });
});

describe("the end", () => {
  const pod = {
    name: "d/web-1",
    uid: "u1",
    node: "m4",
    phase: "Running",
    ready: true,
    restarts: 0,
    cpuMilli: 600,
    memory: 10,
  };
  const end: EndState = {
    convergedMs: 1000,
    missing: "",
    pods: [pod],
    nodes: [{ name: "m4", cpuMilli: 1000, memory: 100, pods: 10 }],
    workloads: [{ name: "deployment/web", wanted: 1, found: 1 }],
    containers: [{ machine: "m4", id: "c1", pod: "web-1", uid: "u1" }],
    unasked: [],
  };
  const failing = (changed: Partial<EndState>): readonly string[] =>
    checkEndState({ ...end, ...changed }, 5000)
      .filter((each) => each.outcome === "violated")
      .map(({ because }) => because);
  it("passes as it should be", () => {
    expect(failing({})).toEqual([]);
  });
  it.each([
    [
      "too many replicas",
      { workloads: [{ name: "deployment/web", wanted: 1, found: 2 }] },
      "deployment/web has 2 pods, wanted 1",
    ],
    [
      "an orphan",
      { containers: [{ machine: "m4", id: "c2", pod: "web-9", uid: "u9" }] },
      "m4 runs a container of web-9 that the API does not know",
    ],
    ["an over-committed node", { pods: [pod, { ...pod, uid: "u2" }] }, "m4 is promised 1200m of 1000m CPU"],
    [
      "no convergence",
      { convergedMs: undefined, missing: "node m4 is not ready" },
      "not whole 5 s after the last healing: node m4 is not ready",
    ],
    ["late convergence", { convergedMs: 6000 }, "whole after 6.0 s, bound 5 s"],
  ])("fails with %s", (_what, changed, because) => {
    expect(failing(changed)).toEqual([because]);
  });
  it("is unknown when the drill did not come to it", () => {
    expect(checkEndState(undefined, 1).map((each) => each.outcome)).toEqual([
      "unknown",
      "unknown",
      "unknown",
      "unknown",
    ]);
  });
});

describe("gaps and lost requests", () => {
  const request = (at: number, ok: boolean): RequestSeen => ({
    at,
    ms: 5,
    ok,
    client: "m4",
    ...(ok ? {} : { why: "ECONNREFUSED" }),
  });
  it("measures the longest wait of one client across a strike", () => {
    const writes = [
      write(1, "a", 1, { end: 900 }),
      write(2, "b", 2, { end: 5000 }),
      write(3, "c", 3, { client: 2, end: 1500 }),
    ];
    const gaps = gapsOf(answersOfWrites(writes), [strike()]);
    expect(gaps.map(({ client, ms }) => [client, ms])).toEqual([["writer 1", 4100]]);
    expect(checkGap("write gap", gaps, 99, 4000).outcome).toBe("violated");
    expect(checkGap("write gap", gaps, 99, 4100).outcome).toBe("passed");
  });
  it("excuses requests lost around a strike, and no others", () => {
    const requests = [request(900, true), request(1200, false), request(1300, true), request(9000, false)];
    expect(outcome(checkRequests(requests, [strike()], 1000, 20_000))).toBe(
      "violated: 1 of 4 requests were lost later than 1 s after a strike",
    );
    expect(checkRequests(requests.slice(0, 3), [strike()], 1000, 20_000).outcome).toBe("passed");
    expect(checkRequests(requests.slice(0, 3), [strike()], 0, 20_000).outcome).toBe("violated");
  });
  it("is unknown what was never seen", () => {
    expect(checkTimes("detect", [strike()], 1000).outcome).toBe("unknown");
    expect(checkTimes("detect", [strike({ detectMs: 1001 })], 1000).outcome).toBe("violated");
    expect(checkTimes("recover", [strike({ recoverMs: 1000 })], 1000).outcome).toBe("passed");
  });
  it("holds the disruption budget against voluntary disruptions", () => {
    expect(
      checkBudget(
        [
          { at: 0, ready: 3 },
          { at: 1, ready: 1 },
        ],
        2,
        true,
      ).outcome,
    ).toBe("violated");
    expect(checkBudget([{ at: 0, ready: 2 }], 2, true).outcome).toBe("passed");
  });
});
