import { describe, expect, test } from "vitest";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { marks } from "@coxswain/container-runtime";
import { containerRequest, createFakeRuntime, sandboxRequest } from "@coxswain/container-runtime/testing";
import { agentMarks } from "../../core/container/config.ts";
import { findAttempt } from "./logs.ts";

describe("the attempt whose log is asked for", () => {
  test("is the newest that has begun, or the one before", async () => {
    const runtime = createFakeRuntime({ clock: createSimulatedClock() }, { everyImage: true });
    const sandbox = await runtime.runPodSandbox(sandboxRequest());
    const podUid = sandboxRequest().labels[marks.podUid] ?? "";
    const find = (previous = 0) => findAttempt(runtime, podUid, "main", previous);
    const attempt = async (number: number): Promise<string> => {
      const request = containerRequest({ name: `main-${number}` });
      const labels = { ...request.labels, [agentMarks.attempt]: String(number) };
      return runtime.createContainer(sandbox, { ...request, labels });
    };

    const first = await attempt(0);
    expect(await find()).toEqual({ missing: 0, present: [] });
    await runtime.startContainer(first);
    expect(await find()).toEqual({ id: first });
    await runtime.stopContainer(first, 0);

    // Whoever follows now would hear of a container that does not run, and take the log for ended.
    const second = await attempt(1);
    expect(await find()).toEqual({ id: first });
    await runtime.startContainer(second);
    expect(await find()).toEqual({ id: second });
    expect(await find(1)).toEqual({ id: first });
    expect(await find(2)).toEqual({ missing: 0, present: [1, 0] });
  });
});
