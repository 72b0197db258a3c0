// A pod's cgroup with a real process in it that no engine knows. Skipped, with the reason in the name, where the machine has none of version 1 or does
// not let us make one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { systemClock as clock, systemRandom as random } from "@coxswain/clock";
import { createLogger } from "@coxswain/daemon";
import { createPodCgroups, whyNoPodCgroups } from "./pod-cgroups.ts";

const absence = whyNoPodCgroups({ cgroupVersion: 1, cgroupDriver: "cgroupfs" }) ?? whyNotOurs();

describe.skipIf(absence !== undefined)(`a pod's cgroup${absence === undefined ? "" : ` (skipped: ${absence})`}`, () => {
  const top = `kubepods_test-${random.suffix(5)}`;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", uid: "u-1" },
    spec: { containers: [{ name: "c" }] },
  };
  const cgroups = createPodCgroups(
    { top, allocatable: undefined },
    { clock, log: createLogger("test", "error"), pods: () => [pod] },
  );
  afterAll(() => cgroups.clear());

  test("goes with the pod, and with it what an engine has left running there", async () => {
    const path = cgroups.prepare(pod) ?? "";
    expect([path, cgroups.podUids()]).toEqual([`/${top}/besteffort/podu-1`, ["u-1"]]);
    const child = spawn("sleep", ["300"], { stdio: "ignore" });
    await once(child, "spawn");
    for (const controller of ["cpu", "memory"])
      writeFileSync(`/sys/fs/cgroup/${controller}${path}/cgroup.procs`, `${child.pid ?? 0}`);
    const [[, signal]] = await Promise.all([once(child, "exit"), cgroups.remove("u-1")]);
    expect([signal, existsSync(`/sys/fs/cgroup/memory${path}`), cgroups.podUids()]).toEqual(["SIGKILL", false, []]);
  });
});

function whyNotOurs(): string | undefined {
  try {
    accessSync("/sys/fs/cgroup/memory", constants.W_OK);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
