import { expect, test } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeRuntime } from "@coxswain/container-runtime/testing";
import { createLogger } from "@coxswain/daemon";
import { createEngineWatch } from "./engine-watch.ts";

test("an engine is down when it has refused or kept silent for half a minute, and up again at its first answer", async () => {
  const clock = createSimulatedClock();
  const runtime = createFakeRuntime({ clock }, { images: [{ reference: "web:1" }] });
  let answer = (_signal?: AbortSignal): Promise<void> => Promise.resolve();
  const told: (string | undefined)[] = [];
  const watch = createEngineWatch({
    ...{ clock, log: createLogger("test", "error") },
    runtime: { listImages: (signal) => runtime.listImages(signal), ready: (signal) => answer(signal) },
    changed: () => void told.push(watch.missing()),
  });
  const aborter = new AbortController();
  const running = watch.run(aborter.signal);
  await clock.advance(20_000);
  expect([watch.missing(), watch.images()?.map(({ tags }) => tags)]).toEqual([undefined, [["web:1"]]]);

  answer = () => Promise.reject(new Error("connect ENOENT"));
  await clock.advance(25_000);
  expect(watch.missing()).toBe(undefined);
  await clock.advance(15_000);
  expect(watch.missing()).toBe("container runtime is down: connect ENOENT");
  answer = () => Promise.resolve();
  await clock.advance(10_000);

  // One that hangs: the question is given up, and asked again.
  answer = (signal) =>
    new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
  await clock.advance(60_000);
  expect(told).toEqual([
    "container runtime is down: connect ENOENT",
    undefined,
    "container runtime is down: no answer within 10 s",
  ]);
  aborter.abort(new Error("over"));
  await running;
});
