import { expect, test } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createFakeRuntime, sandboxRequest } from "@coxswain/container-runtime/testing";
import { paceRuntime } from "./paced-runtime.ts";

test("a paced runtime runs so many operations at once, and clears away before it begins another pod", async () => {
  const clock = createSimulatedClock(0);
  const fake = createFakeRuntime({ clock }, { images: [{ reference: "pause" }] });
  const journal: string[] = [];
  const gates: (() => void)[] = [];
  const slow = paceRuntime(
    {
      ...fake,
      runPodSandbox: async (config) => {
        journal.push(`run ${config.name}`);
        await new Promise<void>((resolve) => gates.push(resolve));
        return fake.runPodSandbox(config);
      },
      removeContainer: async (id) => void journal.push(`remove ${id}`),
    },
    1,
  );
  const begun = ["a", "b"].map((name) => slow.runPodSandbox(sandboxRequest({ name })));
  const removed = slow.removeContainer("x");
  await clock.advance(0);
  expect(journal).toEqual(["run a"]);
  gates.shift()?.();
  await begun[0];
  await removed;
  await clock.advance(0);
  expect(journal).toEqual(["run a", "remove x", "run b"]);
  gates.shift()?.();
  await begun[1];
});
