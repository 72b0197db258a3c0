// The machine's control group gets so many hundredths of a processor.
import { existsSync } from "node:fs";
import type { Ground, HardshipHand } from "../ground.ts";

const periodUs = 100_000;

const setQuota = async (ground: Ground, machine: string, quotaUs: number): Promise<void> =>
  void (await ground.run(machine, [
    "sh",
    "-ec",
    'for file in /sys/fs/cgroup/cpu*/cpu.cfs_quota_us; do echo "$1" > "$file"; done',
    "quota",
    String(quotaUs),
  ]));

export const starvation: HardshipHand = {
  available: () =>
    existsSync("/sys/fs/cgroup/cpu")
      ? undefined
      : "control groups of version 2 do not show a machine the limits of its own group",
  impose: (ground, machine, percent) => setQuota(ground, machine, (periodUs * percent) / 100),
  lift: (ground, machine) => setQuota(ground, machine, -1),
};
