// CronJobs over an API server in memory. The simulated clock begins at 2026-01-01T00:00:00Z.
import { describe, expect, it } from "vitest";
import { cronJobs, jobs } from "@coxswain/api/batch/v1";
import type { CronJob } from "@coxswain/api/batch/v1";
import { events } from "@coxswain/api/core/v1";
import { createWorld } from "../../../testing/world.ts";
import type { World } from "../../../testing/world.ts";
import { createCronJobController } from "./controller.ts";
import { parseSchedule } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";

const cronJob = (spec: Partial<NonNullable<CronJob["spec"]>>): CronJob => ({
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name: "tick", namespace: "default" },
  spec: {
    schedule: "*/5 * * * *",
    concurrencyPolicy: "Allow",
    jobTemplate: { spec: { template: { spec: { containers: [{ name: "c", image: "c" }] } } } },
    ...spec,
  },
});
const times = (world: World): readonly (string | undefined)[] =>
  world.api.all(jobs).map((job) => job.metadata.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"]);
const ref = { namespace: "default", name: "tick" };

async function endAll(world: World): Promise<void> {
  for (const job of world.api.all(jobs).filter((one) => one.status === undefined)) {
    const conditions = [{ type: "Complete", status: "True", lastTransitionTime: world.now() }];
    await world.api
      .resource(jobs)
      .update({ ...job, status: { completionTime: world.now(), conditions } }, { subresource: "status" });
  }
}

describe("a CronJob", () => {
  it("makes one job for each of its times, also when the manager was away in between", async () => {
    const world = createWorld(1);
    let manager = world.start(createCronJobController);
    await world.api.resource(cronJobs).create(cronJob({}));
    await world.settle(610);
    expect(times(world)).toEqual(["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"]);
    await manager.stop();
    await world.settle(900);
    manager = world.start(createCronJobController);
    await world.settle(5);
    expect(times(world)).toEqual(["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:25:00Z"]);
    expect((await world.api.resource(cronJobs).get(ref)).status).toMatchObject({
      lastScheduleTime: "2026-01-01T00:25:00Z",
    });
    await manager.stop();
  });

  it("waits for the job before when it forbids concurrency, and replaces it when told so", async () => {
    for (const [policy, expected] of [
      ["Forbid", ["2026-01-01T00:05:00Z"]],
      ["Replace", ["2026-01-01T00:10:00Z"]],
    ] as const) {
      const world = createWorld(2);
      const manager = world.start(createCronJobController);
      await world.api.resource(cronJobs).create(cronJob({ concurrencyPolicy: policy }));
      await world.settle(620);
      expect(times(world)).toEqual(expected);
      await manager.stop();
    }
  });

  it("keeps as many ended jobs as its history's limit", async () => {
    const world = createWorld(3);
    const manager = world.start(createCronJobController);
    await world.api.resource(cronJobs).create(cronJob({ successfulJobsHistoryLimit: 2 }));
    for (let run = 0; run < 6; run++) {
      await world.settle(300);
      await endAll(world);
    }
    await world.settle(5);
    expect(times(world)).not.toContain("2026-01-01T00:15:00Z");
    expect(world.api.all(jobs).filter((job) => job.status !== undefined)).toHaveLength(2);
    await manager.stop();
  });
});

describe("a CronJob in a world that is not in order", () => {
  const told = (world: World) => world.api.all(events).map(({ reason, message }) => `${reason}: ${message}`);

  it("says what it cannot read, and does nothing", async () => {
    for (const [spec, expected] of [
      [
        { timeZone: "Mars/Olympus" },
        'UnknownTimeZone: invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus',
      ],
      [
        { schedule: "@every nonsense" },
        'UnparseableSchedule: unparseable schedule: "@every nonsense" : failed to parse duration',
      ],
    ] as const) {
      const world = createWorld(21);
      const manager = world.start(createCronJobController);
      await world.api.resource(cronJobs).create(cronJob(spec));
      await world.settle(400);
      expect(told(world)).toEqual([expected]);
      expect(times(world)).toEqual([]);
      await manager.stop();
    }
  });

  it("runs once when the clock jumps forward, without waiting for its old alarm, and not again when it jumps back", async () => {
    const world = createWorld(22);
    const manager = world.start(createCronJobController);
    await world.api.resource(cronJobs).create(cronJob({ schedule: "0 * * * *" }));
    await world.settle(5);
    world.clock.jump(20 * 3_600_000);
    await world.settle(65);
    expect(times(world)).toEqual(["2026-01-01T20:00:00Z"]);
    world.clock.jump(-10 * 3_600_000);
    await world.settle(3_700);
    expect(times(world)).toEqual(["2026-01-01T20:00:00Z"]);
    await manager.stop();
  });

  it("warns when it has missed more than a hundred times, once, and runs the last of them", async () => {
    const world = createWorld(23);
    await world.api.resource(cronJobs).create(cronJob({ schedule: "* * * * *" }));
    world.clock.jump(3 * 3_600_000);
    const manager = world.start(createCronJobController);
    await world.settle(20);
    expect(times(world)).toEqual(["2026-01-01T03:00:00Z"]);
    expect(told(world)).toContain(
      "TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
    );
    await manager.stop();
  });

  it("tells of a start that came too late once, and of a job that has ended", async () => {
    const world = createWorld(24);
    await world.api.resource(cronJobs).create(cronJob({ schedule: "0 * * * *", startingDeadlineSeconds: 30 }));
    world.clock.jump(2 * 3_600_000 + 120_000);
    const manager = world.start(createCronJobController);
    await world.settle(300);
    expect(told(world)).toEqual([
      "MissSchedule: Missed scheduled time to start a job: Thu, 01 Jan 2026 02:00:00 +0000",
    ]);
    await world.settle(3_400);
    await endAll(world);
    await world.settle(5);
    expect(told(world).at(-1)).toMatch(/^SawCompletedJob: Saw completed job: tick-\d+, condition: Complete$/);
    await manager.stop();
  });
});

describe("a schedule", () => {
  const at = (text: string): number => Date.parse(text);
  const next = (schedule: string, zone: string | undefined, after: string): string | undefined => {
    const parsed = parseSchedule(schedule, zone) as Schedule;
    const ms = parsed.nextAfter(at(after));
    return ms === undefined ? undefined : new Date(ms).toISOString();
  };

  it("is read in its time zone, over a change of the clocks", () => {
    expect(next("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z")).toBe("2026-03-28T01:30:00.000Z");
    expect(next("0 12 * * *", "Europe/Berlin", "2026-03-29T12:00:00Z")).toBe("2026-03-30T10:00:00.000Z");
    expect(next("@every 90m", undefined, "2026-01-01T00:10:00Z")).toBe("2026-01-01T01:30:00.000Z");
    expect(next("0 0 13 * 5", undefined, "2026-01-01T00:00:00Z")).toBe("2026-01-02T00:00:00.000Z");
  });

  it("is refused with a sentence when it means nothing", () => {
    expect(parseSchedule("61 * * * *", undefined)).toHaveProperty("wrong");
    expect(parseSchedule("* * * * *", "Mars/Olympus")).toHaveProperty("wrong");
  });
});
