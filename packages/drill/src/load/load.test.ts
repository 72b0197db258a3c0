// What the load writes and how it is written down: values that tell whether they came back whole, moments that tell before from
// after, steps that a seed repeats.
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { GrpcError, TransportError, statusCodes } from "@coxswain/etcd-api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { covers } from "../history.ts";
import type { Outcome } from "../history.ts";
import { valueBytes, valueText } from "./etcd-requests.ts";
import { fateAfter } from "./perform.ts";
import { createRecorder } from "./recorder.ts";
import { nextStep, under } from "./workload.ts";
import type { Step } from "./workload.ts";

describe("a value", () => {
  const values = fc.tuple(fc.nat(99), fc.nat(1e6), fc.integer({ min: 20, max: 3000 }));

  it("comes back as it was written", () => {
    fc.assert(
      fc.property(values, ([client, count, size]) => {
        const value = `${client}.${count}#${size}`;
        expect([valueBytes(value).length, valueText(valueBytes(value))]).toEqual([size, value]);
      }),
    );
  });

  it("is another when any byte of it is", () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), ([client, count, size], at, flip) => {
        const value = `${client}.${count}#${size}`;
        const bytes = valueBytes(value);
        const position = at % size;
        bytes[position] = (bytes[position] as number) ^ flip;
        expect(valueText(bytes)).not.toBe(value);
      }),
    );
  });
});

describe("a recorder", () => {
  it("tells before from after although the clock stands still", async () => {
    const recorder = createRecorder(createSimulatedClock());
    const outcome: Outcome = { kind: "failed", reason: "refused" };
    const who = { client: 1, member: "m1" };
    for (let count = 0; count < 3; count++)
      await recorder.operation(who, { kind: "range", key: "k" }, () => Promise.resolve(outcome));
    const moments = recorder.history().operations.flatMap(({ start, end }) => [start, end]);
    expect(moments).toEqual([...new Set(moments)].sort((a, b) => a - b));
    expect(recorder.counts()).toEqual({ ok: 0, failed: 3, unknown: 0 });
  });
});

describe("the fate of a write", () => {
  it.each([
    ["never left", new TransportError("connection refused", false), "failed"],
    ["may have arrived", new TransportError("connection reset", true), "unknown"],
    [
      "was refused",
      new GrpcError(statusCodes.resourceExhausted, "etcdserver: mvcc: database space exceeded"),
      "failed",
    ],
    ["was given up on", new GrpcError(statusCodes.deadlineExceeded, "context deadline exceeded"), "unknown"],
    ["lost its leader", new GrpcError(statusCodes.unavailable, "etcdserver: request timed out"), "unknown"],
  ])("that %s", (_what, error, kind) => {
    expect(fateAfter(error)).toEqual({ kind, reason: `${error.code} ${error.details}` });
  });

  it("is not guessed after a mistake of our own", () => {
    expect(() => fateAfter(new TypeError("a bug"))).toThrow("a bug");
  });
});

describe("the workload", () => {
  const config = { prefix: "r1/", groups: 3, keysPerGroup: 3, mostValueBytes: 100 };
  const steps = (seed: number, count: number): Step[] => {
    const random = createSeededRandom(seed);
    let number = 0;
    const names = { value: (size: number) => `${++number}#${size}`, lease: () => String(++number) };
    const seen = { revision: 100, modRevisions: new Map([["r1/e0000/g0/k0", 7]]) };
    return Array.from({ length: count }, (_, at) => nextStep(config, Math.floor(at / 100), random, seen, names));
  };

  it("is the same from the same seed", () => {
    expect(steps(3, 200)).toEqual(steps(3, 200));
  });

  it("has everything in it, and nothing outside its prefix", () => {
    const all = steps(4, 2000);
    const requests = all.flatMap((step) => (step.kind === "request" ? [step.request] : []));
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(["request", "lease", "watch", "compact"]));
    expect(new Set(requests.map(({ kind }) => kind))).toEqual(new Set(["put", "range", "delete", "txn"]));
    const keys = requests.flatMap((request) => ("key" in request ? [request.key] : []));
    expect(keys.filter((key) => !covers(under("r1/"), key))).toEqual([]);
  });
});
