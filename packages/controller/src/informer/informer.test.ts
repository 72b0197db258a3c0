import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pods } from "@coxswain/api/core/v1";
import type { Pod } from "@coxswain/api/core/v1";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi, silentLog } from "../../testing/index.ts";
import { createInformer } from "./informer.ts";

const pod = (name: string, node?: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  ...(node ? { spec: { nodeName: node, containers: [] } } : {}),
});

function create(seed: number) {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const api = createFakeApi({ clock, random });
  const source = api.resource(pods);
  const informer = createInformer(
    source,
    { indexers: { node: (one) => [one.spec?.nodeName ?? ""] } },
    { clock, random, log: silentLog },
  );
  const told: string[] = [];
  informer.subscribe((event) => told.push(`${event.type} ${event.object.metadata.name}`));
  const stop = new AbortController();
  return { clock, random, api, source, informer, told, stop, running: informer.run(stop.signal) };
}

describe("an informer", () => {
  it("lists, then follows, and tells each change once", async () => {
    const { clock, api, source, informer, told, stop, running } = create(1);
    api.faults.repeat = 1;
    await clock.advance(0);
    await source.create(pod("a", "n1"));
    await source.patch({ namespace: "default", name: "a" }, { metadata: { labels: { x: "y" } } }, { type: "merge" });
    await source.delete({ namespace: "default", name: "a" });
    await clock.advance(10);
    expect(told).toEqual(["added a", "updated a", "deleted a"]);
    expect(informer.byIndex("node", "n1")).toEqual([]);
    stop.abort();
    await running;
  });

  it("mends with a list what it missed when history is gone, a replaced object included", async () => {
    const { clock, api, source, informer, told, stop, running } = create(2);
    for (const name of ["a", "b"]) await source.create(pod(name));
    await clock.advance(0);
    api.faults.delayMs = 1_000_000; // nothing is told from now on
    for (const name of ["a", "b"]) await source.delete({ namespace: "default", name });
    for (const name of ["b", "c"]) await source.create(pod(name));
    api.loseHistory();
    await clock.advance(20_000);
    expect(told).toEqual(["added a", "added b", "deleted b", "added b", "added c", "deleted a"]);
    expect(
      informer
        .list()
        .map((one) => one.metadata.name)
        .sort(),
    ).toEqual(["b", "c"]);
    stop.abort();
    await running;
  });

  it("agrees with the server in the end, whatever the watches suffer", async () => {
    const step = fc.record({
      name: fc.constantFrom("a", "b", "c"),
      verb: fc.constantFrom("create", "label", "delete", "drop", "lose"),
    });
    const run = fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 40 }), async (seed, steps) => {
      const { clock, api, source, informer, stop, running } = create(seed);
      Object.assign(api.faults, { repeat: 0.3, drop: 0.2, delayMs: seed % 50 });
      for (const [index, { name, verb }] of steps.entries()) {
        const ref = { namespace: "default", name };
        const exists = api.all(pods).some((one) => one.metadata.name === name);
        if (verb === "create" && !exists) await source.create(pod(name));
        if (verb === "label" && exists)
          await source.patch(ref, { metadata: { labels: { at: String(index) } } }, { type: "merge" });
        if (verb === "delete" && exists) await source.delete(ref);
        if (verb === "drop") api.dropWatches();
        if (verb === "lose") api.loseHistory();
        await clock.advance(seed % 30);
      }
      await clock.advance(120_000);
      const seen = (list: readonly { metadata: { name: string; resourceVersion?: string | undefined } }[]) =>
        list.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
      expect(seen(informer.list())).toEqual(seen(api.all(pods)));
      stop.abort();
      await running;
    });
    await fc.assert(run, { numRuns: 40 });
  }, 30_000);
});
