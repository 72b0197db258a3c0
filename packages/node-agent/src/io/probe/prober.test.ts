import { expect, test } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { systemRandom as random } from "@coxswain/clock";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { RuntimeError } from "@coxswain/container-runtime";
import { createFakeRuntime } from "@coxswain/container-runtime/testing";
import type { ContainerView } from "../../core/pod/view.ts";
import { createProber } from "./prober.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop", uid: "uid-1" },
  spec: {
    containers: [
      {
        name: "main",
        livenessProbe: { exec: { command: ["look"] }, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 2 },
      },
      { name: "typo", readinessProbe: { tcpSocket: { port: "htpp" }, periodSeconds: 1, failureThreshold: 1 } },
    ],
  },
};
const view = (name: string, id: string): ContainerView => ({
  ...{ id, name, sandboxId: "s", attempt: 0, crashes: 0, specHash: "", state: "running", createdAtMs: 0 },
  ...{ startedAtMs: 0, finishedAtMs: undefined, exitCode: undefined, oomKilled: false, startError: undefined },
  ...{ image: "", imageId: "", terminationMessage: "", resources: undefined },
});

test("an engine that is away fails no liveness probe; a container that says no does", async () => {
  const clock = createSimulatedClock();
  let answer = 0;
  const fake = createFakeRuntime({ clock }, { images: [{ reference: "app" }], exec: () => ({ exitCode: answer }) });
  let isAway = false;
  const events: string[] = [];
  const sandbox = await fake.runPodSandbox({
    ...{ name: "s", image: "app", hostname: "web", labels: {}, network: "none", hostPid: false, hostIpc: false },
    sysctls: {},
  });
  const prober = createProber({
    ...{ clock, random, changed: () => undefined },
    runtime: {
      ...fake,
      exec: (id, request) =>
        isAway ? Promise.reject(new RuntimeError("unavailable", "connect ENOENT")) : fake.exec(id, request),
    },
    events: { record: (_pod, container, _type, _reason, message) => void events.push(`${container}: ${message}`) },
  });
  prober.follow(pod, [view("main", sandbox), view("typo", "t")], "10.0.0.1");
  const liveness = () => prober.verdicts().get(sandbox)?.liveness?.result;
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) {
      await clock.advance(1_000);
      // What an exec says goes through streams, which no simulated clock drives.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await settle();
  expect(liveness()).toBe("success");
  isAway = true;
  await settle();
  expect(liveness()).toBe("success");
  expect(new Set(events)).toEqual(
    new Set([
      'typo: Readiness probe errored and resulted in unknown state: couldn\'t find port: "htpp" in container typo',
      "main: Liveness probe errored and resulted in unknown state: connect ENOENT",
    ]),
  );
  isAway = false;
  answer = 1;
  await expect
    .poll(
      async () => {
        await settle();
        return liveness();
      },
      { timeout: 10_000 },
    )
    .toBe("failure");

  const ending = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: "2026-01-02T03:04:05Z" } };
  prober.follow(ending, [view("main", sandbox), view("typo", "t")], "10.0.0.1");
  await settle();
  events.length = 0;
  await settle();
  expect(new Set(events.map((text) => text.split(" ")[1]))).toEqual(new Set(["Readiness"]));
  prober.stop();
});
