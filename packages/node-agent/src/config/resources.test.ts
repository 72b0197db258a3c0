import { expect, test } from "vitest";
import { UsageError, parseFlags } from "@coxswain/daemon";
import { readResourceConfig, resourceFlags } from "./resources.ts";

const podCgroups = (...given: string[]) => readResourceConfig(parseFlags(resourceFlags, given)).podCgroups;

test("pods have as many processes as they want, unless a number is said", () => {
  const plain = { isOn: true, enforcesAllocatable: true, processesPerPod: undefined, singleProcessOomKill: false };
  expect(podCgroups()).toEqual(plain);
  expect(podCgroups("--pod-max-pids=0")).toEqual(plain);
  expect(podCgroups("--pod-max-pids=100", "--single-process-oom-kill")).toEqual({
    ...plain,
    ...{ processesPerPod: 100, singleProcessOomKill: true },
  });
});

test("a number of processes needs cgroups of pods", () => {
  const off = ["--cgroups-per-qos=false", "--enforce-node-allocatable=none"];
  expect(podCgroups(...off)).toMatchObject({ isOn: false, enforcesAllocatable: false });
  expect(() => podCgroups(...off, "--pod-max-pids=100")).toThrow(
    new UsageError("--pod-max-pids needs --cgroups-per-qos"),
  );
});
