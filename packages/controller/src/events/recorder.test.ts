import { describe, expect, it } from "vitest";
import { events } from "@coxswain/api/core/v1";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeApi, silentLog } from "../../testing/index.ts";
import { createEventRecorder } from "./recorder.ts";

function create() {
  const clock = createSimulatedClock();
  const random = createSeededRandom(1);
  const api = createFakeApi({ clock, random });
  const recorder = createEventRecorder({ component: "test" }, { client: api.client, clock, random, log: silentLog });
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "default", uid: "1" } };
  const written = () => api.all(events).map(({ count, message, reason }) => `${reason} ×${count} ${message}`);
  return { clock, recorder, object, written };
}

describe("an event recorder", () => {
  it("counts what is said again instead of saying it again", async () => {
    const { recorder, object, written } = create();
    for (let time = 0; time < 3; time++) recorder.record(object, "Warning", "BackOff", "restarting failed container");
    await recorder.flush();
    expect(written()).toEqual(["BackOff ×3 restarting failed container"]);
  });

  it("combines many different messages of one reason", async () => {
    const { recorder, object, written } = create();
    for (let time = 0; time < 15; time++) recorder.record(object, "Normal", "Created", `pod ${time}`);
    await recorder.flush();
    expect(written().slice(10)).toEqual(["Created ×5 (combined from similar events): pod 14"]);
  });

  it("falls silent about an object that has too much to say, and speaks again later", async () => {
    const { clock, recorder, object, written } = create();
    for (let time = 0; time < 100; time++) recorder.record(object, "Normal", `Reason${time}`, "x");
    await recorder.flush();
    expect(written()).toHaveLength(25);
    await clock.advance(300_000);
    recorder.record(object, "Normal", "Later", "x");
    await recorder.flush();
    expect(written()).toHaveLength(26);
  });
});
