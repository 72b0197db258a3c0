import { describe, expect, it } from "vitest";
import { leases } from "@coxswain/api/coordination/v1";
import { configMaps } from "@coxswain/api/core/v1";
import type { Client } from "@coxswain/client";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi, silentLog } from "../../testing/index.ts";
import { createLeaderElector, defaultLeaderElection } from "./elector.ts";
import { fenceClient, NotLeadingError } from "./fence.ts";

const lease = { namespace: "kube-system", name: "test" };

function create() {
  const clock = createSimulatedClock();
  const random = createSeededRandom(1);
  const api = createFakeApi({ clock, random });
  const candidate = (identity: string) => {
    const stop = new AbortController();
    const reachable = { value: true };
    /** A client that can be cut off. */
    const client: Client = {
      ...api.client,
      resource: (descriptor) => {
        const inner = api.resource(descriptor);
        const gate = <R>(call: () => Promise<R>): Promise<R> => (reachable.value ? call() : new Promise<R>(() => {}));
        return {
          ...inner,
          get: (...args) => gate(() => inner.get(...args)),
          update: (...args) => gate(() => inner.update(...args)),
        };
      },
    };
    const elector = createLeaderElector(
      { lease, identity, ...defaultLeaderElection },
      { client, clock, random, log: silentLog },
    );
    const terms: string[] = [];
    const running = elector.run(stop.signal, async (signal) => {
      terms.push("begins");
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      terms.push("ends");
    });
    return { elector, client, reachable, terms, stop, running };
  };
  return { clock, api, candidate };
}

describe("leader election", () => {
  it("lets one lead and hands over at once when it stops", async () => {
    const { clock, api, candidate } = create();
    const a = candidate("a");
    await clock.advance(100);
    const b = candidate("b");
    await clock.advance(60_000);
    expect([a.elector.isLeading(), b.elector.isLeading(), b.elector.leader()]).toEqual([true, false, "a"]);
    a.stop.abort();
    await clock.advance(3_000);
    await a.running;
    expect([a.terms, b.elector.isLeading()]).toEqual([["begins", "ends"], true]);
    expect(api.all(leases)[0]?.spec).toMatchObject({
      holderIdentity: "b",
      leaseDurationSeconds: 15,
      leaseTransitions: 1,
    });
    b.stop.abort();
    await clock.advance(0);
    await b.running;
  });

  it("never has two who may write, also when the leader is cut off", async () => {
    const { clock, candidate } = create();
    const a = candidate("a");
    await clock.advance(100);
    const b = candidate("b");
    await clock.advance(5_000);
    a.reachable.value = false;
    let both = false;
    for (let ms = 0; ms < 40_000; ms += 100) {
      await clock.advance(100);
      both ||= a.elector.isLeading() && b.elector.isLeading();
    }
    expect([both, a.elector.isLeading(), b.elector.isLeading()]).toEqual([false, false, true]);
    a.stop.abort();
    b.stop.abort();
  });

  it("refuses the writes of a leader whose time is over before it has noticed", async () => {
    const { clock, candidate } = create();
    const a = candidate("a");
    await clock.advance(100);
    const fenced = fenceClient(a.client, a.elector.isLeading).resource(configMaps);
    const map = {
      apiVersion: "v1" as const,
      kind: "ConfigMap" as const,
      metadata: { name: "x", namespace: "default" },
    };
    await fenced.create(map);
    a.reachable.value = false;
    await clock.advance(10_001);
    await expect(fenced.create(map)).rejects.toBeInstanceOf(NotLeadingError);
    a.stop.abort();
  });

  it("gives up rather than wait for ever for work that does not end with its time", async () => {
    const { clock, api, candidate } = create();
    const { client, reachable, stop } = candidate("idle");
    stop.abort();
    await clock.advance(0);
    const elector = createLeaderElector(
      { lease, identity: "deaf", ...defaultLeaderElection },
      { client, clock, random: createSeededRandom(2), log: silentLog },
    );
    let failure: unknown;
    const running = elector
      .run(new AbortController().signal, () => new Promise<void>(() => {}))
      .catch((error: unknown) => {
        failure = error;
      });
    await clock.advance(20_000);
    expect([elector.isLeading(), api.all(leases)[0]?.spec?.holderIdentity]).toEqual([true, "deaf"]);
    reachable.value = false;
    await clock.advance(20_000);
    expect([elector.isLeading(), failure]).toEqual([false, undefined]);
    await clock.advance(20_000);
    expect(String(failure)).toBe("Error: what led has not ended 15 s after its time");
    await running;
  });
});
