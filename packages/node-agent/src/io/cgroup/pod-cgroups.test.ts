// A pod's cgroup with a real process in it that no engine knows, by each driver that the machine has. Skipped, with the reason in the name, where it has
// none or does not let us make one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Pod } from "@coxswain/api/core/v1";
import { systemClock as clock, systemRandom as random } from "@coxswain/clock";
import { createLogger } from "@coxswain/daemon";
import { cgroupNames } from "../../core/cgroup/names.ts";
import { createPodCgroups, whyNoPodCgroups } from "./pod-cgroups.ts";

describe.each([
  { cgroupVersion: 1, cgroupDriver: "cgroupfs" },
  { cgroupVersion: 2, cgroupDriver: "cgroupfs" },
  { cgroupVersion: 2, cgroupDriver: "systemd" },
] as const)("a pod's cgroup of version $cgroupVersion by $cgroupDriver", (engine) => {
  const absence = whyNoPodCgroups(engine) ?? whyNotOurs(engine.cgroupVersion);
  const top = `kubepods_test-${random.suffix(5)}`;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", uid: "u-1" },
    spec: { containers: [{ name: "c", resources: { limits: { "hugepages-2Mi": "4Mi" } } }] },
  };
  const names = cgroupNames(engine.cgroupDriver, top);
  const cgroups = createPodCgroups(
    { engine, top, allocatable: undefined, processesPerPod: 77, singleProcessOomKill: false },
    { clock, log: createLogger("test", "error"), pods: () => [pod] },
  );
  afterAll(() => (absence === undefined ? cgroups.clear() : undefined));

  test.skipIf(absence !== undefined)(
    `goes with the pod, and with it what an engine has left running there${absence === undefined ? "" : ` (skipped: ${absence})`}`,
    async () => {
      expect(await cgroups.prepare(pod)).toBe(names.parentOf(pod));
      await expect.poll(() => cgroups.podUids(), { timeout: 10_000 }).toEqual(["u-1"]);
      const directoryOf = (controller: string): string =>
        join("/sys/fs/cgroup", engine.cgroupVersion === 1 ? controller : "", names.pathOf(pod));
      expect(readFileSync(join(directoryOf("pids"), "pids.max"), "latin1")).toBe("77\n");
      // Where the kernel has no such controller there is nothing to be held to.
      const pages = ["2MB", "1GB"].map((size) =>
        join(directoryOf("hugetlb"), `hugetlb.${size}.${engine.cgroupVersion === 1 ? "limit_in_bytes" : "max"}`),
      );
      const held = pages.map((file, index) =>
        existsSync(file) ? readFileSync(file, "latin1") : ["4194304\n", "0\n"][index],
      );
      expect(held).toEqual(["4194304\n", "0\n"]);
      // What the engine would make in it.
      const child = spawn("sleep", ["300"], { stdio: "ignore" });
      await once(child, "spawn");
      const directories = (engine.cgroupVersion === 1 ? ["cpu", "memory"] : [""]).map((controller) =>
        join("/sys/fs/cgroup", controller, names.pathOf(pod), "left"),
      );
      for (const directory of directories) {
        mkdirSync(directory);
        writeFileSync(join(directory, "cgroup.procs"), `${child.pid ?? 0}`);
      }
      const [[, signal]] = await Promise.all([once(child, "exit"), cgroups.remove("u-1")]);
      expect([signal, directories.filter((directory) => existsSync(directory)), cgroups.podUids()]).toEqual([
        ...["SIGKILL", [], []],
      ]);
    },
  );
});

function whyNotOurs(version: 1 | 2): string | undefined {
  try {
    accessSync(version === 1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup/cgroup.subtree_control", constants.W_OK);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
