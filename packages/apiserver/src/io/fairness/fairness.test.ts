import { createSimulatedClock } from "@coxswain/clock/testing";
import { createMetricsRegistry } from "@coxswain/daemon";
import { StatusError } from "@coxswain/apimachinery";
import { describe, expect, it } from "vitest";
import { defaultLevels } from "../../core/flow-schemas/defaults.ts";
import { readRequestInfo } from "../../core/request-info.ts";
import { metricTable } from "../../metrics.ts";
import { createFairness } from "./fairness.ts";

function rig(seats: number) {
  const clock = createSimulatedClock();
  const registry = createMetricsRegistry("test");
  let levels = defaultLevels;
  let changed = (): void => undefined;
  const fairness = createFairness(seats, {
    flowSchemas: { levels: () => levels, onChange: (listener) => (changed = listener) },
    stored: () => undefined,
    clock,
    metrics: registry.create(metricTable),
    onError: (error) => {
      throw error;
    },
  });
  return {
    clock,
    fairness,
    setLevels(next: typeof levels) {
      levels = next;
      changed();
    },
    /** What comes of a request: a way to end it, the code of its refusal, or nothing yet. */
    async ask(level: string, path = "/api/v1/pods", signal = new AbortController().signal) {
      const [plain = "", text = ""] = path.split("?");
      const query = new URLSearchParams(text);
      const info = readRequestInfo("GET", plain, query);
      const flow = { schema: "s", level: "l", schemaName: "any", levelName: level, by: "ByUser" };
      let came: (() => void) | StatusError | undefined;
      const user = { username: "jane", groups: [] };
      void (async () => fairness.enter({ info, user, flow, query, signal }))().then(
        (leave) => (came = leave),
        (error: unknown) => {
          if (!(error instanceof StatusError)) throw error;
          came = error;
        },
      );
      await clock.advance(0);
      return {
        leave: () => typeof came === "function" && came(),
        get outcome() {
          if (came instanceof StatusError) return came.status.details?.retryAfterSeconds;
          return came === undefined ? "waits" : "goes";
        },
      };
    },
    async shown(name: string, labels: string) {
      fairness.show();
      const line = (await registry.expose()).split("\n").find((each) => each.startsWith(`${name}{${labels}`));
      return line?.split(" ").at(-1);
    },
  };
}

describe("fairness", () => {
  it("lets in as many as a level has seats, the others as these leave", async () => {
    // 2 of 24 seats for the level of everybody.
    const { ask, shown } = rig(24);
    const nominal = Number(await shown("apiserver_flowcontrol_current_limit_seats", 'priority_level="global-default"'));
    const first = await Promise.all(Array.from({ length: nominal }, () => ask("global-default")));
    expect(first.map(({ outcome }) => outcome)).toEqual(first.map(() => "goes"));
    const next = await ask("global-default");
    expect(next.outcome).toBe("waits");
    const labels = 'priority_level="global-default",flow_schema="any"';
    expect(await shown("apiserver_flowcontrol_current_inqueue_requests", labels)).toBe("1");
    first[0]?.leave();
    first[0]?.leave();
    await Promise.resolve();
    await ask("exempt");
    expect(next.outcome).toBe("goes");
    expect(await shown("apiserver_flowcontrol_dispatched_requests_total", labels)).toBe(String(nominal + 1));
    expect(await shown("apiserver_flowcontrol_current_executing_requests", labels)).toBe(String(nominal));
  });

  it("refuses who has waited for a quarter of its time, or is gone, and whoever comes where nobody may wait", async () => {
    const { ask, clock, shown } = rig(1);
    expect((await ask("global-default")).outcome).toBe("goes");
    const patient = await ask("global-default");
    const hasty = await ask("global-default", "/api/v1/pods?timeout=8s");
    const client = new AbortController();
    const gone = await ask("global-default", "/api/v1/pods", client.signal);
    client.abort();
    await clock.advance(1999);
    expect([patient.outcome, hasty.outcome, gone.outcome]).toEqual(["waits", "waits", 1]);
    await clock.advance(1);
    expect([patient.outcome, hasty.outcome]).toEqual(["waits", 1]);
    await clock.advance(13_000);
    expect(patient.outcome).toBe(1);
    expect(clock.pending()).toBe(0);
    const all = await Promise.all([ask("catch-all"), ask("catch-all")]);
    expect(all.map(({ outcome }) => outcome)).toEqual(["goes", 1]);
    const rejected = "apiserver_flowcontrol_rejected_requests_total";
    const labels = 'priority_level="global-default",flow_schema="any"';
    for (const reason of ["cancelled", "time-out"])
      expect(Number(await shown(rejected, `${labels},reason="${reason}"`))).toBeGreaterThan(0);
    expect(await shown(rejected, 'priority_level="catch-all",flow_schema="any",reason="concurrency-limit"')).toBe("1");
  });

  it("lends a level what others do not want, after a while", async () => {
    const { ask, clock, fairness } = rig(245);
    await fairness.start(new AbortController().signal);
    const all = await Promise.all(Array.from({ length: 100 }, () => ask("global-default")));
    const going = (): number => all.filter(({ outcome }) => outcome === "goes").length;
    const before = going();
    expect(before).toBeLessThan(50);
    await clock.advance(10_000);
    expect(going()).toBeGreaterThan(before + 20);
    await fairness.stop();
  });

  it("gives streams and what the exempt ask no limit, and none to a level that nobody knows", async () => {
    const { ask } = rig(1);
    const all = await Promise.all([
      ...Array.from({ length: 20 }, () => ask("exempt")),
      ...Array.from({ length: 20 }, () => ask("catch-all", "/api/v1/namespaces/a/pods/x/log")),
      ...Array.from({ length: 20 }, () => ask("of yesterday")),
    ]);
    expect(all.filter(({ outcome }) => outcome !== "goes")).toEqual([]);
  });

  it("serves those that wait at a level that has been deleted, and then forgets it", async () => {
    const { ask, clock, fairness, setLevels, shown } = rig(1);
    await fairness.start(new AbortController().signal);
    const first = await ask("global-default");
    const second = await ask("global-default");
    setLevels(defaultLevels.filter(({ metadata }) => metadata.name !== "global-default"));
    const metric = "apiserver_flowcontrol_nominal_limit_seats";
    expect(await shown(metric, 'priority_level="global-default"')).toBe("1");
    first.leave();
    await clock.advance(1);
    expect(second.outcome).toBe("goes");
    second.leave();
    await clock.advance(10_000);
    expect(await shown(metric, 'priority_level="global-default"')).toBeUndefined();
    await fairness.stop();
  });
});
